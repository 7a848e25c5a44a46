#!/bin/sh
# Train one reference model: scripts/reference/train.sh DIR VARIANT TEACHER [--set KEY=VALUE ...]
#   DIR      made by scripts/reference/data.py        VARIANT  a file in configs/ablation, without .yaml
#   TEACHER  folder of OpenAI's Whisper base, the encoder that stands in for HuBERT
#   Of the environment: STEPS (3000), SEED (0; another one gets a folder of its own), MODEL.
# One thread is as quick as two here, so two variants can share two cores. Run again, it goes on where it stopped.
set -e
here=$(cd "$(dirname "$0")/../.." && pwd)
dir=$1
variant=$2
teacher=$3
shift 3
case $variant in
    full | no_lexical_teacher) speech="--set teachers.speech.name=whisper --set teachers.speech.layer=4 --set teachers.speech.window_s=5" ;;
    *) speech= ;;
esac
case $variant in
    full | no_phonetic_teacher) text="--set teachers.text.name=use" ;;
    *) text= ;;
esac
# as many codebooks as the others have in all
[ "$variant" = acoustic_only ] && levels="--set model.acoustic_codebooks=9" || levels=
cd "$dir"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
# shellcheck disable=SC2086
exec "${HAC:-hac}" train "$here/configs/ablation/$variant.yaml" -o "$variant${SEED:+-seed-$SEED}" --set "seed=${SEED:-0}" \
    --set "model.base=$here/configs/${MODEL:-model/hac-nano-stft.yaml}" --set precision=float32 --set data.workers=0 \
    --set 'data.train=[real/train.jsonl,synthetic/train.jsonl]' --set data.validation=real/dev.jsonl \
    --set data.alignments=real/alignments.parquet --set data.batch_s=12 --set data.max_s=12 \
    --set losses.window_s=1 --set losses.windows=2 --set data.min_s=1 --set losses.waveform=300 \
    --set losses.adversarial=0 --set losses.feature_matching=0 \
    --set optimizer.learning_rate=2.0e-3 --set optimizer.warmup_steps=100 --set optimizer.schedule=cosine \
    --set validation.every=200 --set validation.max_utterances=60 --set checkpoint.every=200 --set checkpoint.keep=100 \
    --set "steps=${STEPS:-3000}" ${speech:+$speech --set "teachers.speech.where=$teacher"} $text $levels "$@"
