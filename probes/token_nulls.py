"""Nulls that take tokens out of order: frames shuffled within utterances, and streams turned against each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens import Stream

SHUFFLE_NAME = "frames-shuffled"


def shuffled(stream: Stream, draw: int, seed: int) -> Stream:
    """The stream with the frames of each utterance in random order; draw 0 is the stream as it is.

    Every utterance keeps its codes and their counts, and so the order-0 entropy stays; what a frame tells of the next
    is chance then. Made from the whole corpus, in its order.

    Args:
        stream: the tokens.
        draw: 0, or which null draw.
        seed: of the whole analysis.
    """
    if draw == 0:
        return stream
    rng = np.random.default_rng([seed, draw, 3])
    utterance = np.repeat(np.arange(len(stream.bounds) - 1), stream.lengths)
    return replace(stream, codes=stream.codes[np.lexsort((rng.random(len(utterance)), utterance))])


def turned(stream: Stream, shifts: NDArray[np.int64]) -> Stream:
    """The stream with each utterance turned like a ring: frame t gets the code of frame t + shift.

    Args:
        stream: the tokens.
        shifts: int64 [n_utterances], from `probes.controls.circular_shifts`.
    """
    starts, lengths = np.repeat(stream.bounds[:-1], stream.lengths), np.repeat(stream.lengths, stream.lengths)
    place = np.arange(len(stream.codes)) - starts + np.repeat(shifts, stream.lengths)
    return replace(stream, codes=stream.codes[starts + place % np.maximum(lengths, 1)])
