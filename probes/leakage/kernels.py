"""The loops of leakage over frames, compiled: sorting by small keys, counting codes in cells, dealing codes anew.

A *cell* holds the frames that have one label (and, under a condition, one code of the given stream). Its frames lie
together in an order, so that codes are counted in a scratch array no longer than the codebook: the work grows with the
frames, never with codes x labels x given codes. Indices are unsigned: numba then leaves out the test for negative ones.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
Float = NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def sort_by(order: Int32, key: Any, starts: Int64, out: Int32) -> None:
    """Sort frames by a small key, stably.

    Args:
        order: frames, in the order that ties keep.
        key: of every frame, not negative.
        starts: int64 [n_keys], where each key's frames begin; is used up.
        out: as many as `order`.
    """
    for i in range(np.uint64(len(order))):
        frame = np.uint64(order[i])
        k = np.uint64(key[frame])
        out[np.uint64(starts[k])] = order[i]
        starts[k] += 1


@numba.njit(cache=True, nogil=True)
def place_cells(
    order: Int32,
    given: Any,
    labels: Int32,
    clusters: Any,
    rank: Int32,
    starts: Int64,
    places: Int32,
    out_label: Int32,
    out_cluster: Any,
) -> None:
    """Sort frames by given code, stably, and write down the rank, the label and the cluster of each.

    Args:
        order: frames by label and cluster.
        given, labels, clusters, rank: of every frame.
        starts: int64 [n_given], where each given code's frames begin; is used up.
        places, out_label, out_cluster: as many as `order`.
    """
    for i in range(np.uint64(len(order))):
        frame = np.uint64(order[i])
        k = np.uint64(given[frame])
        at = np.uint64(starts[k])
        starts[k] += 1
        places[at] = rank[frame]
        out_label[at] = labels[frame]
        out_cluster[at] = clusters[frame]


@numba.njit(cache=True, nogil=True)
def find_cells(group_bounds: Int64, labels: Int32, bounds: Int64) -> int:
    """Where a new label begins within each group; returns the number of cells.

    Args:
        group_bounds: int64 [n_groups + 1].
        labels: by group, ascending within one.
        bounds: room for one more than there are labels.
    """
    n = 0
    for g in range(len(group_bounds) - 1):
        start, stop = np.uint64(group_bounds[g]), np.uint64(group_bounds[g + 1])
        for i in range(start, stop):
            if i == start or labels[i] != labels[i - np.uint64(1)]:
                bounds[n] = i
                n += 1
    bounds[n] = len(labels)
    return n


@numba.njit(cache=True, nogil=True)
def reach_cells(frames: Int32, bounds: Int64, codes: Any, own: Int32, reach: Int64) -> int:
    """How many (cell, code) pairs hold more than n frames, for every n; returns the most frames of a pair.

    Args:
        frames: in the order of the cells.
        bounds: int64 [n_cells + 1].
        codes: of every frame.
        own: int32 [n_codes] of zeros; left so.
        reach: int64 [most frames of a cell], to be added to.
    """
    most = np.int32(0)
    for cell in range(len(bounds) - 1):
        start, stop = np.uint64(bounds[cell]), np.uint64(bounds[cell + 1])
        for i in range(start, stop):
            c = np.uint64(codes[np.uint64(frames[i])])
            n = own[c]
            reach[np.uint64(n)] += 1
            own[c] = n + 1
            most = max(most, n + 1)
        if stop - start > np.uint64(len(own)):
            own[:] = 0
        else:
            for i in range(start, stop):
                own[np.uint64(codes[np.uint64(frames[i])])] = 0
    return int(most)


@numba.njit(cache=True, nogil=True)
def log_cells(
    frames: Int32, clusters: Any, bounds: Int64, codes: Any, own: Int32, reach: Int64, logs: Float, score: Float
) -> int:
    """As `reach_cells`; and the sum, by cluster, of the logarithm of the frames in each frame's (cell, code).

    Args:
        frames, bounds, codes, own, reach: as for `reach_cells`.
        clusters: of every entry of `frames`.
        logs: table of log n, entry 0 unused; beyond it, logarithms are taken.
        score: float64 [n_clusters], to be added to.
    """
    most = np.int32(0)
    for cell in range(len(bounds) - 1):
        start, stop = np.uint64(bounds[cell]), np.uint64(bounds[cell + 1])
        for i in range(start, stop):
            c = np.uint64(codes[np.uint64(frames[i])])
            n = own[c]
            reach[np.uint64(n)] += 1
            own[c] = n + 1
            most = max(most, n + 1)
        for i in range(start, stop):
            n = own[np.uint64(codes[np.uint64(frames[i])])]
            score[np.uint64(clusters[i])] += logs[np.uint64(n)] if n < len(logs) else np.log(n)
        if stop - start > np.uint64(len(own)):
            own[:] = 0
        else:
            for i in range(start, stop):
                own[np.uint64(codes[np.uint64(frames[i])])] = 0
    return int(most)


@numba.njit(cache=True, nogil=True)
def shift_codes(codes: Any, bounds: Int64, shifts: Int64, out: Any) -> None:
    """Frame t of an utterance gets the code of frame (t + shift) mod T."""
    for u in range(len(bounds) - 1):
        start, stop, cut = bounds[u], bounds[u + 1], bounds[u] + shifts[u]
        out[start : start + stop - cut] = codes[cut:stop]
        out[start + stop - cut : stop] = codes[start:cut]


@numba.njit(cache=True, nogil=True)
def count_table(labels: Int32, codes: Any, table: Int32) -> None:
    """Frames of every code and label: column 0 holds the frames without a label.

    Args:
        labels: of every frame, -1 for none.
        codes: of every frame.
        table: int32 [n_codes, 1 + n_labels] of zeros, to be added to.
    """
    for i in range(np.uint64(len(codes))):
        table[np.uint64(codes[i]), np.uint64(labels[i] + 1)] += 1


@numba.njit(cache=True, nogil=True)
def log_table(
    labels: Int32, codes: Any, clusters: Any, logs: Float, of_label: Float, of_code: Float, score: Float
) -> None:
    """Sums of logarithms over the frames that have a label, by cluster.

    Args:
        labels, codes, clusters: of every frame.
        logs: float64 [n_codes, 1 + n_labels], of the table of `count_table`.
        of_label: float64 [n_labels], of the frames of each label.
        of_code: float64 [n_codes], of the frames of each code that have a label.
        score: float64 [n_clusters, 4], to be added to: both, label, code, and one for each frame.
    """
    for i in range(np.uint64(len(codes))):
        if labels[i] >= 0:
            k, c, f = np.uint64(clusters[i]), np.uint64(codes[i]), np.uint64(labels[i])
            score[k, 0] += logs[c, f + np.uint64(1)]
            score[k, 1] += of_label[f]
            score[k, 2] += of_code[c]
            score[k, 3] += 1.0


@numba.njit(cache=True, nogil=True)
def deal_runs(
    codes: Any, begins: Any, given: Any, given_begins: Any, starts: Int64, room: Any, seed: np.uint64, out: Any
) -> None:
    """Deal codes anew among the runs with the same given code; a run is where neither of the two changes.

    Args:
        codes, given: of every frame.
        begins, given_begins: bool, where runs of either begin.
        starts: int64 [n_given + 1] of zeros.
        room: as many codes as there are frames.
        seed: of the draw; the random numbers are SplitMix64's.
        out: the codes dealt.
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
