"""Nulls: what the same tokens would score if they knew nothing of the labels they lie on.

A null must keep what has nothing to do with knowledge: the codes' frequencies, their run lengths, the number of
frames. A circular shift of each utterance's tokens against its own labels keeps all three, and breaks the alignment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

NULL_NAME = "circular-shift"
MIN_SHIFT_S = Fraction(1, 2)
"""Shifts are at least this long where the utterance allows, so that a token does not stay within its own phone."""


def utterance_keys(ids: Sequence[str]) -> NDArray[np.uint64]:
    """A 64-bit key per utterance id (BLAKE2b): the same in every shard, whatever comes before or after it."""
    digests = b"".join(hashlib.blake2b(id.encode(), digest_size=8).digest() for id in ids)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


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
        mixed = _splitmix64(keys ^ _splitmix64(np.array([(seed << 20) + draw], np.uint64)))
    shift = shortest + (mixed % choices.astype(np.uint64)).astype(np.int64)
    return np.where(n_frames > 1, shift, 0)


def unshiftable(n_frames: NDArray[np.int64]) -> int:
    """Count of utterances too short to be shifted at all."""
    return int(np.count_nonzero(np.asarray(n_frames) <= 1))


def _splitmix64(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Steele, Lea and Flood (2014), SplitMix64: the next number of a stream whose state is x."""
    with np.errstate(over="ignore"):
        return mix64(x + np.uint64(0x9E3779B97F4A7C15))


def mix64(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64: a bijection of 64 bits that mixes them well."""
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))
