"""The loops of nulls over frames, compiled: circular shifts, and permutations of runs."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def shift_rings(codes: Any, bounds: Int64, order: Int64, ring_bounds: Int64, shifts: Int64, out: Any) -> None:
    """Frame i of a ring of N frames gets the code of its frame (i + shift) mod N.

    Args:
        codes: of every frame, those of utterance u at `bounds[u]:bounds[u + 1]`.
        order, ring_bounds: utterances end to end, those of ring r at `order[ring_bounds[r]:ring_bounds[r + 1]]`.
        shifts: of each ring, from 0 to N - 1.
        out: of every frame.
    """
    for r in range(len(ring_bounds) - 1):
        members = order[ring_bounds[r] : ring_bounds[r + 1]]
        # codes are read on from frame `at` of the utterance at place `source`
        source, at = 0, shifts[r]
        while at > 0 and at >= bounds[members[source] + 1] - bounds[members[source]]:
            at -= bounds[members[source] + 1] - bounds[members[source]]
            source += 1
        for u in members:
            to = bounds[u]
            while to < bounds[u + 1]:
                start, stop = bounds[members[source]] + at, bounds[members[source] + 1]
                n = min(stop - start, bounds[u + 1] - to)
                out[to : to + n] = codes[start : start + n]
                to, at = to + n, at + n
                if start + n == stop:
                    source, at = (source + 1) % len(members), 0


@numba.njit(cache=True, nogil=True)
def permute_runs(
    codes: Any, begins: Any, given: Any, given_begins: Any, starts: Int64, room: Any, seed: np.uint64, out: Any
) -> None:
    """Permute codes among the runs with the same given code; a run is where neither of the two changes.

    Args:
        codes, given: of every frame.
        begins, given_begins: bool, where runs of either begin.
        starts: int64 [n_given + 1] of zeros.
        room: as many codes as there are frames.
        seed: of the draw; the random numbers are SplitMix64's.
        out: the permuted codes.
    """
    for i in range(np.uint64(len(codes))):
        starts[np.uint64(given[i]) + np.uint64(1)] += begins[i] or given_begins[i]
    for group in range(1, len(starts)):
        starts[group] += starts[group - 1]
    cursor = starts[:-1].copy()
    for i in range(np.uint64(len(codes))):
        if begins[i] or given_begins[i]:
            g = np.uint64(given[i])
            room[np.uint64(cursor[g])] = codes[i]
            cursor[g] += 1
    _shuffle_groups(room, starts, seed)
    cursor[:] = starts[:-1]
    code = codes[:1].sum()
    for i in range(np.uint64(len(codes))):
        if begins[i] or given_begins[i]:
            g = np.uint64(given[i])
            code = room[np.uint64(cursor[g])]
            cursor[g] += 1
        out[i] = code


@numba.njit(cache=True, nogil=True)
def _shuffle_groups(values: Any, bounds: Int64, seed: np.uint64) -> None:
    """Shuffle the values within each group, in place (Fisher and Yates, as in Durstenfeld 1964).

    Args:
        values: by group.
        bounds: int64 [n_groups + 1].
        seed: of the draw; the random numbers are SplitMix64's.
    """
    state = seed
    for g in range(len(bounds) - 1):
        start = bounds[g]
        for i in range(bounds[g + 1] - 1, start, -1):
            state += np.uint64(0x9E3779B97F4A7C15)
            z = state
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z ^= z >> np.uint64(31)
            # 32 random bits times the choices, cut: even to one part in 2^32 / choices
            j = start + np.int64(((z >> np.uint64(32)) * np.uint64(i - start + 1)) >> np.uint64(32))
            value = values[i]
            values[i] = values[j]
            values[j] = value
