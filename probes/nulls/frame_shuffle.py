"""Null: the frames of each utterance in random order."""

from __future__ import annotations

from dataclasses import replace

from hac.data.ragged import utterance_of
from hac.data.tokens.token_store import Stream
from probes.nulls.random_streams import permutation_within, random_stream

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
    order = permutation_within(utterance_of(stream.bounds), random_stream("frame shuffle", draw, seed))
    return replace(stream, codes=stream.codes[order])
