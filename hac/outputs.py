"""What a `HacModel` returns, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor
from transformers.utils.generic import ModelOutput

PADDING_CODE = -1
"""Stands in `HacTokens` where an item has no frame."""


@dataclass(frozen=True, slots=True)
class HacTokens:
    """A batch of tokens.

    Attributes:
        streams: codes by stream name (`acoustic.0`, ..., `phonetic`, `lexical`), each int64 [b, t],
            `PADDING_CODE` beyond the end of an item.
        mask: bool [b, t], True at the frames that exist.
        frame_rate: frames per second, exactly.
        n_samples: int64 [b], the length of each item's audio.
    """

    streams: Mapping[str, Tensor]
    mask: Tensor
    frame_rate: Fraction
    n_samples: Tensor

    def item(self, index: int) -> dict[str, Tensor]:
        """Codes of one item by stream name, each int64 [t], without padding."""
        return {name: codes[index][self.mask[index]] for name, codes in self.streams.items()}


@dataclass(frozen=True, slots=True)
class HacEmbeddings:
    """Real-valued vectors of a batch.

    Attributes:
        streams: by stream name, each [b, t, d], zero beyond the end of an item.
        mask: bool [b, t], True at the frames that exist.
        frame_rate: frames per second, exactly.
    """

    streams: Mapping[str, Tensor]
    mask: Tensor
    frame_rate: Fraction


@dataclass
class HacOutput(ModelOutput):
    """What `HacModel.forward` returns.

    Attributes:
        loss: scalar, the weighted commitment and codebook losses.
        audio_values: [b, n], the audio decoded again.
        audio_codes: int64 [b, k, t], the streams in the order of `HacConfig.codebook_sizes`.
        latent: [b, latent_dim, t], what the decoder heard.
        commitment_loss: scalar, summed over all codebooks.
        codebook_loss: scalar, summed over all codebooks.
    """

    loss: Tensor | None = None
    audio_values: Tensor | None = None
    audio_codes: Tensor | None = None
    latent: Tensor | None = None
    commitment_loss: Tensor | None = None
    codebook_loss: Tensor | None = None
