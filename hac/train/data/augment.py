"""What is done to the sound of an utterance before it is encoded: level and phase, as DAC does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PEAK = 0.99
"""Highest peak after scaling."""


def set_level(samples: NDArray[np.float32], level_db: float) -> NDArray[np.float32]:
    """Scale samples [n] to a level in dB RMS of full scale, less where the peak would pass `PEAK`."""
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    peak = float(np.abs(samples).max())
    if rms == 0:
        return samples
    gain = min(10 ** (level_db / 20) / rms, PEAK / peak)
    return (samples * np.float32(gain)).astype(np.float32)


def shift_phase(samples: NDArray[np.float32], angle: float) -> NDArray[np.float32]:
    """Rotate the phase of every frequency of samples [n] by `angle` (radians).

    Source: descript-audiotools' `shift_phase`, there on an STFT; here on the whole utterance, by its analytic
    signal.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    n = len(samples)
    size = next_fast_len(n, real=True)
    spectrum = rfft(samples, size)
    turned = spectrum * np.exp(1j * angle).astype(np.complex64)
    turned[0] = spectrum[0]
    return np.asarray(irfft(turned, size)[:n], dtype=np.float32)
