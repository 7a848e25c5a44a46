"""The loops that touch every frame, compiled. Integers in, integers out; nothing here divides or takes a logarithm.

Tokens of one utterance are frames 0..T-1 of equal length on an integer clock; a tier is a partition of the
utterance into labelled intervals on the same clock. A *cell* is one (frame, label, weight) that the two share.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]

DENSE_SHARE = 64
"""A row with more cells than 1 / DENSE_SHARE of the table is collected by a walk through the table, not a sort."""


@numba.njit(cache=True)
def overlap_cells(
    n_frames: Int64,
    frame_ticks: int,
    lag_ticks: int,
    bounds: Int64,
    ends: Int64,
    labels: Int32,
    frame: Int32,
    label: Int32,
    weight: Int32,
    cell_bounds: Int64,
) -> None:
    """Every (frame, label) pair with a positive overlap, weighted by the overlap in ticks.

    Frame i of an utterance covers [i L - lag, (i + 1) L - lag) with L = `frame_ticks`. Interval j of utterance u ends
    at `ends[j]` and begins where its predecessor ends (0 for the first). Labels below zero are left out.
    """
    k = 0
    for u in range(len(n_frames)):
        cell_bounds[u] = k
        # frames that end at or before 0 under this lag meet nothing
        i = max(0, lag_ticks // frame_ticks)
        lo = i * frame_ticks - lag_ticks
        hi = lo + frame_ticks
        start = 0
        for j in range(np.uint64(bounds[u]), np.uint64(bounds[u + 1])):
            end = ends[j]
            kept = labels[j] >= 0
            while i < n_frames[u] and lo < end:
                overlap = min(hi, end) - max(lo, start)
                if kept and overlap > 0:
                    frame[np.uint64(k)] = i
                    label[np.uint64(k)] = labels[j]
                    weight[np.uint64(k)] = overlap
                    k += 1
                if hi > end:
                    break
                i += 1
                lo = hi
                hi += frame_ticks
            start = end
    cell_bounds[len(n_frames)] = k


@numba.njit(cache=True)
def point_cells(
    n_points: Int64,
    n_frames: Int64,
    point_ticks: int,
    offset_ticks: int,
    step_num: int,
    step_den: int,
    bounds: Int64,
    ends: Int64,
    labels: Int32,
    frame: Int32,
    label: Int32,
    cell_bounds: Int64,
) -> None:
    """One cell per sampling point: point j lies at j `point_ticks` + `offset_ticks`, in frame floor(j num / den).

    Points before 0, after the tier, or in a label below zero give no cell.
    """
    k = 0
    for u in range(len(n_frames)):
        cell_bounds[u] = k
        j = bounds[u]
        for point in range(n_points[u]):
            time = point * point_ticks + offset_ticks
            i = (point * step_num) // step_den
            if time < 0:
                continue
            if i >= n_frames[u]:
                break
            while j < bounds[u + 1] and ends[j] <= time:
                j += 1
            if j == bounds[u + 1]:
                break
            if labels[j] >= 0:
                frame[k] = i
                label[k] = labels[j]
                k += 1
    cell_bounds[len(n_frames)] = k


@numba.njit(cache=True)
def keep_longest(
    cell_bounds: Int64,
    frame: Int32,
    label: Int32,
    weight: Int32,
    n_labels: int,
    new_bounds: Int64,
) -> int:
    """Keep for each frame the label that overlaps it longest, in place; a tie goes to the label that comes first.

    Several intervals of one label in a frame are added up before they are compared. Returns the number kept.
    """
    total = np.zeros(n_labels, np.int64)
    k = 0
    for u in range(len(cell_bounds) - 1):
        a = cell_bounds[u]
        new_bounds[u] = k
        while a < cell_bounds[u + 1]:
            b = a
            best = label[a]
            while b < cell_bounds[u + 1] and frame[b] == frame[a]:
                total[label[b]] += weight[b]
                b += 1
            for i in range(a, b):
                if total[label[i]] > total[best]:
                    best = label[i]
            for i in range(a, b):
                total[label[i]] = 0
            frame[k] = frame[a]
            label[k] = best
            k += 1
            a = b
    new_bounds[len(cell_bounds) - 1] = k
    return k


@numba.njit(cache=True)
def count_cells(
    order: Int64,
    row_bounds: Int64,
    cell_bounds: Int64,
    frame: Int32,
    label: Int32,
    weight: Int32,
    code_bounds: Int64,
    codes: Any,
    n_labels: int,
    table: Int64,
    column: Int64,
    count: Int64,
    pointers: Int64,
) -> None:
    """Joint counts per row, as a sparse matrix: row r holds the utterances `order[row_bounds[r]:row_bounds[r + 1]]`.

    Column = code * `n_labels` + label. `table` is a scratch array of zeros with one entry a column, and is left zero.
    Where few columns were touched, only those are visited again, so the work grows with the frames and not with rows x
    codes x labels. Columns come out ascending.
    """
    k = 0
    for r in range(len(row_bounds) - 1):
        pointers[r] = k
        members = order[row_bounds[r] : row_bounds[r + 1]]
        n_cells = 0
        for u in members:
            n_cells += cell_bounds[u + 1] - cell_bounds[u]
        # a full row is found again by a walk through the table; a sparse one notes what it touches
        sparse = n_cells * DENSE_SHARE < len(table)
        for u in members:
            k = _add_cells(
                cell_bounds[u],
                cell_bounds[u + 1],
                frame,
                label,
                weight,
                codes[code_bounds[u] : code_bounds[u + 1]],
                n_labels,
                table,
                column,
                k,
                sparse,
            )
        k = _take(table, column, count, pointers[r], k, sparse)
    pointers[len(row_bounds) - 1] = k


@numba.njit(cache=True)
def _add_cells(
    start: int,
    stop: int,
    frame: Int32,
    label: Int32,
    weight: Int32,
    codes: Any,
    n_labels: int,
    table: Int64,
    column: Int64,
    k: int,
    sparse: bool,
) -> int:
    """Add one utterance's cells to the table; note the columns first touched from `column[k]` on if `sparse`.

    Indices are unsigned: numba then leaves out the test for negative ones, and the loop runs twice as fast.
    """
    for i in range(np.uint64(start), np.uint64(stop)):
        c = np.uint64(codes[np.uint64(frame[i])]) * np.uint64(n_labels) + np.uint64(label[i])
        if sparse and table[c] == 0:
            column[k] = np.int64(c)
            k += 1
        table[c] += weight[i]
    return k


@numba.njit(cache=True)
def _take(table: Int64, column: Int64, count: Int64, start: int, k: int, sparse: bool) -> int:
    """Move a row's counts out of the table, columns ascending, and leave the table zero; returns where they end."""
    if sparse:
        column[start:k].sort()
        for i in range(start, k):
            count[i] = table[column[i]]
            table[column[i]] = 0
        return k
    for c in range(len(table)):
        if table[c] > 0:
            column[k] = c
            count[k] = table[c]
            table[c] = 0
            k += 1
    return k


@numba.njit(cache=True)
def pool_rows(pointers: Any, column: Any, count: Int64, rows: Int64, flat: Int64) -> None:
    """Add the counts of the chosen rows of a sparse matrix to `flat`, one entry a column."""
    for r in rows:
        for i in range(np.uint64(pointers[r]), np.uint64(pointers[r + 1])):
            flat[np.uint64(column[i])] += count[i]
