"""Whether a device counts in bfloat16 what it should."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from hac.errors import HacError

MOST_OFF = 0.1
"""Of the largest value; rounding to bfloat16 alone makes less than a tenth of it."""


def sound_bf16(device: torch.device) -> bool:
    """Whether strided convolutions of few channels come out right in bfloat16, as the encoder has them.

    oneDNN 3.12, which torch 2.13 carries, gives wrong numbers for them on processors with AMX (kernel 2 x stride, less
    than 16 channels; found by this check, and near to what https://github.com/pytorch/pytorch/issues/169688 describes).
    """
    generator = torch.Generator().manual_seed(0)
    for stride, channels in ((4, 8), (8, 12)):
        samples = torch.randn(1, channels, 640, generator=generator).to(device)
        weight = torch.randn(16, channels, 2 * stride, generator=generator).to(device)
        expected = F.conv1d(samples, weight, stride=stride, padding=stride // 2)
        found = F.conv1d(samples.bfloat16(), weight.bfloat16(), stride=stride, padding=stride // 2).float()
        if not bool((found - expected).abs().max() <= MOST_OFF * expected.abs().max()):
            return False
    return True


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse a precision that gives wrong numbers on this machine.

    Raises:
        HacError: it does.
    """
    if precision == "bf16" and not sound_bf16(device):
        raise HacError(
            "precision=bf16: bfloat16 convolutions give wrong numbers on this processor (a fault of oneDNN with AMX "
            "instructions); set ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 in the environment, or use precision=float32"
        )
