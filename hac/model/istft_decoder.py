"""A decoder that works at the frame rate: convolutional blocks, then an inverse short-time Fourier transform.

A DAC decoder spends nearly all of its time on layers at tens of steps a millisecond. Here every layer has one step a
frame, and the samples come from a Fourier transform, so that a small model can hear whole seconds in each training
step.

Source: Siuzdak 2023, "Vocos" (arXiv 2306.00814), and the code published with it (gemelo-ai/vocos: `models.py`,
`heads.py`, `spectral_ops.py` with "same" padding). As there: blocks of ConvNeXt, magnitudes by exp (at most 100), free
phases, a Hann window of four hops. Other than there, padding is masked, and layer scales begin at a given size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hac.model.convnext import KERNEL, FrameBlock, FrameNetwork

_MAX_LOG_MAGNITUDE = 4.605170185988092
"""log(100), as in Vocos: keeps the first steps from roaring."""


class IstftDecoder(FrameNetwork):
    """Latents to sound, a spectrum a frame.

    Args:
        hop_length: samples a frame; even.
        ff_dim: channels inside a block.
    """

    def __init__(self, latent_dim: int, hop_length: int, width: int, n_layers: int, ff_dim: int) -> None:
        super().__init__()
        self.hop_length = hop_length
        self.n_fft = 4 * hop_length
        self.embed = nn.Conv1d(latent_dim, width, KERNEL, padding=KERNEL // 2)
        self.first_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(FrameBlock(width, ff_dim) for _ in range(n_layers))
        self.last_norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, self.n_fft + 2)

    @property
    def context_frames(self) -> int:
        """Frames before, and after, its own on which a frame's samples depend."""
        # the window of a frame reaches one and a half hops beyond its own samples
        return (1 + len(self.blocks)) * (KERNEL // 2) + 2

    def forward(self, latent: Tensor, mask: Tensor | None = None) -> Tensor:
        """Sound of latents.

        Args:
            latent: [b, latent_dim, t].
            mask: bool [b, t], True at the frames that exist; None where all do.

        Returns:
            [b, t * hop_length]. In a padded batch every item has, up to its end, the samples it has alone.
        """
        exists = (
            latent.new_ones(latent.shape[0], 1, latent.shape[2]) if mask is None else mask[:, None].to(latent.dtype)
        )
        hidden = self.through_blocks(self.embed(latent * exists).transpose(1, 2), exists)
        # Fourier transforms and complex numbers want at least single precision
        whole = torch.promote_types(latent.dtype, torch.float32)
        log_magnitude, phase = self.head(hidden).to(whole).chunk(2, dim=-1)
        spectrum = torch.polar(log_magnitude.clamp(max=_MAX_LOG_MAGNITUDE).exp(), phase)
        return self._overlapped(torch.fft.irfft(spectrum, self.n_fft, dim=-1), exists.to(whole)).to(latent.dtype)

    def _overlapped(self, frames: Tensor, exists: Tensor) -> Tensor:
        """Windowed frames [b, t, n_fft] added up and divided by the sum of the squared windows: [b, t * hop]."""
        window = torch.hann_window(self.n_fft, dtype=frames.dtype, device=frames.device)
        sound = self._added((frames * window).transpose(1, 2) * exists)
        envelope = self._added(window.square()[None, :, None] * exists)
        # where no frame is, there is nothing to divide
        return sound / envelope.clamp(min=1e-8)

    def _added(self, columns: Tensor) -> Tensor:
        """Columns [b, n_fft, t], each a hop later than the one before, added up; what lies outside is cut off."""
        size = (columns.shape[2] - 1) * self.hop_length + self.n_fft
        added = F.fold(columns, (1, size), (1, self.n_fft), stride=(1, self.hop_length))[:, 0, 0]
        outside = (self.n_fft - self.hop_length) // 2
        return added[:, outside : size - outside]
