#!/bin/sh
# Measure one reference model on speech it never heard: scripts/reference/evaluate.sh DIR VARIANT
# The models are those of the package (scripts/reference/ship.py); results go to DIR/results/VARIANT. docs/results.md
# was made from them with `hac-analyze compare` and `hac-analyze report`.
set -e
cd "$1"
variant=$2
[ "$variant" = full ] && ckpt=reference || ckpt=reference-$variant
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
