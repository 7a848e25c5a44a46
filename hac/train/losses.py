"""What generator and discriminators are trained by: the losses of DAC.

Source of all definitions: Kumar et al. 2023 (arXiv 2306.06546) and the code published with it
(descriptinc/descript-audio-codec: `dac/nn/loss.py`, `conf/base.yml`; descriptinc/audiotools for the
spectrograms). Every loss is first taken per item of the batch and then averaged over the items, so `weights`
can leave items out or count them in part; a batch in which no item counts has the loss 0. All of it happens
in single precision, also under autocast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from hac.errors import HacError
from hac.train.discriminator import Features


class _Spectrogram(nn.Module):
    """Magnitudes of one short-time Fourier transform, in mel bands where filters are given.

    Hann window, hop of a quarter of it, reflected at both ends (audiotools' `AudioSignal.stft`).
    """

    window: Tensor
    filters: Tensor | None

    def __init__(self, window_length: int, filters: Tensor | None = None) -> None:
        super().__init__()
        self.hop_length = window_length // 4
        # a periodic window made in double precision, as scipy makes it
        window = torch.hann_window(window_length, dtype=torch.float64).float()
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio [b, n] to magnitudes [b, frames, bands]."""
        spectrum = torch.stft(audio, len(self.window), self.hop_length, window=self.window, return_complex=True)
        magnitude = spectrum.abs().transpose(1, 2)
        return magnitude if self.filters is None else magnitude @ self.filters


class _SpectralLoss(nn.Module):
    """L1 between spectrograms of several resolutions: of their logarithms and, weighted, of themselves."""

    def __init__(
        self, spectrograms: Sequence[_Spectrogram], clamp_eps: float, log_weight: float, magnitude_weight: float
    ) -> None:
        super().__init__()
        self.spectrograms = nn.ModuleList(spectrograms)
        self.clamp_eps = clamp_eps
        self.log_weight = log_weight
        self.magnitude_weight = magnitude_weight
        self.min_samples = max(len(spectrogram.window) for spectrogram in spectrograms) // 2 + 1

    def forward(self, estimate: Tensor, reference: Tensor, weights: Tensor | None = None) -> Tensor:
        """Loss of a batch.

        Args:
            estimate: audio [b, n]; the gradient goes here.
            reference: audio [b, n], taken as given: no gradient goes there.
            weights: [b], how much each item counts; None where all count the same.

        Returns:
            A scalar, 0 for equal audio.

        Raises:
            HacError: the shapes differ, or n is below `min_samples`, half of the longest window plus one.
        """
        return _mean_over_items(self.per_item(estimate, reference), weights)

    def per_item(self, estimate: Tensor, reference: Tensor) -> Tensor:
        """Loss [b] of each item, averaged over its frames and bands and summed over the resolutions."""
        _check_shapes(estimate, reference)
        if estimate.shape[-1] < self.min_samples:
            raise HacError(
                f"audio of {estimate.shape[-1]} samples is too short for a spectral loss that needs "
                f"{self.min_samples}; give it longer audio or leave out its longest windows"
            )
        with torch.autocast(estimate.device.type, enabled=False):
            losses = [self._distance(part, estimate.float(), reference.float()) for part in self.spectrograms]
        return torch.stack(losses).sum(0)

    def _distance(self, spectrogram: nn.Module, estimate: Tensor, reference: Tensor) -> Tensor:
        made = cast("Tensor", spectrogram(estimate))
        with torch.no_grad():
            wanted = cast("Tensor", spectrogram(reference))
        log_made, log_wanted = made.clamp(self.clamp_eps).log10(), wanted.clamp(self.clamp_eps).log10()
        loss = self.log_weight * _item_means((log_made - log_wanted).abs())
        if self.magnitude_weight:
            loss = loss + self.magnitude_weight * _item_means((made - wanted).abs())
        return loss


class MelSpectrogramLoss(_SpectralLoss):
    """L1 distance of log10 mel magnitudes, clamped below, summed over seven resolutions; DAC's weight is 15.

    DAC's option `pow` (1 in its configurations) would only multiply the logarithm, and so the loss; that is
    what the loss's weight is for.

    Args:
        sample_rate: Hz of the audio.
        window_lengths: samples of each resolution's window; its hop is a quarter.
        n_mels: mel bands of each resolution.
        clamp_eps: magnitudes below this are equally silent.

    Source: `MelSpectrogramLoss` with the values of `conf/base.yml` and `conf/final/16khz.yml`.
    """

    def __init__(
        self,
        sample_rate: int,
        window_lengths: Sequence[int] = (32, 64, 128, 256, 512, 1024, 2048),
        n_mels: Sequence[int] = (5, 10, 20, 40, 80, 160, 320),
        clamp_eps: float = 1e-5,
    ) -> None:
        _check_windows(window_lengths)
        if len(window_lengths) != len(n_mels):
            raise HacError(
                f"the mel loss has {len(window_lengths)} window lengths and {len(n_mels)} numbers of mel bands; "
                "each resolution needs one of both"
            )
        spectrograms = [
            _Spectrogram(length, mel_filters(sample_rate, length, bands))
            for length, bands in zip(window_lengths, n_mels, strict=True)
        ]
        super().__init__(spectrograms, clamp_eps, log_weight=1.0, magnitude_weight=0.0)


class MultiScaleStftLoss(_SpectralLoss):
    """L1 distance of STFT magnitudes plus that of their log10 squares, summed over resolutions.

    DAC reports it and does not train on it.

    Args:
        window_lengths: samples of each resolution's window; its hop is a quarter.
        clamp_eps: magnitudes below this are equally silent to the logarithm.

    Source: `MultiScaleSTFTLoss` with its default weights of 1 and power of 2, after Engel et al. 2020
    (arXiv 2001.04643).
    """

    def __init__(self, window_lengths: Sequence[int] = (2048, 512), clamp_eps: float = 1e-5) -> None:
        _check_windows(window_lengths)
        spectrograms = [_Spectrogram(length) for length in window_lengths]
        # the logarithm of a square is twice the logarithm
        super().__init__(spectrograms, clamp_eps, log_weight=2.0, magnitude_weight=1.0)


def waveform_l1(estimate: Tensor, reference: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean absolute difference of samples, a scalar.

    Args:
        estimate: audio [b, n].
        reference: audio [b, n].
        weights: [b], how much each item counts; None where all count the same.

    Raises:
        HacError: the shapes differ.

    Source: `L1Loss` in `dac/nn/loss.py`.
    """
    _check_shapes(estimate, reference)
    return _mean_over_items(_item_means((estimate.float() - reference.float()).abs()), weights)


def discriminator_loss(real: Features, fake: Features, weights: Tensor | None = None) -> Tensor:
    """Least squares, summed over the discriminators: 1 is wanted for real audio and 0 for fake.

    Args:
        real: what a `Discriminator` makes of real audio.
        fake: what it makes of generated audio, which the caller has detached from the generator.
        weights: [b], how much each item counts; None where all count the same.

    Returns:
        A scalar: 0 when every output is right, one per discriminator when all outputs are 0.

    Source: `GANLoss.discriminator_loss`; Mao et al. 2017 (arXiv 1611.04076).
    """
    losses = [
        _item_means(false[-1].float() ** 2) + _item_means((1 - true[-1].float()) ** 2)
        for true, false in zip(real, fake, strict=True)
    ]
    return _mean_over_items(torch.stack(losses).sum(0), weights)


def adversarial_loss(fake: Features, weights: Tensor | None = None) -> Tensor:
    """Least squares, summed over the discriminators: the generator wants a 1; DAC's weight is 1.

    Args:
        fake: what a `Discriminator` makes of generated audio.
        weights: [b], how much each item counts; None where all count the same.

    Source: `GANLoss.generator_loss`; Mao et al. 2017 (arXiv 1611.04076).
    """
    losses = [_item_means((1 - features[-1].float()) ** 2) for features in fake]
    return _mean_over_items(torch.stack(losses).sum(0), weights)


def feature_matching_loss(fake: Features, real: Features, weights: Tensor | None = None) -> Tensor:
    """Mean absolute difference per hidden layer, summed over layers and discriminators; DAC's weight is 2.

    A plain sum, as in DAC: it is not divided by the number of layers. The outputs, last of each
    discriminator's features, take no part, and no gradient goes to the real features.

    Args:
        fake: what a `Discriminator` makes of generated audio.
        real: what it makes of the real audio.
        weights: [b], how much each item counts; None where all count the same.

    Source: `GANLoss.generator_loss`; Larsen et al. 2016 (arXiv 1512.09300).
    """
    losses = [
        _item_means((false.float() - true.detach().float()).abs())
        for false_features, true_features in zip(fake, real, strict=True)
        for false, true in zip(false_features[:-1], true_features[:-1], strict=True)
    ]
    return _mean_over_items(torch.stack(losses).sum(0), weights)


def mel_filters(sample_rate: int, window_length: int, n_mels: int) -> Tensor:
    """Triangular mel filters of equal area, float32 [window_length // 2 + 1, n_mels].

    The mel scale is linear up to 1 kHz (66 2/3 Hz each) and logarithmic above (27 to a factor of 6.4); a
    filter reaches from its left neighbour's centre to its right one's, from 0 Hz to half of the sample rate.
    A filter too narrow to meet a bin is zero.

    Source: Slaney 1998 (Auditory Toolbox); `librosa.filters.mel` with its defaults.
    """
    steps = torch.linspace(0, _hz_to_mel(sample_rate / 2), n_mels + 2, dtype=torch.float64)
    edges_hz = torch.where(steps < 15, steps * 200 / 3, 1000 * torch.exp((steps - 15) * math.log(6.4) / 27))
    bins_hz = torch.linspace(0, sample_rate / 2, window_length // 2 + 1, dtype=torch.float64)[:, None]
    left, centre, right = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising, falling = (bins_hz - left) / (centre - left), (right - bins_hz) / (right - centre)
    triangles = torch.minimum(rising, falling).clamp_min(0)
    return (triangles * 2 / (right - left)).float()


def _hz_to_mel(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)


def _item_means(values: Tensor) -> Tensor:
    """Mean of each item: [b, ...] to [b]."""
    return values.mean(dim=tuple(range(1, values.ndim)))


def _mean_over_items(losses: Tensor, weights: Tensor | None) -> Tensor:
    """Weighted mean of [b]; 0 where the weights are all 0."""
    if weights is None:
        return losses.mean()
    weights = weights.to(losses.dtype)
    return (losses * weights).sum() / weights.sum().clamp_min(torch.finfo(losses.dtype).tiny)


def _check_shapes(estimate: Tensor, reference: Tensor) -> None:
    if estimate.shape != reference.shape or estimate.ndim != 2:
        raise HacError(
            f"the estimate has shape {list(estimate.shape)} and the reference {list(reference.shape)}; "
            "both must be [items, samples] and the same: cut them to the same length"
        )


def _check_windows(window_lengths: Sequence[int]) -> None:
    for length in window_lengths:
        if length < 4 or length % 4:
            raise HacError(f"a window length is {length}; it must be a multiple of 4, as the hop is a quarter of it")
