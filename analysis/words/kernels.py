"""The loops of word detection that visit every word and code, compiled."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
HELD, NEAR = 0, 1


@numba.njit(cache=True)
def f1_of(met: int, of_code: int, held: int, tokens: int) -> float:
    """Harmonic mean of precision met / of_code and recall held / tokens; 0 where nothing was met."""
    if met == 0 or held == 0:
        return 0.0
    # 2 P R / (P + R) with one division
    return 2.0 * met * held / (met * tokens + held * of_code)


@numba.njit(cache=True)
def score_words(
    bounds: Int64,
    half_of_row: Int64,
    row: Any,
    code: Any,
    counts: Any,
    eligible: NDArray[np.bool_],
    tokens: Int64,
    of_code: Int64,
    met: int,
    best: Int64,
    chosen: Int64,
    f1: NDArray[np.float64],
) -> None:
    """Best code of each word on everything and on each half, and its F1 there and on the other half.

    Args:
        bounds: int64 [n_words + 1], where each word's entries begin.
        half_of_row: int64 [n_rows], 0 or 1; -1 leaves the row out.
        row, code, counts: the entries; counts [n, 3].
        eligible: bool [n_words], words to score.
        tokens: int64 [n_words, 2], by half.
        of_code: int64 [2, n_codes], denominator of precision by half.
        met: which of the counts is the numerator of precision (HELD or NEAR).
        best: out, int64 [n_words, 3]: best code on everything (-1: none), its held, its numerator of precision.
        chosen: out, int64 [n_words, 2]: best code on each half, -1 for none.
        f1: out, float64 [n_words, 4]: of the best code; of the code chosen on half 0 scored on half 1; the other way;
            and of both ways together (their counts added).
    """
    n_codes = of_code.shape[1]
    scratch = np.zeros((n_codes, 4), np.int64)
    top = np.zeros(3)
    elsewhere = np.zeros((2, 3), np.int64)
    for w in range(len(bounds) - 1):
        best[w, 0] = chosen[w, 0] = chosen[w, 1] = -1
        best[w, 1] = best[w, 2] = 0
        f1[w, :] = 0.0
        if not eligible[w]:
            continue
        for i in range(np.uint64(bounds[w]), np.uint64(bounds[w + 1])):
            h = half_of_row[row[i]]
            if h >= 0:
                scratch[code[i], 2 * h] += counts[i, HELD]
                scratch[code[i], 2 * h + 1] += counts[i, met]
        top[:] = 0.0
        elsewhere[:] = 0
        total = tokens[w, 0] + tokens[w, 1]
        for i in range(np.uint64(bounds[w]), np.uint64(bounds[w + 1])):
            c = code[i]
            held, near = scratch[c, 0] + scratch[c, 2], scratch[c, 1] + scratch[c, 3]
            if held == 0 and near == 0:
                continue  # seen before, in another row
            score = f1_of(near, of_code[0, c] + of_code[1, c], held, total)
            # of equal codes the lowest, whatever the order of the entries
            if score > top[2] or (score == top[2] and score > 0 and c < best[w, 0]):
                top[2] = score
                best[w, 0], best[w, 1], best[w, 2] = c, held, near
            for h in range(2):
                score = f1_of(scratch[c, 2 * h + 1], of_code[h, c], scratch[c, 2 * h], tokens[w, h])
                if score > top[h] or (score == top[h] and score > 0 and c < chosen[w, h]):
                    top[h] = score
                    chosen[w, h] = c
                    o = 1 - h
                    elsewhere[h, 0], elsewhere[h, 1] = scratch[c, 2 * o + 1], scratch[c, 2 * o]
                    elsewhere[h, 2] = of_code[o, c]
            scratch[c, :] = 0
        f1[w, 0] = top[2]
        for h in range(2):
            f1[w, 1 + h] = f1_of(elsewhere[h, 0], elsewhere[h, 2], elsewhere[h, 1], tokens[w, 1 - h])
        both = elsewhere[0] + elsewhere[1]
        f1[w, 3] = f1_of(both[0], both[2], both[1], total)


@numba.njit(cache=True)
def gather(
    words: Int64,
    bounds: Int64,
    row: Any,
    code: Any,
    counts: Any,
    half_of_row: Int64,
    cluster_of_row: Int64,
    picked: Int64,
    met: int,
    held: NDArray[np.float32],
    numerator: NDArray[np.float32],
) -> None:
    """Counts of the picked code of some words by cluster: adds to `held` and `numerator` [n, n_clusters].

    `picked` [n_words, 2] is the code to count on the rows of each half, -1 for none; rows with half -1 are left out.
    """
    for k in range(len(words)):
        w = words[k]
        for i in range(bounds[w], bounds[w + 1]):
            h = half_of_row[row[i]]
            if h >= 0 and picked[w, h] == code[i]:
                c = cluster_of_row[row[i]]
                held[k, c] += counts[i, HELD]
                numerator[k, c] += counts[i, met]


@numba.njit(cache=True)
def sum_by_code(
    half_of_row: Int64, row: Any, code: Any, counts: Any, word: Any, left_out: NDArray[np.bool_], table: Int64
) -> None:
    """Add the tokens that hold each code to `table` [n_parts, n_codes], words flagged in `left_out` excepted."""
    for i in range(len(code)):
        h = half_of_row[row[i]]
        if h >= 0 and not left_out[word[i]]:
            table[h, code[i]] += counts[i, HELD]


@numba.njit(cache=True)
def count_cells(
    part_of_row: Int64, bounds: Int64, row: Any, code: Any, inside: Any, by_word: Int64, by_code: Int64, cells: Int64
) -> Any:
    """Frames inside words: sums by word and by code, and how many cells hold each count.

    Args:
        part_of_row: int64 [n_rows]; rows with -1 are left out.
        bounds, row, code, inside: the entries of each word.
        by_word, by_code: out, int64 [n_words], [n_codes].
        cells: out, int64 [cap], how many cells hold 0 to cap - 1 frames.

    Returns:
        int64 [n], the cells that hold more, in no order.
    """
    scratch = np.zeros(len(by_code), np.int64)
    touched = np.empty(len(by_code), np.int64)
    more = np.empty(1024, np.int64)
    n_more = 0
    for w in range(len(bounds) - 1):
        n_touched = 0
        for i in range(np.uint64(bounds[w]), np.uint64(bounds[w + 1])):
            n = inside[i, 2]
            if n > 0 and part_of_row[row[i]] >= 0:
                c = code[i]
                if scratch[c] == 0:
                    touched[n_touched] = c
                    n_touched += 1
                scratch[c] += n
        for j in range(n_touched):
            c = touched[j]
            n = scratch[c]
            scratch[c] = 0
            by_word[w] += n
            by_code[c] += n
            if n < len(cells):
                cells[n] += 1
            else:
                if n_more == len(more):
                    longer = np.empty(2 * len(more), np.int64)
                    longer[:n_more] = more
                    more = longer
                more[n_more] = n
                n_more += 1
    return more[:n_more]


@numba.njit(cache=True)
def sum_inside(part_of_row: Int64, row: Any, code: Any, counts: Any, table: Int64) -> None:
    """Add the frames inside words of each code to `table` [n_parts, n_codes]; rows of part -1 are left out."""
    for i in range(len(code)):
        part = part_of_row[row[i]]
        if part >= 0:
            table[part, code[i]] += counts[i, 2]


@numba.njit(cache=True)
def x_log_x(n: int) -> float:
    """n log n, 0 for 0."""
    return n * np.log(n) if n > 0 else 0.0


@numba.njit(cache=True)
def lost_by_cluster(
    cluster_of_row: Int64,
    bounds: Int64,
    row: Any,
    code: Any,
    counts: Any,
    n_codes: int,
    by_word: Int64,
    lost: NDArray[np.float64],
    frames: Int64,
) -> None:
    """What the sums of n log n over cells and over words lose without each cluster.

    Args:
        cluster_of_row: int64 [n_rows], not descending, but for rows with -1, which are left out.
        bounds, row, code, counts: the entries of each word, by row.
        n_codes: count of codes.
        by_word: int64 [n_words], frames of each word.
        lost: out, float64 [n_clusters, 2], for cells and for words.
        frames: out, int64 [n_clusters], frames of each cluster.
    """
    pooled, own = np.zeros(n_codes, np.int64), np.zeros(n_codes, np.int64)
    touched = np.empty(n_codes, np.int64)
    for w in range(len(bounds) - 1):
        for i in range(bounds[w], bounds[w + 1]):
            if cluster_of_row[row[i]] >= 0:
                pooled[code[i]] += counts[i, 2]
        i = bounds[w]
        while i < bounds[w + 1]:
            cluster = cluster_of_row[row[i]]
            n_touched, total = 0, 0
            while i < bounds[w + 1] and cluster_of_row[row[i]] == cluster:
                n = counts[i, 2]
                if n > 0:
                    c = code[i]
                    if own[c] == 0:
                        touched[n_touched] = c
                        n_touched += 1
                    own[c] += n
                    total += n
                i += 1
            # in the order of codes, whatever the order of the entries: sums of floats depend on it
            touched[:n_touched].sort()
            for j in range(n_touched):
                c = touched[j]
                if cluster >= 0:
                    lost[cluster, 0] += x_log_x(pooled[c]) - x_log_x(pooled[c] - own[c])
                own[c] = 0
            if cluster >= 0:
                lost[cluster, 1] += x_log_x(by_word[w]) - x_log_x(by_word[w] - total)
                frames[cluster] += total
        for i in range(bounds[w], bounds[w + 1]):
            pooled[code[i]] = 0
