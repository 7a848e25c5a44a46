"""Codes beside each other: those of other streams at a stream's frames, and codes that know nothing of the labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens import Stream
from probes.controls import circular_shifts, utterance_keys

NO_CODE = -1


def codes_at(stream: Stream, other: Stream) -> NDArray[np.int32]:
    """The code of another stream at the centre of each frame of a stream: int32 [n_frames].

    Past the end of the other stream stands its last code; `NO_CODE` where the utterance has none at all.

    Args:
        stream: whose frames count.
        other: of the same utterances, at any rate.
    """
    if stream.frame_rate == other.frame_rate and np.array_equal(stream.bounds, other.bounds):
        return other.codes
    lengths, theirs = stream.lengths, other.lengths
    place = np.arange(len(stream.codes)) - np.repeat(stream.bounds[:-1], lengths)
    ratio = other.frame_rate / stream.frame_rate
    # (place + 1/2) * ratio, rounded down
    at = (2 * place + 1) * ratio.numerator // (2 * ratio.denominator)
    at = np.minimum(at, np.repeat(theirs - 1, lengths)) + np.repeat(other.bounds[:-1], lengths)
    is_there = np.repeat(theirs > 0, lengths)
    found = np.full(len(at), NO_CODE, np.int32)
    found[is_there] = other.codes[at[is_there]]
    return found


def shifted_codes(ids: Sequence[str], stream: Stream, draw: int, seed: int) -> NDArray[np.int32]:
    """The codes of each utterance, turned round within it as in the null of PNMI: int32 [n_frames]."""
    lengths = stream.lengths
    shifts = circular_shifts(utterance_keys(ids), lengths, stream.frame_rate, draw, seed)
    begins = np.repeat(stream.bounds[:-1], lengths)
    place = np.arange(len(stream.codes)) - begins
    return np.asarray(stream.codes[begins + (place + np.repeat(shifts, lengths)) % np.repeat(lengths, lengths)])


def swapped_codes(stream: Stream, draw: int, seed: int) -> NDArray[np.int32]:
    """The codes of another utterance, from its start and again where it is shorter: int32 [n_frames].

    The null of what is the same in a whole utterance: turning codes round within it would keep all they know of it.
    """
    there = np.flatnonzero(stream.lengths > 0)
    # a cycle through all utterances in random order: none keeps its own codes, where there are two
    order = np.random.default_rng([seed, draw, 3]).permutation(there)
    source = np.arange(len(stream.lengths))
    source[order] = np.roll(order, 1)
    begins, lengths = np.repeat(stream.bounds[:-1], stream.lengths), stream.lengths
    place = np.arange(len(stream.codes)) - begins
    from_ = np.repeat(stream.bounds[source], lengths)
    return np.asarray(stream.codes[from_ + place % np.repeat(np.maximum(lengths[source], 1), lengths)])
