"""Distances of spectrograms of several resolutions, by DAC's definitions, on numpy alone.

They equal `hac.train.losses.MelSpectrogramLoss` and `MultiScaleStftLoss`, which need torch (tests compare them).
Source: Kumar et al. 2023 (arXiv 2306.06546) and the code published with it (`dac/nn/loss.py`, `conf/base.yml`,
audiotools).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

MEL_WINDOWS = (32, 64, 128, 256, 512, 1024, 2048)
MEL_BANDS = (5, 10, 20, 40, 80, 160, 320)
STFT_WINDOWS = (2048, 512)
FLOOR = 1e-5
"""Magnitudes below this are equally silent to a logarithm."""
MIN_SAMPLES = max(*MEL_WINDOWS, *STFT_WINDOWS) // 2 + 1
"""Fewer cannot be reflected at the ends of the longest window."""

Floats = NDArray[np.float32]


def mel_distance(reference: Floats, estimate: Floats, sample_rate: int) -> float:
    """Mean absolute difference of log10 mel magnitudes, summed over seven resolutions; 0 for equal audio.

    Args:
        reference: float32 [n], at least `MIN_SAMPLES`.
        estimate: float32 [n].
        sample_rate: Hz; the windows are in samples, so distances at two rates do not compare.
    """
    distance = 0.0
    for window, bands in zip(MEL_WINDOWS, MEL_BANDS, strict=True):
        filters = mel_filters(sample_rate, window, bands)
        one, other = (_log(_magnitudes(audio, window) @ filters) for audio in (reference, estimate))
        distance += _mean_gap(one, other)
    return distance


def stft_distance(reference: Floats, estimate: Floats) -> float:
    """Mean absolute difference of magnitudes plus that of log10 squares, summed over two resolutions; 0 for equal.

    Args:
        reference: float32 [n], at least `MIN_SAMPLES`.
        estimate: float32 [n].
    """
    distance = 0.0
    for window in STFT_WINDOWS:
        one, other = (_magnitudes(audio, window) for audio in (reference, estimate))
        # the logarithm of a square is twice the logarithm
        distance += _mean_gap(one, other) + 2 * _mean_gap(_log(one), _log(other))
    return distance


@lru_cache(maxsize=32)
def mel_filters(sample_rate: int, window: int, bands: int) -> Floats:
    """Slaney's triangular mel filters of equal area, float32 [window // 2 + 1, bands], as `hac.train.losses`.

    Source: Slaney 1998 (Auditory Toolbox); `librosa.filters.mel` with its defaults.
    """
    steps = np.linspace(0, _hz_to_mel(sample_rate / 2), bands + 2)
    edges_hz = np.where(steps < 15, steps * 200 / 3, 1000 * np.exp((steps - 15) * math.log(6.4) / 27))
    bins_hz = np.linspace(0, sample_rate / 2, window // 2 + 1)[:, None]
    left, centre, right = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    triangles = np.minimum((bins_hz - left) / (centre - left), (right - bins_hz) / (right - centre)).clip(0)
    return np.asarray(triangles * 2 / (right - left), np.float32)


def _magnitudes(audio: Floats, window: int) -> Floats:
    """Short-time spectrum [frames, bins]: periodic Hann window, hop of a quarter, reflected at both ends."""
    padded = np.pad(audio.astype(np.float32, copy=False), window // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[:: window // 4]
    return np.abs(fft.rfft(frames * _hann(window), axis=1))


@lru_cache(maxsize=16)
def _hann(window: int) -> Floats:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)).astype(np.float32)


def _log(magnitudes: Floats) -> Floats:
    return np.log10(np.maximum(magnitudes, np.float32(FLOOR)))


def _mean_gap(one: Floats, other: Floats) -> float:
    return float(np.abs(one - other).mean(dtype=np.float64))


def _hz_to_mel(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)
