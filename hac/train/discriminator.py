"""The discriminators of DAC: multi-period and multi-band complex STFT.

Source: Kumar et al. 2023 (arXiv 2306.06546), `dac/model/discriminator.py` of descriptinc/descript-audio-codec;
the multi-period one is HiFi-GAN's (Kong et al. 2020, arXiv 2010.05646). DAC's code also holds a multi-scale
discriminator, which its configurations switch off; it is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from hac.errors import HacError
from hac.train.config_sections import DiscriminatorConfig

Features = list[list[Tensor]]
"""Per discriminator, what each of its layers gives, [b, channels, ...]; the last is the output."""

_SLOPE = 0.1


BANDS = ((0.0, 0.1), (0.1, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))
"""Parts of the spectrum that get layers of their own, as shares of the frequency axis: DAC's."""


class Discriminator(nn.Module):
    """All discriminators side by side, on audio without offset and of peak 0.8; the defaults are DAC's.

    Raises:
        HacError: the options name no discriminator, or one that cannot be built.
    """

    def __init__(
        self, options: DiscriminatorConfig | None = None, bands: Sequence[tuple[float, float]] = BANDS
    ) -> None:
        super().__init__()
        options = options or DiscriminatorConfig()
        if not options.periods and not options.fft_sizes:
            raise HacError("the discriminator has neither periods nor fft_sizes; give it at least one of them")
        self.multi_period = nn.ModuleList(MultiPeriodDiscriminator(p, options.period_channels) for p in options.periods)
        self.multi_band = nn.ModuleList(
            MultiBandStftDiscriminator(size, bands, options.band_channels) for size in options.fft_sizes
        )
        self.min_samples = max(part.min_samples for part in (*self.multi_period, *self.multi_band))

    def forward(self, audio: Tensor) -> Features:
        """Judge audio.

        Args:
            audio: [b, n], n at least `min_samples` (1,280 by default: 5/8 of the longest window).

        Returns:
            The features of the multi-period, then of the multi-band discriminators, in the order of the
            options. What an item gets does not depend on the other items.

        Raises:
            HacError: the audio is too short.
        """
        if audio.shape[-1] < self.min_samples:
            raise HacError(
                f"audio of {audio.shape[-1]} samples is too short for the discriminator, which needs "
                f"{self.min_samples}; lengthen the training window or leave out its largest fft_sizes"
            )
        audio = normalize_audio(audio)
        return [part(audio) for part in (*self.multi_period, *self.multi_band)]


def normalize_audio(audio: Tensor) -> Tensor:
    """Remove the offset of each item [b, n] and scale its peak to 0.8."""
    audio = audio.float()
    audio = audio - audio.mean(dim=-1, keepdim=True)
    # max, not amax: of several peaks, one gets the gradient, as in DAC
    return 0.8 * audio / (audio.abs().max(dim=-1, keepdim=True).values + 1e-9)


class MultiPeriodDiscriminator(nn.Module):
    """Convolutions over every `period`-th sample.

    The samples of one phase lie along the last axis, [b, channels, period, n / period]: DAC has these two
    axes swapped: the same arithmetic, slower on CPUs where the period is short.

    Args:
        channels: of each layer; all but the last shorten the audio to a third.
    """

    def __init__(self, period: int, channels: Sequence[int]) -> None:
        super().__init__()
        if period < 1 or not channels:
            raise HacError(
                f"a multi-period discriminator has period {period} and channels {list(channels)}; "
                "the period must be at least 1 and there must be a layer"
            )
        self.period = period
        self.min_samples = period + 1
        widths = (1, *channels)
        self.layers = _Layers(
            _convolution(widths[i], widths[i + 1], (1, 5), stride=(1, 3 if i < len(channels) - 1 else 1))
            for i in range(len(channels))
        )
        self.output = _convolution(widths[-1], 1, (1, 3))

    def forward(self, audio: Tensor) -> list[Tensor]:
        """Features of audio [b, n]: [b, channels, period, frames] of each layer, then the output."""
        # a whole period is added where none is missing, as in DAC
        padded = F.pad(audio, (0, self.period - audio.shape[-1] % self.period), mode="reflect")
        hidden = padded.reshape(len(audio), 1, -1, self.period).transpose(2, 3).contiguous()
        features: list[Tensor] = self.layers(hidden)
        return [*features, self.output(features[-1])]


