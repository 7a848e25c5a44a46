"""An encoder that works at the frame rate: a short-time Fourier transform, then convolutional blocks.

A DAC encoder has to learn from the samples what a Fourier transform gives for nothing, and spends most of its time on
its first layers. Here every layer has one step a frame, so that a small model can hear hours in little time.

Two windows a frame, each two frames long, give log magnitudes and the complex spectrum itself, its magnitudes
compressed: what is heard, and where in its period each partial stands. Blocks are those of `hac.model.convnext`.

Sources: spectra as input of a codec, APCodec (Ai et al. 2024, arXiv 2402.10533), which takes log magnitudes and phases;
magnitudes to the power of 0.3, as in speech enhancement (Braun & Tashev 2021, arXiv 2009.12286); the blocks, Vocos
(Siuzdak 2023, arXiv 2306.00814). Two windows a frame, and complex numbers instead of phases, are ours.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hac.model.convnext import FrameBlock, FrameNetwork

WINDOWS = 2
"""Windows a frame."""
_EXPONENT = 0.3
_QUIETEST = 1e-5
"""Amplitude of a partial below which nothing is told apart: 100 dB below full scale."""
_MEAN_LOG, _SPREAD_LOG = -8.0, 2.5
"""Of the log magnitudes of speech, roughly: what enters the first layer has about the size of one."""


class StftEncoder(FrameNetwork):
    """Sound to latents, some spectra a frame.

    Args:
        hop_length: samples a frame; even.
        ff_dim: channels inside a block.
    """

    def __init__(self, latent_dim: int, hop_length: int, width: int, n_layers: int, ff_dim: int) -> None:
        super().__init__()
        self.hop_length = hop_length
        self.n_fft = 2 * hop_length
        # of each window and each bin: log magnitude, real and imaginary part
        self.embed = nn.Linear(WINDOWS * 3 * (self.n_fft // 2 + 1), width)
        self.first_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(FrameBlock(width, ff_dim) for _ in range(n_layers))
        self.last_norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, latent_dim)

    def forward(self, samples: Tensor, mask: Tensor | None = None) -> Tensor:
        """Latents of sound.

        Args:
            samples: [b, 1, n], n a multiple of the hop length; zero where an item has ended.
            mask: bool [b, t], True at the frames that exist; None where all do.

        Returns:
            [b, latent_dim, t], zero outside the mask.
        """
        spectra = self.spectra(samples).to(self.embed.weight.dtype)
        exists = spectra.new_ones(1) if mask is None else mask[:, None].to(spectra.dtype)
        latent: Tensor = self.head(self.through_blocks(self.embed(spectra), exists)).transpose(1, 2)
        return latent * exists

    def spectra(self, samples: Tensor) -> Tensor:
        """What the first layer hears: [b, 1, n] to [b, t, windows * 3 * bins], in single precision at least."""
        step = self.hop_length // WINDOWS
        before = (self.n_fft - step) // 2
        whole = torch.promote_types(samples.dtype, torch.float32)
        padded = F.pad(samples[:, 0].to(whole), (before, self.n_fft - step - before))
        window = torch.hann_window(self.n_fft, dtype=whole, device=samples.device)
        # a sine of amplitude a has a magnitude of a
        bins = torch.fft.rfft(padded.unfold(1, self.n_fft, step) * (2 * window / window.sum()))
        magnitude = bins.abs().clamp(min=_QUIETEST)
        compressed = bins * magnitude ** (_EXPONENT - 1) * 2
        logs = (magnitude.log() - _MEAN_LOG) / _SPREAD_LOG
        features = torch.cat([logs, compressed.real, compressed.imag], dim=-1)
        # the windows of a frame side by side
        return features.reshape(len(features), samples.shape[-1] // self.hop_length, -1)
