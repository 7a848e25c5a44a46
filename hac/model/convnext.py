"""Layers that have one step a frame: what the encoder and the decoder at the frame rate are made of.

Source: the blocks of ConvNeXt (Liu et al. 2022, arXiv 2201.03545) as Vocos uses them (Siuzdak 2023, arXiv 2306.00814).
Other than there, padding is masked, and layer scales begin at a given size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

KERNEL = 7
FIRST_SCALE = 0.3
"""What every block's scale begins with."""


class FrameBlock(nn.Module):
    """ConvNeXt in one dimension: a depthwise convolution, then two linear layers, added to the input, scaled.

    Args:
        ff_dim: channels between the linear layers.

    Source: Liu et al. 2022 (arXiv 2201.03545), as used by Vocos.
    """

    def __init__(self, width: int, ff_dim: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, ff_dim)
        self.contract = nn.Linear(ff_dim, width)
        self.scale = nn.Parameter(torch.full((width,), FIRST_SCALE))

    def forward(self, hidden: Tensor) -> Tensor:
        """Map [b, width, t] to the same shape."""
        inner = self.norm(self.depthwise(hidden).transpose(1, 2))
        added = self.scale * self.contract(F.gelu(self.expand(inner)))
        output: Tensor = hidden + added.transpose(1, 2)
        return output


class FrameNetwork(nn.Module):
    """What has blocks between two norms; a subclass makes them, in the order in which its weights are drawn."""

    first_norm: nn.LayerNorm
    blocks: nn.ModuleList
    last_norm: nn.LayerNorm

    def through_blocks(self, embedded: Tensor, exists: Tensor) -> Tensor:
        """Embedded frames [b, t, width] to the same shape; `exists`, [b, 1, t] or [1], is 1 at the frames that are."""
        hidden = self.first_norm(embedded).transpose(1, 2)
        for block in self.blocks:
            hidden = block(hidden * exists)
        output: Tensor = self.last_norm(hidden.transpose(1, 2))
        return output
