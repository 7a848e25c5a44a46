"""Memory of a training on a CPU: kept by the C library from step to step instead of given back and asked for again.

glibc returns every large block to the kernel when it is freed; a training step allocates hundreds of them, and the
kernel clears each page anew. In a small codec that is a third of a step.
"""

from __future__ import annotations

import ctypes
import os
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
"""Parameters of mallopt(3)."""


def keep_memory() -> bool:
    """From here on, freed memory stays with this process, in huge pages where the kernel gives them.

    The process then holds as much as its greatest step needed.

    Returns:
        Whether the C library has such a switch; glibc does.
    """
    # read by PyTorch's allocator at its first large block
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 64 * 2**20}
    done = [mallopt(parameter, value) == 1 for parameter, value in wanted.items()]
    return all(done)
