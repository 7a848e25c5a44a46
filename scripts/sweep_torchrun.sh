#!/bin/bash
# The same sweep on one machine, each training on all of its GPUs (DDP), one training after the other.
#
#   scripts/sweep_torchrun.sh SWEEP.yaml OUT [GPUS]
#
# Several machines: another launcher, such as 'torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HOST:29500'.
set -euo pipefail
gpus=${3:-$(nvidia-smi --list-gpus | wc -l)}
exec hac-analyze ablate "$1" -o "$2" --at-once 1 --devices cuda:0 \
    --launcher "torchrun --standalone --nproc-per-node $gpus"
