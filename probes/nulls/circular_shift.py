"""Nulls: what the same tokens would score if they knew nothing of the labels they lie on.

A null must keep what has nothing to do with knowledge: the codes' frequencies, their run lengths, the number of
frames. A circular shift of each utterance's tokens against its own labels keeps all three, and breaks the alignment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens.token_store import Stream
from probes.leakage import kernels
from probes.leakage.cells import Codes, Ints
from probes.utterance_keys import splitmix64, utterance_keys

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


def circularly_shifted(stream: Stream, shifts: NDArray[np.int64]) -> Stream:
    """The stream with each utterance turned like a ring: frame t gets the code of frame t + shift.

    Args:
        stream: the tokens.
        shifts: int64 [n_utterances], from `probes.nulls.circular_shift.circular_shifts`.
    """
    starts, lengths = np.repeat(stream.bounds[:-1], stream.lengths), np.repeat(stream.lengths, stream.lengths)
    place = np.arange(len(stream.codes)) - starts + np.repeat(shifts, stream.lengths)
    return replace(stream, codes=stream.codes[starts + place % np.maximum(lengths, 1)])


def shifted_codes(ids: Sequence[str], stream: Stream, draw: int, seed: int) -> NDArray[np.int32]:
    """The codes of each utterance, turned round within it as in the null of PNMI: int32 [n_frames]."""
    lengths = stream.lengths
    shifts = circular_shifts(utterance_keys(ids), lengths, stream.frame_rate, draw, seed)
    begins = np.repeat(stream.bounds[:-1], lengths)
    place = np.arange(len(stream.codes)) - begins
    return np.asarray(stream.codes[begins + (place + np.repeat(shifts, lengths)) % np.repeat(lengths, lengths)])


def shifted(codes: Codes, bounds: Ints, shifts: Ints) -> Codes:
    """The codes of each utterance moved round by its shift."""
    moved = np.empty_like(codes)
    kernels.shift_codes(codes, bounds, shifts, moved)
    return moved
