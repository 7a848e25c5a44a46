#!/bin/sh
# Measure one reference model on speech it never heard: scripts/reference/evaluate.sh DIR VARIANT
# Run after scripts/reference/train.sh; results go to DIR/results/VARIANT. Then `hac-analyze compare` and `report`.
set -e
cd "$1"
variant=$2
ckpt=$(ls -d "$variant"/checkpoints/step-* | tail -n 1)
out=results/$variant
analyze=${HAC_ANALYZE:-hac-analyze}
tokens=$(dirname "$analyze")/hac
for corpus in real synthetic; do
    "$tokens" encode "$corpus/test.jsonl" --tokenizer "hac:$ckpt" -o "$out/$corpus.parquet"
    of="--tokens $out/$corpus.parquet --manifest $corpus/test.jsonl --alignments $corpus/alignments.parquet --name $variant"
    # shellcheck disable=SC2086
    {
        "$analyze" pnmi $of -o "$out/$corpus-pnmi"
        "$analyze" words $of -o "$out/$corpus-words"
        "$analyze" boundaries $of -o "$out/$corpus-boundaries"
        "$analyze" usage --tokens "$out/$corpus.parquet" --manifest "$corpus/test.jsonl" --name "$variant" -o "$out/$corpus-usage"
        "$analyze" leakage $of -o "$out/$corpus-leakage"
    }
done
english="--ckpt $ckpt --manifest real/test-corpus.jsonl --name $variant"
# shellcheck disable=SC2086
"$analyze" recon $english -o "$out/english-recon"
# shellcheck disable=SC2086
"$analyze" intervene $english --alignments real/alignments.parquet -o "$out/english-intervene"
