"""What goes into a `HacModel`, checked: audio made ready for the encoder, tokens for the decoder."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from hac.errors import HacError
from hac.model.config import HacConfig
from hac.model.outputs import PADDING_CODE, HacTokens


@dataclass(frozen=True, slots=True)
class Batch:
    """Audio ready for the encoder.

    Attributes:
        samples: [b, 1, n], zero beyond the end of an item, n a multiple of the hop length.
        n_samples: int64 [b], the length of each item.
        mask: bool [b, t], True at the frames that exist: ceil(n_samples / hop length) for each item.
    """

    samples: Tensor
    n_samples: Tensor
    mask: Tensor

    @property
    def frame_mask(self) -> Tensor | None:
        """The mask, or None where every frame exists and masking can be saved."""
        return None if bool(self.mask.all()) else self.mask


def prepare_audio(
    config: HacConfig, input_values: Tensor, padding_mask: Tensor | None, sample_rate: int | None
) -> Batch:
    """Check audio, silence its padding and fill it up to whole frames; see `HacModel.prepare`."""
    if sample_rate is not None and sample_rate != config.sample_rate:
        raise HacError(
            f"the audio has a sample rate of {sample_rate} Hz and this model wants {config.sample_rate} Hz; "
            "resample the audio first"
        )
    samples = input_values[:, None] if input_values.ndim == 2 else input_values
    if samples.ndim != 3 or samples.shape[1] != 1:
        raise HacError(f"the audio has shape {list(input_values.shape)}; expected mono, [b, n] or [b, 1, n]")
    n_samples = _lengths(samples, padding_mask)
    if len(n_samples) == 0 or int(n_samples.min()) < 1:
        raise HacError("the batch holds an item without samples; leave empty audio out")
    n_frames = -(-n_samples // config.hop_length)
    n_frames_max = int(n_frames.max())
    width = n_frames_max * config.hop_length
    # a negative width cuts off columns that are padding for every item
    samples = F.pad(samples, (0, width - samples.shape[-1]))
    if padding_mask is not None:
        exists = torch.arange(width, device=samples.device) < n_samples[:, None]
        samples = samples.masked_fill(~exists[:, None], 0)
    mask = torch.arange(n_frames_max, device=samples.device) < n_frames[:, None]
    return Batch(samples, n_samples, mask)


def check_depth(config: HacConfig, n_quantizers: int | None) -> int | None:
    """Refuse a number of acoustic quantizers that the model does not have."""
    if n_quantizers is not None and not 1 <= n_quantizers <= config.acoustic_codebooks:
        raise HacError(
            f"n_quantizers is {n_quantizers}; this model has {config.acoustic_codebooks} acoustic quantizers"
        )
    return n_quantizers


def check_levels(config: HacConfig, names: Iterable[str] | None) -> tuple[str, ...]:
    """Levels to decode from, in the model's order; all for None."""
    wanted = set(config.levels if names is None else names)
    for name in sorted(wanted - set(config.levels)):
        near = difflib.get_close_matches(name, config.levels, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise HacError(f"this model has no level {name!r}{hint}; it has {', '.join(config.levels)}")
    if not wanted:
        raise HacError(f"no level to decode from; choose among {', '.join(config.levels)}")
    return tuple(name for name in config.levels if name in wanted)


def gather_codes(
    config: HacConfig, tokens: HacTokens, levels: tuple[str, ...], n_quantizers: int | None
) -> dict[str, Tensor]:
    """The streams that `levels` need, padding replaced by code 0, checked against the codebooks."""
    depth = n_quantizers or sum(name.startswith("acoustic.") for name in tokens.streams) or 1
    wanted = [f"acoustic.{k}" for k in range(depth)] if "acoustic" in levels else []
    wanted += [name for name in levels if name != "acoustic"]
    codes: dict[str, Tensor] = {}
    for name in wanted:
        size = config.codebook_sizes.get(name)
        if size is None or name not in tokens.streams:
            where = "model" if size is None else "token batch"
            raise HacError(f"the {where} has no stream {name!r}; it was asked to decode from it")
        rows = tokens.streams[name]
        bad = ((rows < 0) | (rows >= size)) & tokens.mask
        if bool(bad.any()):
            raise HacError(f"stream {name!r} holds code {int(rows[bad][0])}; its codebook has codes 0 to {size - 1}")
        codes[name] = rows.masked_fill(~tokens.mask, 0)
    return codes


def fit_length(audio: Tensor, n_samples: Tensor) -> Tensor:
    """Cut or fill audio [b, n] to the longest of `n_samples` [b], with zeros beyond the end of each item."""
    width = int(n_samples.max())
    fitted = F.pad(audio, (0, width - audio.shape[-1]))
    return fitted.masked_fill(torch.arange(width, device=audio.device) >= n_samples[:, None], 0)


def padded(codes: Tensor, mask: Tensor) -> Tensor:
    """Codes [b, t] with `PADDING_CODE` outside the mask [b, t]."""
    return codes.masked_fill(~mask, PADDING_CODE)


def _lengths(samples: Tensor, padding_mask: Tensor | None) -> Tensor:
    """Length of each item, int64 [b], from a mask [b, n] that must be padded at the end."""
    if padding_mask is None:
        return torch.full((samples.shape[0],), samples.shape[-1], dtype=torch.long, device=samples.device)
    mask = padding_mask.reshape(padding_mask.shape[0], -1).to(samples.device).bool()
    if mask.shape != (samples.shape[0], samples.shape[-1]):
        raise HacError(f"padding_mask has shape {list(padding_mask.shape)}; the audio has {list(samples.shape)}")
    if bool((mask[:, 1:] & ~mask[:, :-1]).any()):
        raise HacError("padding_mask has samples after padding; pad each item at its end")
    return mask.sum(1)
