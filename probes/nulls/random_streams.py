"""Random numbers of nulls: a stream of its own for each purpose, seed and draw, so that no two nulls go together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from probes.utterance_keys import mix64, utterance_keys


def random_seed(purpose: str, draw: int, seed: int) -> np.uint64:
    """64 bits (BLAKE2b) that depend on all three.

    Args:
        purpose: what the numbers are for, by name: a null, and what it is of where several must differ.
        draw: which null draw.
        seed: of the whole analysis.
    """
    digest = hashlib.blake2b(repr((purpose, draw, seed)).encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def random_stream(purpose: str, draw: int, seed: int) -> np.random.Generator:
    """The generator of one purpose, draw and seed; see `random_seed`."""
    return np.random.default_rng(int(random_seed(purpose, draw, seed)))


def random_keys(purpose: str, ids: Sequence[str], draw: int, seed: int) -> NDArray[np.uint64]:
    """A random number for each utterance by its id, uint64 [n], whatever utterances come before or after it."""
    return mix64(utterance_keys(ids) ^ random_seed(purpose, draw, seed))


def permutation_within(groups: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """A random permutation that keeps every group to itself: int64 [n], `groups[permutation]` is `groups`.

    Args:
        groups: int64 [n], a number for the group of each.
        rng: takes n numbers.
    """
    permutation = np.empty(len(groups), np.int64)
    permutation[np.argsort(groups, kind="stable")] = np.lexsort((rng.random(len(groups)), groups))
    return permutation
