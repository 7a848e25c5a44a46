"""A mark for tests that convolve in bfloat16 on the CPU, which some processors do wrongly (see hac.train.precision)."""

from __future__ import annotations

import pytest
import torch

from hac.train.precision import sound_bf16

needs_bf16 = pytest.mark.skipif(not sound_bf16(torch.device("cpu")), reason="bfloat16 is wrong on this processor")
