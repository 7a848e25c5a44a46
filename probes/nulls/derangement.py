"""Null: derangements, in which each utterance gets something of another one's, never its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens.token_store import Stream
from probes.utterance_keys import hashed_keys, utterance_keys


def hashed_derangement(ids: Sequence[str], draw: int, seed: int = 0) -> NDArray[np.int64]:
    """Another utterance for each, int64 [n], in one null draw: a single round through all in an order by hash.

    Nobody meets himself where there are two or more.
    """
    keys = utterance_keys(ids)
    order = np.lexsort((keys, hashed_keys(keys, draw, seed)))
    return np.asarray(order[(np.argsort(order) + 1) % len(order)], np.int64)


def deranged_codes(stream: Stream, draw: int, seed: int) -> NDArray[np.int32]:
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


def derangement(ids: Sequence[str], seed: int, draw: int) -> NDArray[np.int64]:
    """A permutation without fixed points, int64 [n]; -1 throughout for fewer than two utterances.

    Utterances are put into an order of chance (by keys of their ids), and each gets the next one's reference: one
    cycle through all of them, which depends neither on their order nor on the machine.
    """
    n = len(ids)
    if n < 2:
        return np.full(n, -1, np.int64)
    order = np.argsort(salted_keys(ids, seed, draw), kind="stable")
    reference = np.empty(n, np.int64)
    reference[order] = np.roll(order, -1)
    return reference


def salted_keys(ids: Sequence[str], seed: int, draw: int) -> NDArray[np.uint64]:
    """Keys of utterances that depend on seed and draw too, uint64 [n]."""
    salt = hashlib.blake2b(f"{seed} {draw}".encode(), digest_size=8).hexdigest()
    return utterance_keys([f"{salt} {id}" for id in ids])


def neighbours_by_length(lengths: NDArray[np.int64], draw: int, seed: int, block: int = 8) -> list[NDArray[np.int64]]:
    """Other utterances of like length for each, in the order in which a null takes them; never the utterance itself.

    Utterances are sorted by length (equal ones by chance) and cut into blocks of `block` neighbours (the last holds up
    to twice as many less one); within a block they are dealt into a random circle, and each gets the circle from the
    next one on. So the first of each are a permutation without a fixed point.

    Args:
        lengths: frames of each utterance, at least 2 utterances.
        draw: which null draw.
        seed: of the whole analysis.
        block: at least 2.
    """
    rng = np.random.default_rng([seed, draw, 4])
    order = np.lexsort((rng.random(len(lengths)), lengths)).astype(np.int64)
    n_blocks = max(1, len(lengths) // block)
    found = [np.zeros(0, np.int64)] * len(lengths)
    for b in range(n_blocks):
        stop = len(lengths) if b == n_blocks - 1 else (b + 1) * block
        circle = rng.permutation(order[b * block : stop])
        for place, u in enumerate(circle.tolist()):
            found[u] = np.roll(circle, -place)[1:]
    return found
