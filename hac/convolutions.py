"""transformers' DAC encoder and decoder, run so that padding stays invisible.

Alone, an item ends in the zero padding of every convolution. In a padded batch the frames after its end
would hold the biases of earlier layers instead, and each following layer would carry them further in. So
they are set to zero again after each layer. Without padding, the modules are called as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor
from transformers.models.dac.modeling_dac import DacDecoder, DacEncoder


def encode_audio(encoder: DacEncoder, samples: Tensor, mask: Tensor | None) -> Tensor:
    """Z = ENC(x).

    Args:
        encoder: the DAC encoder.
        samples: [b, 1, n], n a multiple of the hop length.
        mask: bool [b, t], True at the frames that exist; None where all do.

    Returns:
        [b, latent_dim, t], zero outside the mask.
    """
    if mask is None:
        return cast("Tensor", encoder(samples))
    exists = mask.repeat_interleave(samples.shape[-1] // mask.shape[1], dim=1)[:, None].to(samples.dtype)
    hidden = encoder.conv1(samples) * exists
    for block in _blocks(encoder.block):
        for unit in (block.res_unit1, block.res_unit2, block.res_unit3):
            hidden = unit(hidden) * exists
        exists = exists[..., :: block.conv1.stride[0]]
        hidden = block.conv1(block.snake1(hidden)) * exists
    return cast("Tensor", encoder.conv2(encoder.snake1(hidden)) * exists)


def decode_latent(decoder: DacDecoder, latent: Tensor, mask: Tensor | None = None) -> Tensor:
    """Audio of latents.

    Args:
        decoder: the DAC decoder.
        latent: [b, latent_dim, t].
        mask: bool [b, t], True at the frames that exist; None where all do.

    Returns:
        [b, n]; n is t * hop length, or a few samples less where odd strides are not padded.
    """
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
