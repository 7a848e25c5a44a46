"""Encoders and decoders run so that padding stays invisible: transformers' DAC ones, layer by layer.

Alone, an item ends in the zero padding of every convolution. In a padded batch the frames after its end
would hold the biases of earlier layers instead, and each following layer would carry them further in. So
they are set to zero again after each layer. Without padding, the modules are called as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.dac.modeling_dac import DacDecoder, DacEncoder

from hac.model.istft_decoder import IstftDecoder
from hac.model.stft_encoder import StftEncoder


def encode_audio(encoder: DacEncoder | StftEncoder, samples: Tensor, mask: Tensor | None) -> Tensor:
    """Z = ENC(x).

    Args:
        samples: [b, 1, n], n a multiple of the hop length.
        mask: bool [b, t], True at the frames that exist; None where all do.

    Returns:
        [b, latent_dim, t], zero outside the mask.
    """
    if isinstance(encoder, StftEncoder):
        return cast("Tensor", encoder(samples, mask))
    if torch.is_grad_enabled() and samples.device.type == "cpu":
        return _encode_channels_last(encoder, samples, mask)
    if mask is None:
        return cast("Tensor", encoder(samples))
    exists = _samples_that_exist(samples, mask)
    hidden = encoder.conv1(samples) * exists
    for block in _blocks(encoder.block):
        for unit in (block.res_unit1, block.res_unit2, block.res_unit3):
            hidden = unit(hidden) * exists
        exists = exists[..., :: block.conv1.stride[0]]
        hidden = block.conv1(block.snake1(hidden)) * exists
    return cast("Tensor", encoder.conv2(encoder.snake1(hidden)) * exists)


def _encode_channels_last(encoder: DacEncoder, samples: Tensor, mask: Tensor | None) -> Tensor:
    """The same layers on [b, c, 1, t], channels last; masked in place, which no gradient needs undone."""
    exists = None if mask is None else _samples_that_exist(samples, mask)[:, :, None]

    def silenced(hidden: Tensor) -> Tensor:
        return hidden if exists is None else hidden.mul_(exists)

    hidden = silenced(_convolved(encoder.conv1, samples[:, :, None]).contiguous(memory_format=torch.channels_last))
    for block in _blocks(encoder.block):
        for unit in (block.res_unit1, block.res_unit2, block.res_unit3):
            inner = _convolved(unit.conv2, unit.snake2(_convolved(unit.conv1, unit.snake1(hidden))))
            hidden = silenced(inner.add_(hidden))
        if exists is not None:
            exists = exists[..., :: block.conv1.stride[0]]
        hidden = silenced(_convolved(block.conv1, block.snake1(hidden)))
    return silenced(_convolved(encoder.conv2, encoder.snake1(hidden))).squeeze(2)


def _convolved(conv: nn.Conv1d, hidden: Tensor) -> Tensor:
    """[b, c, 1, t] through a one-dimensional convolution."""
    weight = conv.weight[:, :, None].contiguous(memory_format=torch.channels_last)
    (padding,) = cast("tuple[int]", conv.padding)
    return F.conv2d(hidden, weight, conv.bias, (1, *conv.stride), (0, padding), (1, *conv.dilation))


def _samples_that_exist(samples: Tensor, mask: Tensor) -> Tensor:
    """[b, 1, n] of ones and zeros, by the frames [b, t] that exist."""
    return mask.repeat_interleave(samples.shape[-1] // mask.shape[1], dim=1)[:, None].to(samples.dtype)


def decode_latent(decoder: DacDecoder | IstftDecoder, latent: Tensor, mask: Tensor | None = None) -> Tensor:
    """Audio of latents.

    Args:
        latent: [b, latent_dim, t].
        mask: bool [b, t], True at the frames that exist; None where all do.

    Returns:
        [b, n]; n is t * hop length, or a few samples less where odd strides are not padded.
    """
    if isinstance(decoder, IstftDecoder):
        return cast("Tensor", decoder(latent, mask))
    if mask is None:
        return cast("Tensor", decoder(latent).squeeze(1))
    lengths = mask.sum(1)
    hidden = decoder.conv1(latent * mask[:, None]) * mask[:, None]
    for block in _blocks(decoder.block):
        upsample = block.conv_t1
        lengths = (
            (lengths - 1) * upsample.stride[0]
            - 2 * upsample.padding[0]
            + upsample.kernel_size[0]
            + upsample.output_padding[0]
        )
        hidden = upsample(block.snake1(hidden))
        exists = (torch.arange(hidden.shape[-1], device=hidden.device) < lengths[:, None])[:, None]
        hidden = hidden * exists
        for unit in (block.res_unit1, block.res_unit2, block.res_unit3):
            hidden = unit(hidden) * exists
    audio = decoder.tanh(decoder.conv2(decoder.snake1(hidden))) * exists
    return cast("Tensor", audio.squeeze(1))


def _blocks(blocks: Iterable[torch.nn.Module]) -> list[Any]:
    """The blocks, whose parts transformers does not type."""
    return list(blocks)
