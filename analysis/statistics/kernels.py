"""The loops of the analysis that visit every cell of many tables, compiled. Tables are sparse rows sorted by code."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

N_SCORES = 4
"""PNMI, phone purity, cluster purity, H(phone) of a table, as in `analysis.statistics.information.METRICS`."""


@numba.njit(cache=True)
def pnmi_rows(
    pointers: NDArray[np.int64],
    column: NDArray[np.int64],
    count: NDArray[np.int64],
    n_labels: int,
    is_silence: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """PNMI of every row of a sparse matrix, silence kept and dropped in one walk: float64 [n_rows, 2].

    Dropping a set S of labels from a table of shares x leaves entropies of x / (1 - s), s the share of S, and
    H = log(1 - s) - sum x log x / (1 - s) over what is left; so both scores come from the same logarithms.
    """
    n = len(pointers) - 1
    scores = np.full((n, 2), np.nan)
    by_label = np.empty(n_labels)
    for r in range(n):
        total = 0
        for i in range(pointers[r], pointers[r + 1]):
            total += count[i]
        by_label[:] = 0.0
        joint = code_sum = joint_left = code_sum_left = 0.0
        i = pointers[r]
        while i < pointers[r + 1]:
            code = column[i] // n_labels
            in_code = in_code_left = 0.0
            while i < pointers[r + 1] and column[i] // n_labels == code:
                p = column[i] - code * n_labels
                x = count[i] / total
                x_log_x = x * np.log(x)
                joint += x_log_x
                in_code += x
                by_label[p] += x
                if not is_silence[p]:
                    joint_left += x_log_x
                    in_code_left += x
                i += 1
            code_sum += in_code * np.log(in_code)
            if in_code_left > 0:
                code_sum_left += in_code_left * np.log(in_code_left)
        for dropped in range(2):
            share = label_sum = 0.0
            filled = 0
            for p in range(n_labels):
                if by_label[p] > 0 and not (dropped and is_silence[p]):
                    share += by_label[p]
                    label_sum += by_label[p] * np.log(by_label[p])
                    filled += 1
            if filled > 1:
                cells, codes = (joint_left, code_sum_left) if dropped else (joint, code_sum)
                h_label = np.log(share) - label_sum / share
                mutual = np.log(share) + (cells - label_sum - codes) / share
                scores[r, dropped] = max(mutual, 0.0) / h_label
    return scores


@numba.njit(cache=True)
def _xlogx(x: int) -> float:
    return x * np.log(x) if x > 0 else 0.0


@numba.njit(cache=True)
def score_without_each(
    pointers: NDArray[np.int64],
    column: NDArray[np.int64],
    count: NDArray[np.int64],
    rows: NDArray[np.int64],
    pooled_code: NDArray[np.int64],
    pooled_label: NDArray[np.int64],
    pooled_count: NDArray[np.int64],
    n_labels: int,
    is_silence: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Score the pooled table without each of the rows in turn, silence kept and dropped: [len(rows), 2, N_SCORES].

    H = log N - sum n log n / N, so only the cells that a row holds need a logarithm.

    Args:
        pointers, column, count: the sparse matrix, columns (code * n_labels + label) ascending in a row.
        rows: the rows that the pooled table holds.
        pooled_code, pooled_label, pooled_count: the pooled table's filled cells, sorted by code, then label.
        n_labels: count of labels.
        is_silence: labels to drop.
    """
    n_cells = len(pooled_count)
    label_n, label_joint = np.zeros(n_labels, np.int64), np.zeros(n_labels)
    for i in range(n_cells):
        label_n[pooled_label[i]] += pooled_count[i]
        label_joint[pooled_label[i]] += _xlogx(pooled_count[i])
    code_sums = np.zeros(2)
    i = 0
    while i < n_cells:
        code, kept, dropped = pooled_code[i], 0, 0
        while i < n_cells and pooled_code[i] == code:
            kept += pooled_count[i]
            dropped += 0 if is_silence[pooled_label[i]] else pooled_count[i]
            i += 1
        code_sums[0] += _xlogx(kept)
        code_sums[1] += _xlogx(dropped)
    scores = np.full((len(rows), 2, N_SCORES), np.nan)
    of_label, joint, largest = np.empty(n_labels, np.int64), np.empty(n_labels), np.empty(n_labels, np.int64)
    for q in range(len(rows)):
        of_label[:], joint[:], largest[:] = label_n, label_joint, 0
        by_code, purity = code_sums.copy(), np.zeros(2, np.int64)
        i, j, stop = 0, pointers[rows[q]], pointers[rows[q] + 1]
        while i < n_cells:
            code = pooled_code[i]
            kept, dropped, kept_gone, dropped_gone, top_kept, top_dropped = 0, 0, 0, 0, 0, 0
            while i < n_cells and pooled_code[i] == code:
                p, n = pooled_label[i], pooled_count[i]
                left = n
                if j < stop and column[j] == code * n_labels + p:
                    left -= count[j]
                    of_label[p] -= count[j]
                    joint[p] += _xlogx(left) - _xlogx(n)
                    kept_gone += count[j]
                    dropped_gone += 0 if is_silence[p] else count[j]
                    j += 1
                largest[p] = max(largest[p], left)
                kept += n
                top_kept = max(top_kept, left)
                if not is_silence[p]:
                    dropped += n
                    top_dropped = max(top_dropped, left)
                i += 1
            if kept_gone:
                by_code[0] += _xlogx(kept - kept_gone) - _xlogx(kept)
            if dropped_gone:
                by_code[1] += _xlogx(dropped - dropped_gone) - _xlogx(dropped)
            purity[0] += top_kept
            purity[1] += top_dropped
        for drop in range(2):
            total, filled, tops = 0, 0, 0
            of_labels = of_cells = 0.0
            for p in range(n_labels):
                if of_label[p] and not (drop and is_silence[p]):
                    total += of_label[p]
                    filled += 1
                    tops += largest[p]
                    of_labels += _xlogx(of_label[p])
                    of_cells += joint[p]
            if total == 0:
                continue
            h_label = max(np.log(total) - of_labels / total, 0.0)
            if filled > 1:
                mutual = np.log(total) + (of_cells - of_labels - by_code[drop]) / total
                scores[q, drop, 0] = max(mutual, 0.0) / h_label
            scores[q, drop, 1] = purity[drop] / total
            scores[q, drop, 2] = tops / total
            scores[q, drop, 3] = h_label
    return scores
