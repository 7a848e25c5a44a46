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
