"""Rooms, noise and channels for speech that is too clean. Nothing here moves a sound in time.

The direct path of every room is its first sample, filters have linear phase and their delay is taken back, and the
output is as long as the input: phone and word times stay exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

Augmentation = Literal["none", "light", "strong"]

_TAPS = 129
"""Of the channel filters; odd, so that the delay is a whole number of samples."""

_PEAK = 0.95
"""Loudest sample allowed, of full scale."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What an utterance may meet; each pair is the range of a uniform draw.

    Attributes:
        reverberation_time_s: until the room's echo fell by 60 dB.
        direct_to_reverberant_db: energy of the direct sound over that of the room's echo.
        signal_to_noise_db: over the whole utterance.
        noise_slope: the noise's power falls as 1/f to this power: 0 white, 1 pink, 2 brown.
        p_low_pass: chance of a channel that ends between 3.4 and 7 kHz.
        p_telephone: chance of a channel from 300 to 3400 Hz.
        level_db: loudness of the utterance (RMS) below full scale.
    """

    reverberation_time_s: tuple[float, float]
    direct_to_reverberant_db: tuple[float, float]
    signal_to_noise_db: tuple[float, float]
    noise_slope: tuple[float, float]
    p_low_pass: float
    p_telephone: float
    level_db: tuple[float, float]


CONDITIONS: Mapping[Augmentation, Conditions] = {
    "light": Conditions((0.1, 0.3), (6.0, 18.0), (20.0, 40.0), (0.0, 2.0), 0.1, 0.0, (-30.0, -20.0)),
    "strong": Conditions((0.2, 0.8), (-3.0, 9.0), (5.0, 20.0), (0.0, 2.0), 0.2, 0.2, (-36.0, -18.0)),
}
"""The ranges behind each name; `none` leaves the sound as it is."""


def augment(
    samples: NDArray[np.float32], sample_rate: int, conditions: Conditions, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Put an utterance into a room with noise, then through a channel.

    Args:
        samples: float32 [n], not all zero.
        sample_rate: Hz.
        conditions: what may happen.
        rng: what does happen.

    Returns:
        float32 [n], within full scale.
    """
    room = room_response(
        rng.uniform(*conditions.reverberation_time_s),
        rng.uniform(*conditions.direct_to_reverberant_db),
        sample_rate,
        rng,
    )
    wet = signal.oaconvolve(samples, room)[: len(samples)]
    noise = coloured_noise(len(samples), rng.uniform(*conditions.noise_slope), rng)
    noisy = wet + noise * _rms(wet) * _gain(-rng.uniform(*conditions.signal_to_noise_db))
    band = _channel(conditions, sample_rate, rng)
    filtered = signal.oaconvolve(noisy, band, mode="same") if band is not None else noisy
    scaled = filtered * (_gain(rng.uniform(*conditions.level_db)) / _rms(filtered))
    return (scaled * min(1.0, _PEAK / float(np.abs(scaled).max()))).astype(np.float32)


def room_response(
    reverberation_time_s: float, direct_to_reverberant_db: float, sample_rate: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A room as exponentially decaying noise (Polack's model): float32 [n], the direct sound 1 at sample 0.

    Args:
        reverberation_time_s: until the echo fell by 60 dB; the response is as long.
        direct_to_reverberant_db: energy of the direct sound over that of the rest.
        sample_rate: Hz.
    """
    n_samples = max(2, round(reverberation_time_s * sample_rate))
    echo = rng.standard_normal(n_samples, dtype=np.float32)
    echo *= np.float32(10.0) ** (-3.0 * np.arange(n_samples, dtype=np.float32) / n_samples)
    # the first reflection comes after the direct sound, 2 to 10 ms later
    echo[: min(n_samples - 1, round(rng.uniform(0.002, 0.010) * sample_rate))] = 0.0
    echo *= _gain(-direct_to_reverberant_db) / np.sqrt(np.square(echo, dtype=np.float64).sum())
    echo[0] = 1.0
    return echo.astype(np.float32)


def coloured_noise(n_samples: int, slope: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise whose power falls as 1/f to the power `slope`: float32 [n], RMS 1."""
    n_fast = fft.next_fast_len(n_samples, real=True)
    spectrum = fft.rfft(rng.standard_normal(n_fast, dtype=np.float32))
    # below 1/200 of the band the slope is level, else brown noise would be all rumble
    frequency = np.maximum(np.arange(len(spectrum), dtype=np.float32), np.float32(len(spectrum) / 200))
    noise = fft.irfft(spectrum * frequency ** np.float32(-slope / 2), n_fast)[:n_samples]
    return (noise / np.float32(_rms(noise))).astype(np.float32)


def _channel(conditions: Conditions, sample_rate: int, rng: np.random.Generator) -> NDArray[np.float32] | None:
    """A linear-phase filter, or None for a channel that keeps everything."""
    kind, edge_hz = rng.random(), rng.uniform(3400.0, 7000.0)
    if kind < conditions.p_telephone:
        return signal.firwin(_TAPS, [300.0, 3400.0], fs=sample_rate, pass_zero=False).astype(np.float32)
    if kind < conditions.p_telephone + conditions.p_low_pass:
        return signal.firwin(_TAPS, edge_hz, fs=sample_rate).astype(np.float32)
    return None


def _rms(samples: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean()))


def _gain(level_db: float) -> float:
    return float(10.0 ** (level_db / 20.0))
