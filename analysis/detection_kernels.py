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
    precision = met / of_code
    recall = held / tokens
    return 2 * precision * recall / (precision + recall)


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
    scratch = np.zeros((2, n_codes, 2), np.int64)
    for w in range(len(bounds) - 1):
        best[w, 0] = chosen[w, 0] = chosen[w, 1] = -1
        best[w, 1] = best[w, 2] = 0
        f1[w, :] = 0.0
        if not eligible[w]:
            continue
        for i in range(bounds[w], bounds[w + 1]):
            h = half_of_row[row[i]]
            if h >= 0:
                scratch[h, code[i], 0] += counts[i, HELD]
                scratch[h, code[i], 1] += counts[i, met]
        top = np.zeros(3)
        for i in range(bounds[w], bounds[w + 1]):
            c = code[i]
            held = scratch[0, c, 0] + scratch[1, c, 0]
            near = scratch[0, c, 1] + scratch[1, c, 1]
            total = tokens[w, 0] + tokens[w, 1]
            score = f1_of(near, of_code[0, c] + of_code[1, c], held, total)
            # of equal codes the lowest, whatever the order of the entries
            if score > top[2] or (score == top[2] and score > 0 and c < best[w, 0]):
                top[2] = score
                best[w, 0], best[w, 1], best[w, 2] = c, held, near
            for h in range(2):
                score = f1_of(scratch[h, c, 1], of_code[h, c], scratch[h, c, 0], tokens[w, h])
                if score > top[h] or (score == top[h] and score > 0 and c < chosen[w, h]):
                    top[h] = score
                    chosen[w, h] = c
        f1[w, 0] = top[2]
        held = near = of = 0
        for h in range(2):
            c = chosen[w, h]
            if c >= 0:
                o = 1 - h
                f1[w, 1 + h] = f1_of(scratch[o, c, 1], of_code[o, c], scratch[o, c, 0], tokens[w, o])
                held += scratch[o, c, 0]
                near += scratch[o, c, 1]
                of += of_code[o, c]
        f1[w, 3] = f1_of(near, of, held, tokens[w, 0] + tokens[w, 1])
        for i in range(bounds[w], bounds[w + 1]):
            scratch[:, code[i], :] = 0


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
def sum_inside(part_of_row: Int64, bounds: Int64, row: Any, code: Any, inside: Any, n_codes: int) -> Any:
    """Frames inside words by word and code, over the rows whose part is not negative.

    Returns:
        word, code and count of every pair that occurs, sorted by word, then code: int64 [n] each.
    """
    room = len(code)
    out_word, out_code, out_n = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    scratch = np.zeros(n_codes, np.int64)
    k = 0
    for w in range(len(bounds) - 1):
        begin = k
        for i in range(bounds[w], bounds[w + 1]):
            if part_of_row[row[i]] >= 0 and inside[i] > 0:
                if scratch[code[i]] == 0:
                    out_code[k] = code[i]
                    k += 1
                scratch[code[i]] += inside[i]
        out_code[begin:k].sort()
        for i in range(begin, k):
            out_word[i] = w
            out_n[i] = scratch[out_code[i]]
            scratch[out_code[i]] = 0
    return out_word[:k], out_code[:k], out_n[:k]
