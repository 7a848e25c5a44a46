"""The small transformer in front of the phonetic and of the lexical quantizer."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from hac.model.config import HacConfig


class LevelTransformer(nn.Module):
    """Bidirectional pre-norm transformer over frames; order enters by a convolution, as in HuBERT.

    A convolution knows only how far apart frames are, so frames far into a recording look the same as at
    its start, and any length works.

    Args:
        config: width, heads, feed-forward width, dropout and the taps of the position convolution.
    """

    def __init__(self, input_dim: int, n_layers: int, config: HacConfig) -> None:
        super().__init__()
        width, kernel = config.transformer_dim, config.position_kernel
        self.input = nn.Linear(input_dim, width)
        self.position = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, latent: Tensor, mask: Tensor | None = None) -> Tensor:
        """[b, input_dim, t] to [b, transformer_dim, t]; frames outside `mask` (bool [b, t]) go unseen."""
        hidden = self.input(latent.transpose(1, 2))
        if mask is not None:
            hidden = hidden * mask[..., None]
        hidden = hidden + F.gelu(self.position(hidden.transpose(1, 2))).transpose(1, 2)
        for layer in self.layers:
            hidden = layer(hidden, mask)
        output: Tensor = self.norm(hidden).transpose(1, 2)
        return output


class _Layer(nn.Module):
    """Self-attention and a feed-forward network, each on normalized input and added to it."""

    def __init__(self, config: HacConfig) -> None:
        super().__init__()
        width = config.transformer_dim
        self.n_heads = config.transformer_heads
        self.dropout = float(config.transformer_dropout)
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.ff_norm = nn.LayerNorm(width)
        self.ff_in = nn.Linear(width, config.transformer_ff_dim)
        self.ff_out = nn.Linear(config.transformer_ff_dim, width)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """Transform [b, t, d]."""
        hidden = hidden + self._drop(self.output(self._attend(self.attention_norm(hidden), mask)))
        return hidden + self._drop(self.ff_out(self._drop(F.gelu(self.ff_in(self.ff_norm(hidden))))))

    def _attend(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        query, key, value = self.qkv(hidden).unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        attended: Tensor = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=None if mask is None else mask[:, None, None, :],
            dropout_p=self.dropout if self.training else 0.0,
        )
        return attended.transpose(1, 2).flatten(2)

    def _drop(self, hidden: Tensor) -> Tensor:
        return F.dropout(hidden, self.dropout, self.training)
