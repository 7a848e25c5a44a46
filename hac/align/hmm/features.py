"""Acoustic features of the flat-start aligner: mean- and variance-normalized MFCCs with two orders of deltas."""

from __future__ import annotations

import kaldi_native_fbank as knf
import numpy as np
from numpy.typing import NDArray

from hac.features.kaldi import kaldi_frames, set_grid

SAMPLE_RATE = 16_000
"""Hz, expected of the audio."""

HOP_US = 5_000
"""Frame shift. Frame t is centred on `(t + 1/2) HOP_US`, so the boundary between t - 1 and t is at `t HOP_US`."""

_WINDOW_MS = 20.0
_COEFFICIENTS = 13
_DELTA_FRAMES = 2
"""Frames on each side that a delta's regression sees."""

N_FEATURES = 3 * _COEFFICIENTS


def features(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features float32 [t, N_FEATURES] of audio float32 [n] at `SAMPLE_RATE`, normalized over the utterance."""
    static = _mfcc(samples)
    static = (static - static.mean(0)) / (static.std(0) + np.float32(1e-3))
    delta = _delta(static)
    return np.concatenate([static, _scaled(delta), _scaled(_delta(delta))], axis=1)


def log_energy(samples: NDArray[np.float32], n_frames: int) -> NDArray[np.float32]:
    """Log energy float32 [n_frames] of each hop, for telling speech from pause before there is a model."""
    hop = SAMPLE_RATE * HOP_US // 1_000_000
    padded = np.zeros(n_frames * hop, dtype=np.float32)
    padded[: min(len(samples), len(padded))] = samples[: len(padded)]
    energy = np.square(padded.reshape(n_frames, hop), dtype=np.float64).mean(1)
    smooth = np.convolve(energy, np.ones(5) / 5, mode="same")
    return np.log(smooth + 1e-10).astype(np.float32)


def _mfcc(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    options = knf.MfccOptions()
    set_grid(options, SAMPLE_RATE, _WINDOW_MS, HOP_US / 1000)
    options.mel_opts.num_bins = 28
    options.mel_opts.low_freq = 60.0
    options.mel_opts.high_freq = 7600.0
    options.num_ceps = _COEFFICIENTS
    options.use_energy = False
    return kaldi_frames(options, samples * np.float32(32768))


def _delta(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Regression slope over `_DELTA_FRAMES` frames on each side; the edges repeat."""
    reach = _DELTA_FRAMES
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    n = len(values)
    slope = np.zeros_like(values)
    for k in range(1, reach + 1):
        slope += k * (padded[reach + k : reach + k + n] - padded[reach - k : reach - k + n])
    return slope / np.float32(2 * sum(k * k for k in range(1, reach + 1)))


def _scaled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = values / (values.std(0) + np.float32(1e-4))
    return scaled
