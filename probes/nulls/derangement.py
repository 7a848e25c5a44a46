"""Null: derangements, in which each utterance gets something of another one's, never its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hac.data.ragged import place_of
from hac.data.tokens.token_store import Stream
from probes.nulls.random_streams import random_keys


def derangement(ids: Sequence[str], draw: int, seed: int, groups: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """A permutation without fixed points, int64 [n]: the place of another utterance for each.

    Utterances are put into a random order (by keys of their ids) and each gets the next one, the last the first: one
    cycle through all of them, which depends on their ids, and neither on their order nor on the machine.

    Args:
        ids: utterance ids.
        draw: which null draw.
        seed: of the whole analysis.
        groups: int64 [n], the group of each, which it stays in: one cycle through each group. None: one group.

    Returns:
        -1 for an utterance that is alone in its group.
    """
    n = len(ids)
    groups = np.zeros(n, np.int64) if groups is None else groups
    order = np.lexsort((random_keys("derangement", ids, draw, seed), groups))
    _, first, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    following = np.arange(1, n + 1)
    following[first + sizes - 1] = first
    other = np.empty(n, np.int64)
    other[order] = order[following]
    return np.where(other == np.arange(n), -1, other)


def cycle(others: NDArray[np.int64], start: int) -> Iterator[int]:
    """All other utterances of a derangement's cycle, from the one that utterance `start` gets on."""
    place = int(others[start])
    while place >= 0 and place != start:
        yield place
        place = int(others[place])


def length_blocks(
    ids: Sequence[str], lengths: NDArray[np.int64], draw: int, seed: int, block: int = 8
) -> NDArray[np.int64]:
    """Groups of utterances of like length, for `derangement`: int64 [n].

    Utterances are sorted by length (equal ones by chance) and cut into blocks of `block` neighbours; the last holds up
    to twice as many less one.

    Args:
        ids: utterance ids.
        lengths: int64 [n], frames of each.
        draw: which null draw.
        seed: of the whole analysis.
        block: at least 2.
    """
    order = np.lexsort((random_keys("length blocks", ids, draw, seed), lengths))
    groups = np.empty(len(ids), np.int64)
    groups[order] = np.minimum(np.arange(len(ids)) // block, max(len(ids) // block - 1, 0))
    return groups


def deranged_codes(ids: Sequence[str], stream: Stream, draw: int, seed: int) -> NDArray[np.int32]:
    """The codes of another utterance, from its start and again where it is shorter: int32 [n_frames].

    The null of what is the same in a whole utterance: a circular shift within it would keep all they know of it.
    Utterances without frames take no part; one that is alone keeps its own codes.
    """
    lengths = stream.lengths
    there = np.flatnonzero(lengths > 0)
    others = derangement([ids[u] for u in there.tolist()], draw, seed)
    source = np.arange(len(lengths))
    source[there[others >= 0]] = there[others[others >= 0]]
    begins = np.repeat(stream.bounds[source], lengths)
    return np.asarray(stream.codes[begins + place_of(stream.bounds) % np.repeat(lengths[source], lengths)])
