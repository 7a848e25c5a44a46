"""Codes beside each other: those of other streams at a stream's frames, and codes that know nothing of the labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hac.data.ragged import place_of
from hac.data.tokens.token_store import Stream

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
    ratio = other.frame_rate / stream.frame_rate
    # (place + 1/2) * ratio, rounded down
    at = (2 * place_of(stream.bounds) + 1) * ratio.numerator // (2 * ratio.denominator)
    at = np.minimum(at, np.repeat(theirs - 1, lengths)) + np.repeat(other.bounds[:-1], lengths)
    is_there = np.repeat(theirs > 0, lengths)
    found = np.full(len(at), NO_CODE, np.int32)
    found[is_there] = other.codes[at[is_there]]
    return found
