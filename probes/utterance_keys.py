"""Keys of utterances: numbers that depend on their ids alone, so that shards agree on them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def utterance_keys(ids: Sequence[str]) -> NDArray[np.uint64]:
    """A 64-bit key per utterance id (BLAKE2b): the same in every shard, whatever comes before or after it."""
    digests = b"".join(hashlib.blake2b(id.encode(), digest_size=8).digest() for id in ids)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def splitmix64(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Steele, Lea and Flood (2014), SplitMix64: the next number of a stream whose state is x."""
    with np.errstate(over="ignore"):
        return mix64(x + np.uint64(0x9E3779B97F4A7C15))


def mix64(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64: a bijection of 64 bits that mixes them well."""
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def hashed_keys(keys: NDArray[np.uint64], salt: int, seed: int) -> NDArray[np.uint64]:
    """A number for each key that depends on salt and seed: SplitMix64's mixing, twice."""
    with np.errstate(over="ignore"):
        start = np.array([salt], np.uint64) + np.uint64(0x9E3779B97F4A7C15) * np.uint64(seed + 1)
    return mix64(keys ^ mix64(start))
