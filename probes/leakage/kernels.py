"""The loops of leakage over frames, compiled: sorting by small keys, counting codes in cells.

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
def _lost(n: Any, m: Any, n_log_n: Float) -> Any:
    """What n log n loses without m of the n."""
    left = n - m
    whole = n_log_n[np.uint64(n)] if n < len(n_log_n) else n * np.log(n)
    if left < len(n_log_n):
        return whole - n_log_n[np.uint64(left)]
    return whole - left * np.log(left)


@numba.njit(cache=True, nogil=True)
def count_cells(
    frames: Int32,
    clusters: Any,
    bounds: Int64,
    codes: Any,
    own: Int32,
    mine: Int32,
    reach: Int64,
    n_log_n: Float,
    lost: Float,
) -> int:
    """How many (cell, code) pairs hold more than n frames, for every n; returns the most frames of a pair.

    Args:
        frames: in the order of the cells.
        clusters: of every entry of `frames`, ascending within a cell.
        bounds: int64 [n_cells + 1].
        codes: of every frame.
        own, mine: int32 [n_codes] of zeros; left so.
        reach: int64 [most frames of a cell], to be added to.
        n_log_n: table of n log n; beyond it, it is computed.
        lost: float64 [n_clusters], to be added to: what the sum of n log n loses without each cluster; or empty.
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
        first = start if len(lost) else stop
        while first < stop:
            cluster, last = clusters[first], first
            while last < stop and clusters[last] == cluster:
                mine[np.uint64(codes[np.uint64(frames[last])])] += 1
                last += np.uint64(1)
            for i in range(first, last):
                c = np.uint64(codes[np.uint64(frames[i])])
                if mine[c]:
                    lost[np.uint64(cluster)] += _lost(own[c], mine[c], n_log_n)
                    mine[c] = 0
            first = last
        if stop - start > np.uint64(len(own)):
            own[:] = 0
        else:
            for i in range(start, stop):
                own[np.uint64(codes[np.uint64(frames[i])])] = 0
    return int(most)


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
def lose_table(
    order: Int32,
    labels: Int32,
    codes: Any,
    clusters: Any,
    table: Int32,
    of_label: Int64,
    of_code: Int64,
    n_log_n: Float,
    lost: Float,
    n_by: Int64,
) -> None:
    """What sums of n log n over the frames that have a label lose without each cluster.

    Args:
        order: frames by cluster.
        labels, codes, clusters: of every frame.
        table: from `count_table`.
        of_label: int64 [n_labels], frames of each label.
        of_code: int64 [n_codes], frames of each code that have a label.
        n_log_n: table of n log n; beyond it, it is computed.
        lost: float64 [n_clusters, 3], to be added to: over cells of both, of label, of code.
        n_by: int64 [n_clusters], frames that have a label, to be added to.
    """
    mine, mine_label, mine_code = np.zeros_like(table), np.zeros_like(of_label), np.zeros_like(of_code)
    one, first, stop = np.uint64(1), np.uint64(0), np.uint64(len(order))
    while first < stop:
        k, last = np.uint64(clusters[np.uint64(order[first])]), first
        while last < stop and clusters[np.uint64(order[last])] == k:
            frame = np.uint64(order[last])
            if labels[frame] >= 0:
                c, f = np.uint64(codes[frame]), np.uint64(labels[frame])
                mine[c, f + one] += 1
                n_by[k] += 1
            last += one
        for i in range(first, last):
            frame = np.uint64(order[i])
            if labels[frame] < 0:
                continue
            c, f = np.uint64(codes[frame]), np.uint64(labels[frame])
            m = mine[c, f + one]
            if m:
                lost[k, 0] += _lost(table[c, f + one], m, n_log_n)
                mine_label[f] += m
                mine_code[c] += m
                mine[c, f + one] = 0
        for label in range(len(of_label)):
            if mine_label[label]:
                lost[k, 1] += _lost(of_label[label], mine_label[label], n_log_n)
                mine_label[label] = 0
        for code in range(len(of_code)):
            if mine_code[code]:
                lost[k, 2] += _lost(of_code[code], mine_code[code], n_log_n)
                mine_code[code] = 0
        first = last
