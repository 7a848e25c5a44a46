"""Nulls that keep frequencies: word labels dealt anew, and codes dealt anew among runs of another stream's code."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens.token_store import Stream
from probes.leakage import kernels
from probes.leakage.cells import Coded, Codes


def permuted_runs(stream: Stream, given: Stream, draw: int, seed: int) -> NDArray[np.int32]:
    """The codes of a stream dealt anew among the runs that have the same code of another: int32 [n_frames].

    A run is a stretch of frames in which neither stream changes. What a run's code in `stream` says of anything but the
    code in `given` is chance then; how the two streams go together stays, and so do runs. (A local permutation as
    in Runge 2018, arXiv 1709.01447, with the code of `given` as the neighbourhood.) Made from the whole corpus.

    Args:
        stream, given: of the same rate and the same utterances.
        draw: which null draw.
        seed: of the whole analysis.
    """
    starts = np.union1d(stream.run_starts(), given.run_starts())
    of_run, condition = stream.codes[starts], given.codes[starts]
    rng = np.random.default_rng([seed, draw, 2])
    by_chance = np.lexsort((rng.random(len(starts)), condition))
    in_order = np.argsort(condition, kind="stable")
    permuted = np.empty_like(of_run)
    permuted[in_order] = of_run[by_chance]
    return np.repeat(permuted, np.diff(starts, append=len(stream.codes))).astype(np.int32)


def permuted_coded_runs(stream: Coded, given: Coded, draw: int, seed: int) -> Codes:
    """The codes of a stream dealt anew among the runs that have the same code of another one.

    The null of `probes.nulls.run_permutation.permuted_runs`, by a shuffle instead of a sort, which is much quicker.
    """
    permuted, room = np.empty_like(stream.codes), np.empty_like(stream.codes)
    starts = np.zeros(given.n_codes + 1, np.int64)
    key = _seed(seed, draw, stream.name, given.name)
    kernels.deal_runs(stream.codes, stream.begins, given.codes, given.begins, starts, room, key, permuted)
    return permuted


def _seed(*parts: int | str) -> np.uint64:
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))
