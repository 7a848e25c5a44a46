"""The loops over change points and boundaries, compiled. Times are integer ticks of one clock; nothing is rounded.

`ref` and `est` are the reference boundaries and the change points of one utterance, each ascending and without
repeats. A tolerance is inclusive: |ref - est| <= tolerance.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

IN_ORDER, NEAREST, MIDPOINT = 0, 1, 2
"""Places of the matchers in `wanted` and `hits`."""


@numba.njit(cache=True)
def count_hits(
    codes: Any,
    bounds: Int64,
    frame_ticks: int,
    with_edges: bool,
    ref: Int64,
    ref_bounds: Int64,
    row_of: Int64,
    tolerances: Int64,
    wanted: Bool,
    hits: Int64,
    estimates: Int64,
) -> None:
    """Add each utterance's hits to `hits[row, matcher, tolerance]`, its change points to `estimates[row]`.

    `IN_ORDER` counts the hits at each tolerance. The others know how far apart a hit is, and count it once, at the
    least tolerance that allows it. Tolerances ascend.
    """
    longest = 0
    for u in range(len(bounds) - 1):
        longest = max(longest, bounds[u + 1] - bounds[u])
    room = np.empty(longest + 1, np.int64)
    for u in range(len(bounds) - 1):
        n = change_times(codes[bounds[u] : bounds[u + 1]], frame_ticks, with_edges, room)
        estimates[row_of[u]] += n
        here, est, found = ref[ref_bounds[u] : ref_bounds[u + 1]], room[:n], hits[row_of[u]]
        if wanted[IN_ORDER]:
            for t in range(len(tolerances)):
                found[IN_ORDER, t] += in_order(here, est, tolerances[t])
        if wanted[NEAREST]:
            nearest(here, est, tolerances, found[NEAREST])
        if wanted[MIDPOINT]:
            midpoint(here, est, tolerances, found[MIDPOINT])


@numba.njit(cache=True)
def change_times(codes: Any, frame_ticks: int, with_edges: bool, time: Int64) -> int:
    """Times at which the codes of an utterance change, with its begin and end if asked for; returns how many."""
    k = 0
    if with_edges and len(codes) > 0:
        time[0] = 0
        k = 1
    for i in range(1, len(codes)):
        if codes[i] != codes[i - 1]:
            time[k] = i * frame_ticks
            k += 1
    if with_edges and len(codes) > 0:
        time[k] = len(codes) * frame_ticks
        k += 1
    return k


@numba.njit(cache=True)
def in_order(ref: Int64, est: Int64, tolerance: int) -> int:
    """Two pointers: the first two that are free match if they can, else the earlier one is passed over.

    Written without branches: which way it goes is a coin's toss, and a processor guesses those badly.
    """
    i, j, hits = np.uint64(0), np.uint64(0), np.int64(0)
    n_ref, n_est = np.uint64(len(ref)), np.uint64(len(est))
    while i < n_ref and j < n_est:
        late = est[j] - ref[i]
        # the reference is done with unless the estimate comes too early for it, and the other way round
        ref_done, est_done = np.uint64(late >= -tolerance), np.uint64(late <= tolerance)
        hits += np.int64(ref_done & est_done)
        i += ref_done
        j += est_done
    return int(hits)


@numba.njit(cache=True)
def nearest(ref: Int64, est: Int64, tolerances: Int64, hits: Int64) -> None:
    """The closest free pair matches, again and again; ties to the earlier reference, then the earlier estimate.

    Two that are each other's closest will match, whatever else does. So there is no need to sort: from each reference
    a path leads from closest to closest until two choose each other. A smaller tolerance only ends the matching
    sooner, so one pass serves all.
    """
    widest = tolerances[-1]
    of_ref, of_est = _first_from(ref, est), _first_from(est, ref)
    free_ref, free_est = np.ones(len(ref), np.bool_), np.ones(len(est), np.bool_)
    for start in range(len(ref)):
        while free_ref[start]:
            i, j = start, _closest(ref[start], est, free_est, of_ref[start], widest)
            if j < 0:
                break
            back = _closest(est[j], ref, free_ref, of_est[j], widest)
            while back != i:
                i = back
                j = _closest(ref[i], est, free_est, of_ref[i], widest)
                back = _closest(est[j], ref, free_ref, of_est[j], widest)
            free_ref[i] = free_est[j] = False
            _add(abs(ref[i] - est[j]), tolerances, hits)


@numba.njit(cache=True)
def _first_from(times: Int64, others: Int64) -> Int64:
    """For each time, the first of the others that is not before it."""
    first = np.empty(len(times), np.int64)
    j = 0
    for i in range(len(times)):
        while j < len(others) and others[j] < times[i]:
            j += 1
        first[i] = j
    return first


@numba.njit(cache=True)
def _closest(time: int, others: Int64, free: Bool, first: int, widest: int) -> int:
    """The free one closest to a time, the earlier of two; -1 where none is within reach."""
    best, reach = -1, widest
    j = first - 1
    while j >= 0 and time - others[j] <= reach:
        if free[j]:
            # what comes later must be closer than this
            best, reach = j, time - others[j] - 1
            break
        j -= 1
    j = first
    while j < len(others) and others[j] - time <= reach:
        if free[j]:
            return j
        j += 1
    return best


@numba.njit(cache=True)
def midpoint(ref: Int64, est: Int64, tolerances: Int64, hits: Int64) -> None:
    """A reference is hit where an estimate lies in its window, which ends half-way to its neighbours.

    The midpoint itself belongs to the earlier reference. The closest estimate of a cell decides for all tolerances.
    """
    j = 0
    for i in range(len(ref)):
        closest = -1
        while j < len(est) and (i + 1 == len(ref) or 2 * est[j] <= ref[i] + ref[i + 1]):
            apart = abs(ref[i] - est[j])
            if closest < 0 or apart < closest:
                closest = apart
            j += 1
        if closest >= 0:
            _add(closest, tolerances, hits)


@numba.njit(cache=True)
def _add(apart: int, tolerances: Int64, hits: Int64) -> None:
    """Count a hit at the least tolerance that allows it."""
    for t in range(len(tolerances)):
        if apart <= tolerances[t]:
            hits[t] += 1
            return
