#!/bin/sh
# Measure one reference model on speech it never heard: scripts/reference/evaluate.sh DIR VARIANT
# The models are those of the package (scripts/reference/ship.py); those of other seeds (full-seed-1, ...) are taken where
# they were trained. Results go to DIR/results/VARIANT; tables.py makes the tables of docs/results.md of them, and
# `hac-analyze compare` the differences.
set -e
cd "$1"
variant=$2
case $variant in
    full) ckpt=reference ;;
    *-seed-*) ckpt=$(ls -d "$variant"/checkpoints/step-* | tail -1) ;;
    *) ckpt=reference-$variant ;;
esac
[ "$variant" = acoustic_only ] && depth=9 || depth=7
out=results/$variant
mkdir -p "$out"
analyze=${HAC_ANALYZE:-hac-analyze}
for corpus in real synthetic; do
    "${HAC:-hac}" encode "$corpus/test.jsonl" --tokenizer "hac:$ckpt" -o "$out/$corpus.parquet"
    of="--tokens $out/$corpus.parquet --manifest $corpus/test.jsonl --alignments $corpus/alignments.parquet --name $variant"
    # shellcheck disable=SC2086
    "$analyze" pnmi $of -o "$out/$corpus-pnmi"
    # shellcheck disable=SC2086
    "$analyze" words $of --definition vg-hubert -o "$out/$corpus-words"
done
"$analyze" recon --ckpt "$ckpt" --n-quantizers $depth --manifest real/few.jsonl --name "$variant" --mos none \
    --metrics pesq_wb,stoi,mel_distance,f0_corr,wer,speaker_similarity -o "$out/english-recon"
