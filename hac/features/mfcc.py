"""MFCC features as in HuBERT's first iteration: 13 cepstra, their deltas and double deltas, at 100 Hz.

HuBERT clusters the 39-d output of Kaldi's MFCC (25 ms Povey windows every 10 ms, 23 mel bands, no dither,
no energy term) followed by two five-point regressions (fairseq, `dump_mfcc_feature.py`). The one deliberate
difference is the frame grid: here the windows are not snipped at the edges, so frame i is centred exactly
at (i + 1/2) * 10 ms, the middle of the interval the token stands for. Snipped frames would sit 7.5 ms late.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import kaldi_native_fbank as knf
import numpy as np
from numpy.typing import NDArray

from hac.features.kaldi import kaldi_frames, set_grid

SAMPLE_RATE = 16_000
HOP_SAMPLES = 160
N_CEPSTRA = 13
DELTA_WEIGHTS = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) / 10.0
"""Kaldi's and torchaudio's regression over five frames: sum n x[t + n] / sum n^2."""


class MfccFeatures:
    """39-d MFCC + delta + delta-delta at 100 Hz from 16 kHz audio.

    `n` samples give `floor((n + 80) / 160)` frames: each started half hop counts.
    """

    sample_rate = SAMPLE_RATE
    frame_rate = Fraction(SAMPLE_RATE, HOP_SAMPLES)
    dim = 3 * N_CEPSTRA

    def describe(self) -> dict[str, Any]:
        """The settings that fix the features, for provenance."""
        return {
            "kind": "mfcc",
            "n_cepstra": N_CEPSTRA,
            "deltas": 2,
            "window_ms": 25,
            "hop_ms": 10,
            "grid": "centred",
            "library": f"kaldi-native-fbank {_version()}",
        }

    def extract(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of an utterance, float32 [n_samples] at 16 kHz, full scale 1: float32 [n_frames, 39], finite."""
        cepstra = _cepstra(samples)
        deltas = _delta(cepstra)
        stacked = np.concatenate([cepstra, deltas, _delta(deltas)], axis=1)
        return np.ascontiguousarray(stacked, dtype=np.float32)


def _cepstra(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    options = knf.MfccOptions()
    set_grid(options, SAMPLE_RATE, 25.0, 10.0)
    options.mel_opts.num_bins = 23
    options.num_ceps = N_CEPSTRA
    options.use_energy = False
    return kaldi_frames(options, samples).astype(np.float64)


def _delta(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Five-point regression along time, the edges repeated. [t, d] -> [t, d]."""
    n_frames = len(features)
    if n_frames == 0:
        return features
    padded = np.pad(features, ((2, 2), (0, 0)), mode="edge")
    slope = np.zeros_like(features)
    for offset, weight in enumerate(DELTA_WEIGHTS):
        slope += weight * padded[offset : offset + n_frames]
    return slope


def _version() -> str:
    from importlib.metadata import version

    return version("kaldi-native-fbank")
