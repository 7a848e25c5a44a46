"""Nulls that take tokens out of order: frames shuffled within utterances, and streams turned against each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hac.data.tokens.token_store import Stream

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
