"""Nulls: what the same tokens would score if they knew nothing of the labels they lie on.

A null must keep what has nothing to do with knowledge: the codes' frequencies, their run lengths, the number of
frames. A circular shift of each utterance's tokens against its own labels keeps all three, and breaks the alignment.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from probes.nulls import kernels
from probes.utterance_keys import splitmix64

Integer = TypeVar("Integer", bound=np.integer[Any])

NULL_NAME = "circular-shift"
MIN_SHIFT_S = Fraction(1, 2)
"""Shifts are at least this long where the utterance allows, so that a token does not stay within its own phone."""


def circular_shifts(
    keys: NDArray[np.uint64], n_frames: NDArray[np.int64], frame_rate: Fraction, draw: int, seed: int
) -> NDArray[np.int64]:
    """Shift in frames for each utterance in one draw; draw 0 is the identity (the tokens as they are).

    Shifts are uniform on [m, T - m] with m = min(0.5 s, T / 4) and at least one frame; an utterance of one frame (or
    none) cannot be shifted and stays as it is (see `unshiftable`).

    Args:
        keys: uint64 [n_utterances], from `utterance_keys`.
        n_frames: int64 [n_utterances].
        frame_rate: frames per second.
        draw: 0 for the identity, 1.. for null draws.
        seed: of the whole analysis.
    """
    n_frames = np.asarray(n_frames, np.int64)
    if draw == 0:
        return np.zeros(len(n_frames), np.int64)
    shortest = np.maximum(1, np.minimum(int(MIN_SHIFT_S * frame_rate), n_frames // 4))
    choices = np.maximum(n_frames - 2 * shortest + 1, 1)
    # one SplitMix64 stream per (seed, draw), indexed by the utterance's key: no order, no state
    with np.errstate(over="ignore"):
        mixed = splitmix64(keys ^ splitmix64(np.array([(seed << 20) + draw], np.uint64)))
    shift = shortest + (mixed % choices.astype(np.uint64)).astype(np.int64)
    return np.where(n_frames > 1, shift, 0)


def unshiftable(n_frames: NDArray[np.int64]) -> int:
    """Count of utterances too short to be shifted at all."""
    return int(np.count_nonzero(np.asarray(n_frames) <= 1))


def circularly_shifted(
    codes: NDArray[Integer], bounds: NDArray[np.int64], shifts: NDArray[np.int64]
) -> NDArray[Integer]:
    """The codes of each utterance in a circle: frame t gets the code of frame t + shift.

    Args:
        codes: integers [n_frames].
        bounds: int64 [n_utterances + 1], frames of each utterance.
        shifts: int64 [n_utterances], each from 0 to the utterance's number of frames.
    """
    shifted = np.empty_like(codes)
    kernels.shift_codes(codes, bounds, shifts, shifted)
    return shifted
