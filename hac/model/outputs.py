"""What a `HacModel` returns, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Self

import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers.utils.generic import ModelOutput

from hac.errors import HacError

PADDING_CODE = -1
"""Stands in `HacTokens` where an item has no frame."""


@dataclass(frozen=True, slots=True)
class HacTokens:
    """A batch of tokens.

    Attributes:
        streams: codes by stream name (`acoustic.0`, ..., `phonetic`, `lexical`), each int64 [b, t],
            `PADDING_CODE` beyond the end of an item.
        mask: bool [b, t], True at the frames that exist.
        n_samples: int64 [b], the length of each item's audio.
    """

    streams: Mapping[str, Tensor]
    mask: Tensor
    frame_rate: Fraction
    n_samples: Tensor

    @classmethod
    def from_items(
        cls,
        items: Sequence[Mapping[str, ArrayLike]],
        frame_rate: Fraction,
        hop_length: int,
        n_samples: Sequence[int] | None = None,
    ) -> Self:
        """A batch of separate items, such as those of a token store.

        Args:
            items: codes by stream name, each [t] with the same t for all streams of an item.
            hop_length: samples per frame.
            n_samples: the length of each item's audio; whole frames by default.

        Raises:
            HacError: no items, or streams of different names or lengths.
        """
        names = list(items[0]) if items else []
        if not names or any(set(item) != set(names) for item in items):
            raise HacError("the items hold no streams or different ones; give items of one tokenizer")
        rows = [{name: torch.as_tensor(item[name], dtype=torch.long) for name in names} for item in items]
        lengths = torch.tensor([len(item[names[0]]) for item in rows])
        for index, item in enumerate(rows):
            ragged = [name for name, codes in item.items() if codes.ndim != 1 or len(codes) != lengths[index]]
            if ragged:
                raise HacError(
                    f"item {index}: stream {ragged[0]!r} is not as long as {names[0]!r}; give one code a frame"
                )
        streams = {
            name: pad_sequence([item[name] for item in rows], batch_first=True, padding_value=PADDING_CODE)
            for name in names
        }
        mask = torch.arange(int(lengths.max())) < lengths[:, None]
        samples = lengths * hop_length if n_samples is None else torch.tensor(list(n_samples))
        return cls(streams, mask, frame_rate, samples)

    def to(self, device: torch.device | str) -> Self:
        """The same batch on another device."""
        streams = {name: codes.to(device) for name, codes in self.streams.items()}
        return replace(self, streams=streams, mask=self.mask.to(device), n_samples=self.n_samples.to(device))

    def item(self, index: int) -> dict[str, Tensor]:
        """Codes of one item by stream name, each int64 [t], without padding."""
        return {name: codes[index][self.mask[index]] for name, codes in self.streams.items()}


@dataclass(frozen=True, slots=True)
class HacEmbeddings:
    """Real-valued vectors of a batch.

    Attributes:
        streams: by stream name, each [b, t, d], zero beyond the end of an item.
        mask: bool [b, t], True at the frames that exist.
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
