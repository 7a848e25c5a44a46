"""The loops of the analysis that visit every cell of many tables, compiled. Tables are sparse rows sorted by code."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

N_SCORES = 4
"""PNMI, phone purity, cluster purity, H(phone) of a table, as in `analysis.statistics.information.METRICS`."""


@numba.njit(cache=True)
def score_table(
    column: NDArray[np.int64],
    count: NDArray[np.int64],
    n_labels: int,
    out_label: NDArray[np.bool_],
    by_label: NDArray[np.float64],
    largest: NDArray[np.float64],
    scores: NDArray[np.float64],
) -> None:
    """Score one table given as its filled columns (code * n_labels + label, ascending) and their counts.

    Labels flagged in `out_label` are left out. `by_label` and `largest` are scratch, float64 [n_labels].
    Scores are NaN where undefined.
    """
    total = 0
    for i in range(len(column)):
        if not out_label[column[i] % n_labels]:
            total += count[i]
    scores[:] = np.nan
    if total == 0:
        return
    by_label[:] = 0.0
    largest[:] = 0.0
    h_joint = h_code = purity = 0.0
    i = 0
    while i < len(column):
        code = column[i] // n_labels
        in_code = 0
        top = 0
        while i < len(column) and column[i] // n_labels == code:
            p = column[i] % n_labels
            x = count[i]
            if x > 0 and not out_label[p]:
                share = x / total
                h_joint -= share * np.log(share)
                by_label[p] += share
                largest[p] = max(largest[p], share)
                in_code += x
                top = max(top, x)
            i += 1
        if in_code > 0:
            share = in_code / total
            h_code -= share * np.log(share)
            purity += top / total
    h_label = 0.0
    filled = 0
    for p in range(n_labels):
        if by_label[p] > 0:
            h_label -= by_label[p] * np.log(by_label[p])
            filled += 1
    if filled > 1:
        scores[0] = max(h_label + h_code - h_joint, 0.0) / h_label
    scores[1] = purity
    scores[2] = largest.sum()
    scores[3] = max(h_label, 0.0)


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
def score_without_each(
    pointers: NDArray[np.int64],
    column: NDArray[np.int64],
    count: NDArray[np.int64],
    rows: NDArray[np.int64],
    pooled_column: NDArray[np.int64],
    pooled_count: NDArray[np.int64],
    n_labels: int,
    out_label: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Score the pooled table without each of the rows in turn: float64 [len(rows), N_SCORES].

    Args:
        pointers, column, count: the sparse matrix, columns ascending in a row.
        rows: the rows that the pooled table holds.
        pooled_column, pooled_count: the pooled table's filled columns, ascending, and their counts.
        n_labels: count of labels.
        out_label: labels to leave out.
    """
    scores = np.empty((len(rows), N_SCORES))
    by_label, largest = np.empty(n_labels), np.empty(n_labels)
    rest = pooled_count.copy()
    for q in range(len(rows)):
        i = 0
        for j in range(pointers[rows[q]], pointers[rows[q] + 1]):
            while pooled_column[i] != column[j]:
                i += 1
            rest[i] -= count[j]
        score_table(pooled_column, rest, n_labels, out_label, by_label, largest, scores[q])
        i = 0
        for j in range(pointers[rows[q]], pointers[rows[q] + 1]):
            while pooled_column[i] != column[j]:
                i += 1
            rest[i] += count[j]
    return scores


@numba.njit(cache=True)
def dense_block(
    pointers: NDArray[np.int64],
    column: NDArray[np.int32],
    count: NDArray[np.int64],
    place: NDArray[np.int64],
    stop_column: int,
    cursor: NDArray[np.int64],
    block: NDArray[np.float64],
) -> None:
    """The next columns of a sparse matrix as dense rows: fills `block` [n_columns, n_rows], zero before.

    `cursor` [n_rows] remembers how far each row was read; `place` is the row of the block that a column goes to.
    Columns from `stop_column` on are left for the next block.
    """
    for r in range(len(cursor)):
        i = cursor[r]
        while i < pointers[r + 1] and column[i] < stop_column:
            block[place[column[i]], r] = count[i]
            i += 1
        cursor[r] = i


@numba.njit(cache=True)
def accumulate_draws(
    n: NDArray[np.float32],
    log_n: NDArray[np.float32],
    code: NDArray[np.int64],
    label: NDArray[np.int64],
    is_silence: NDArray[np.bool_],
    sum_n: NDArray[np.float64],
    sum_n_log_n: NDArray[np.float64],
    largest: NDArray[np.float64],
    by_code: NDArray[np.float64],
) -> None:
    """Add a block of columns, sorted by code and holding whole codes, to the running sums of each bootstrap draw.

    Draws are the last axis of every array, so that the inner loops run over neighbours: `n` and `log_n` are
    [n_columns, n_draws], the sums [n_labels, n_draws]. `by_code` [4, n_draws] holds the sums over codes of n log n and
    of the largest cell: n log n with silence kept and dropped, largest with silence kept and dropped.
    """
    n_draws = n.shape[1]
    kept, dropped = np.empty(n_draws), np.empty(n_draws)
    max_kept, max_dropped = np.empty(n_draws), np.empty(n_draws)
    i = 0
    while i < n.shape[0]:
        first = code[i]
        kept[:] = 0.0
        dropped[:] = 0.0
        max_kept[:] = 0.0
        max_dropped[:] = 0.0
        while i < n.shape[0] and code[i] == first:
            p = label[i]
            for b in range(n_draws):
                x = np.float64(n[i, b])
                sum_n[p, b] += x
                sum_n_log_n[p, b] += x * np.float64(log_n[i, b])
                largest[p, b] = max(largest[p, b], x)
                kept[b] += x
                max_kept[b] = max(max_kept[b], x)
            if not is_silence[p]:
                for b in range(n_draws):
                    x = np.float64(n[i, b])
                    dropped[b] += x
                    max_dropped[b] = max(max_dropped[b], x)
            i += 1
        for b in range(n_draws):
            if kept[b] > 0:
                by_code[0, b] += kept[b] * np.log(kept[b])
            if dropped[b] > 0:
                by_code[1, b] += dropped[b] * np.log(dropped[b])
            by_code[2, b] += max_kept[b]
            by_code[3, b] += max_dropped[b]
