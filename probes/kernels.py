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
"""A row that touches more than 1 / DENSE_SHARE of the table is put in order by a walk through the table, not a sort."""


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
        start = 0
        for j in range(bounds[u], bounds[u + 1]):
            end = ends[j]
            first = max(0, (start + lag_ticks) // frame_ticks)
            if labels[j] >= 0:
                i = first
                while i < n_frames[u]:
                    lo = i * frame_ticks - lag_ticks
                    hi = lo + frame_ticks
                    if lo >= end:
                        break
                    overlap = min(hi, end) - max(lo, start)
                    if overlap > 0:
                        frame[k] = i
                        label[k] = labels[j]
                        weight[k] = overlap
                        k += 1
                    i += 1
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
    shifts: Int64,
    n_labels: int,
    table: Int64,
    column: Int64,
    count: Int64,
    pointers: Int64,
) -> None:
    """Joint counts per row, as a sparse matrix: row r holds the utterances `order[row_bounds[r]:row_bounds[r + 1]]`.

    The code of frame t is `codes[(t + shift) mod T]` of its utterance. Column = code * `n_labels` + label. `table` is a
    scratch array of zeros with one entry a column, and is left zero. Where few columns were touched, only those are
    visited again, so the work grows with the frames and not with rows x codes x labels. Columns come out ascending.
    """
    k = 0
    for r in range(len(row_bounds) - 1):
        pointers[r] = k
        for q in range(row_bounds[r], row_bounds[r + 1]):
            u = order[q]
            base = code_bounds[u]
            length = code_bounds[u + 1] - base
            shift = shifts[u]
            for i in range(cell_bounds[u], cell_bounds[u + 1]):
                t = frame[i] + shift
                if t >= length:
                    t -= length
                c = np.int64(codes[base + t]) * n_labels + label[i]
                if table[c] == 0:
                    column[k] = c
                    k += 1
                table[c] += weight[i]
        _in_order(table, column, count, pointers[r], k)
    pointers[len(row_bounds) - 1] = k


@numba.njit(cache=True)
def _in_order(table: Int64, column: Int64, count: Int64, start: int, stop: int) -> None:
    """Bring a row's touched columns into ascending order, take their counts and leave the table zero."""
    if (stop - start) * DENSE_SHARE < len(table):
        column[start:stop].sort()
        for i in range(start, stop):
            count[i] = table[column[i]]
            table[column[i]] = 0
        return
    i = start
    for c in range(len(table)):
        if table[c] > 0:
            column[i] = c
            count[i] = table[c]
            table[c] = 0
            i += 1
