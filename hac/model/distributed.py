"""Tensors that several processes of one training have in common; with one process, nothing happens."""

from __future__ import annotations

import torch.distributed as dist
from torch import Tensor


def are_several() -> bool:
    """Whether this process is one of several."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def sum_all(tensor: Tensor) -> None:
    """Replace a tensor by its sum over all processes."""
    if are_several():
        dist.all_reduce(tensor)


def share_first(tensor: Tensor) -> None:
    """Replace a tensor by that of the first process."""
    if are_several():
        dist.broadcast(tensor, src=0)