class MultiBandStftDiscriminator(nn.Module):
    """Convolutions over the real and imaginary part of a spectrogram, each frequency band with its own.

    Args:
        fft_size: samples of the Hann window; its hop is a quarter.
        bands: parts of the spectrum, as shares of its bins from 0 to 1.
        channels: of each layer.
    """

    window: Tensor

    def __init__(self, fft_size: int, bands: Sequence[tuple[float, float]], channels: int) -> None:
        super().__init__()
        if fft_size < 8 or fft_size % 8:
            raise HacError(f"an fft_size is {fft_size}; it must be a multiple of 8")
        if not bands:
            raise HacError("the discriminator's bands are empty; give at least [[0, 1]], the whole spectrum")
        self.fft_size = fft_size
        self.hop_length = fft_size // 4
        self.min_samples = (fft_size - self.hop_length) // 2 + self.hop_length
        self.bins = [_bins(band, fft_size // 2 + 1) for band in bands]
        # periodic, and made in double precision, as scipy makes it
        window = torch.hann_window(fft_size, dtype=torch.float64).float()
        self.register_buffer("window", window, persistent=False)
        self.bands = nn.ModuleList(_band_layers(channels) for _ in bands)
        self.output = _convolution(channels, 1, (3, 3))

    def forward(self, audio: Tensor) -> list[Tensor]:
        """Features of audio [b, n]: [b, channels, frames, bins] of each layer of each band, then the output."""
        spectrogram = self.spectrogram(audio)
        features: list[Tensor] = []
        ends: list[Tensor] = []
        for layers, bins in zip(self.bands, self.bins, strict=True):
            features += layers(spectrogram[..., bins])
            ends.append(features[-1])
        return [*features, self.output(torch.cat(ends, dim=-1))]

    def spectrogram(self, audio: Tensor) -> Tensor:
        """Real and imaginary part [b, 2, ceil(n / hop), fft_size // 2 + 1] of audio [b, n].

        Frame i is centred at (i + 1/2) hops, as a strided convolution has it; both ends are reflected.
        Equals audiotools' `match_stride`, which computes two more frames at each end and drops them.
        """
        side, missing = (self.fft_size - self.hop_length) // 2, -audio.shape[-1] % self.hop_length
        padded = F.pad(audio, (side, side + missing), mode="reflect")
        spectrum = torch.stft(
            padded, self.fft_size, self.hop_length, window=self.window, center=False, return_complex=True
        )
        return torch.view_as_real(spectrum).permute(0, 3, 2, 1)


class _Layers(nn.ModuleList):
    """Convolutions in a row, each followed by a leaky ReLU."""

    def forward(self, hidden: Tensor) -> list[Tensor]:
        """Return what each layer gives."""
        features = []
        for convolution in self:
            # in place: nothing else wants the convolution's own output
            hidden = F.leaky_relu(convolution(hidden), _SLOPE, inplace=True)
            features.append(hidden)
        return features


def _convolution(inputs: int, outputs: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)) -> nn.Module:
    """Weight-normalized convolution whose kernel, of odd lengths, is centred."""
    padding = (kernel[0] // 2, kernel[1] // 2)
    convolution: nn.Module = weight_norm(nn.Conv2d(inputs, outputs, kernel, stride, padding))
    return convolution


def _band_layers(channels: int) -> _Layers:
    """Layers of one band: three of them halve the frequency axis."""
    return _Layers(
        [
            _convolution(2, channels, (3, 9)),
            *(_convolution(channels, channels, (3, 9), stride=(1, 2)) for _ in range(3)),
            _convolution(channels, channels, (3, 3)),
        ]
    )


def _bins(band: tuple[float, float], n_bins: int) -> slice:
    low, high = (int(share * n_bins) for share in band)
    if not 0 <= low < high <= n_bins:
        raise HacError(
            f"the discriminator's band {list(band)} covers no bins of a spectrum of {n_bins}; "
            "bands run from a lower to a higher share within 0 and 1"
        )
    return slice(low, high)
