"""A teacher's frames at the codec's frames: other rate, other centres, exact times."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hac.errors import HacError

Method = Literal["linear", "nearest"]


def to_frame_rate(
    states: NDArray[np.float32],
    source_rate: Fraction,
    first_centre_s: Fraction,
    n_frames: int,
    frame_rate: Fraction,
    method: Method = "linear",
) -> NDArray[np.float32]:
    """A teacher's frames, resampled to the centres of a codec's frames: float32 [n_frames, d].

    Source frame i is centred at `first_centre_s + i / source_rate` seconds, codec frame j at
    `(j + 1/2) / frame_rate`. Where codec frame j lies, counted in source frames, is an integer over an integer; it
    is rounded only as the weight of an interpolation, so nothing drifts, however long the recording. Before the
    first and after the last source frame, that frame stands.

    Args:
        states: float32 [t, d], t at least 1 where frames are asked for.
        source_rate: frames per second of `states`.
        first_centre_s: time of the centre of `states[0]`.
        frame_rate: frames per second to make.
        method: `linear` interpolates between the two neighbours; `nearest` takes the nearer one, of two equally near
            ones the later.

    Raises:
        HacError: there is no source frame to take, or no such method.
    """
    if method not in get_args(Method):
        raise HacError(f"resampling method {method!r} is unknown; expected {' or '.join(get_args(Method))}")
    if n_frames == 0:
        return np.empty((0, states.shape[1]), dtype=np.float32)
    if len(states) == 0:
        raise HacError(f"a teacher gave no frame where {n_frames} are needed; the audio is too short for it")
    whole, rest, denominator = _positions(source_rate, first_centre_s, n_frames, frame_rate)
    last = len(states) - 1
    if method == "nearest":
        return np.ascontiguousarray(states[np.clip(whole + (2 * rest >= denominator), 0, last)], dtype=np.float32)
    before, after = states[np.clip(whole, 0, last)], states[np.clip(whole + 1, 0, last)]
    weight = (rest / denominator).astype(np.float32)[:, None]
    return np.asarray(before + weight * (after - before), dtype=np.float32)


def _positions(
    source_rate: Fraction, first_centre_s: Fraction, n_frames: int, frame_rate: Fraction
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Where each codec frame lies in source frames: whole part and rest, [n_frames] each, and the denominator."""
    step = source_rate / frame_rate
    start = step / 2 - first_centre_s * source_rate
    denominator = lcm(step.denominator, start.denominator)
    first, more = int(start * denominator), int(step * denominator)
    # within int64 for any rates in use: an hour at 44100/512 Hz from 50 Hz stays below 1e13
    whole, rest = np.divmod(first + more * np.arange(n_frames, dtype=np.int64), denominator)
    return whole, rest, denominator
