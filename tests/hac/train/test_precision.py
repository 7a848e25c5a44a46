"""A processor that convolves wrongly in bfloat16 is found out, and training in it refused."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from hac.errors import HacError
from hac.train import precision
from hac.train.precision import check_precision, sound_bf16

CPU = torch.device("cpu")


def broken(samples: torch.Tensor, weight: torch.Tensor, **rest: int) -> torch.Tensor:
    """A convolution that forgets the last channel in bfloat16."""
    if samples.dtype is torch.bfloat16:
        samples, weight = samples[:, :-1], weight[:, :-1]
    return F.conv1d(samples, weight, **rest)


class Broken:
    conv1d = staticmethod(broken)


def test_wrong_numbers_are_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(precision, "F", Broken)
    assert not sound_bf16(CPU)
    with pytest.raises(HacError, match="ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 in the environment, or use precision="):
        check_precision("bf16", CPU)
    check_precision("float32", CPU)


def test_the_way_out_is_one():
    code = "import torch; from hac.train.precision import check_precision; check_precision('bf16', torch.device('cpu'))"
    subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}, check=True
    )
