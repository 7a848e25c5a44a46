"""Time, exactly: the only module that rounds it.

Rates are `fractions.Fraction` (44100/512 Hz has no finite decimal, and rounding it drifts by 0.6 s per minute).
Times read from files become integer microseconds once. Where frames and intervals meet, both are expressed on a
*clock*: an integer number of ticks per second that every frame edge and every microsecond falls on exactly, so that
overlaps are integers and sums of them are exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hac.errors import HacError

MAX_SECONDS = 1e9
"""Thirty years: a time beyond is damage, and its microseconds might not fit."""
US_PER_S = 1_000_000
"""Microseconds per second."""


def parse_rate(value: str | int | float | Fraction) -> Fraction:
    """Read a frame rate in Hz as an exact fraction: `"75"`, `"12.5"`, `"44100/512"`, `50`.

    A float is taken by its shortest decimal form, so 12.5 is 25/2 and 86.13 is 8613/100.

    Raises:
        HacError: the value is not a positive finite rate.
    """
    try:
        rate = Fraction(str(value)) if isinstance(value, float) else Fraction(value)
    except (ValueError, ZeroDivisionError, TypeError) as error:
        raise HacError(f"frame rate {value!r} is not a number or a fraction such as 50, 12.5 or 44100/512") from error
    if rate <= 0:
        raise HacError(f"frame rate {value!r} is not positive; expected Hz such as 50, 12.5 or 44100/512")
    return rate


def frames_to_hold(seconds: float, frame_rate: Fraction) -> int:
    """Least whole number of frames that last so many seconds, taken by their decimal form.

    0.56 s at 50 Hz are 28 frames; in floating point they would be a little more, and so 29.
    """
    return math.ceil(Fraction(str(seconds)) * frame_rate)


def to_us(seconds: float) -> int:
    """Seconds to the nearest integer microsecond."""
    return round(seconds * US_PER_S)


def to_us_array(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Seconds to the nearest integer microseconds, elementwise."""
    return np.rint(np.asarray(seconds, dtype=np.float64) * US_PER_S).astype(np.int64)


def samples_to_us(n_samples: int, sample_rate: int) -> int:
    """Duration of `n_samples` at `sample_rate` Hz, to the nearest microsecond (half up)."""
    return (2 * n_samples * US_PER_S + sample_rate) // (2 * sample_rate)


def frame_edges_us(frames: NDArray[np.int64], rate: Fraction) -> NDArray[np.int64]:
    """Where these frames begin, to the nearest microsecond (half up), for frame indices of a stream of that rate."""
    num, den = rate.numerator, rate.denominator
    return (2 * np.asarray(frames, np.int64) * den * US_PER_S + num) // (2 * num)


def clock(rates: Iterable[Fraction]) -> int:
    """Ticks per second of the coarsest clock on which every microsecond and every frame edge of `rates` falls.

    Frame i of rate p/q ends at (i + 1) q / p seconds, so the clock must be a multiple of p (in lowest terms).
    """
    ticks = US_PER_S
    for rate in rates:
        ticks = math.lcm(ticks, rate.numerator)
    return ticks


def ticks_per_frame(rate: Fraction, ticks_per_s: int) -> int:
    """Length of one frame in ticks, exactly.

    Raises:
        ValueError: the clock does not divide the rate.
    """
    length = Fraction(ticks_per_s) / rate
    if length.denominator != 1:
        raise ValueError(f"a clock of {ticks_per_s} ticks per second does not divide the rate {rate}")
    return length.numerator


def centres_before(twice: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Count of frames i >= 0 of `length` ticks whose doubled centre (2 i + 1) `length` lies below `twice`."""
    return np.asarray((twice + length - 1) // (2 * length))
