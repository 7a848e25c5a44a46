"""The loops over word tokens and their frames, compiled. Integers in, integers out."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]


@numba.njit(cache=True)
def count_words(
    group_bounds: Int64,
    utterance: Int32,
    spans: Int32,
    bases: Int64,
    codes: Any,
    masked: NDArray[np.bool_],
    scratch: Int32,
    out_code: Int32,
    out_counts: Int32,
    pointers: Int64,
) -> None:
    """Meetings of words and codes by group of word tokens; a group holds the tokens of one word in one row.

    Args:
        group_bounds: int64 [n_groups + 1], where each group of tokens begins; within a group they are in order of time.
        utterance: of each token. All that is said of tokens lies in the order of the groups, to be read in turn.
        spans: int32 [n_tokens, 6]; first and last (exclusive) frame that overlaps the word, that lies near it, and
            whose centre lies in it.
        bases: where the frames of each token's utterance begin.
        codes: of all frames.
        masked: bool [n_frames] frames that are counted near no word; empty: none.
        scratch: int32 [n_codes, 5]: zeros, the last column -1; left so.
        out_code, out_counts: int32 [room], [room, 3]: codes of each group, in order of appearance, with the count of
            tokens that hold the code, of frames near the word, and of frames in it.
        pointers: int64 [n_groups + 1], where the groups' entries begin.
    """
    k = 0
    for g in range(len(group_bounds) - 1):
        pointers[g] = k
        begin = k
        seen_utterance, seen_near = -1, np.int32(0)
        for token in range(np.uint64(group_bounds[g]), np.uint64(group_bounds[g + 1])):
            u, base = utterance[token], bases[token]
            held_from, held_to = spans[token, 0], spans[token, 1]
            near_from, near_to = spans[token, 2], spans[token, 3]
            inside_from, inside_to = spans[token, 4], spans[token, 5]
            # a frame near two tokens of a word is near the word once
            if u == seen_utterance:
                near_from = max(near_from, seen_near)
            seen_utterance, seen_near = u, near_to
            t = held_from
            while t < held_to:
                c = np.uint64(codes[np.uint64(base + t)])
                run = t + 1
                while run < held_to and codes[np.uint64(base + run)] == c:
                    run += 1
                if scratch[c, 3] == 0:
                    scratch[c, 3] = 1
                    out_code[k] = np.int32(c)
                    k += 1
                scratch[c, 0] += scratch[c, 4] != np.int32(token)
                scratch[c, 4] = np.int32(token)
                scratch[c, 2] += max(0, min(run, inside_to) - max(t, inside_from))
                if len(masked) > 0:
                    for i in range(max(t, near_from), min(run, near_to)):
                        scratch[c, 1] += not masked[base + i]
                else:
                    scratch[c, 1] += max(0, min(run, near_to) - max(t, near_from))
                t = run
            # near the word without overlapping it: before, then after
            for side in range(2):
                first = near_from if side == 0 else max(held_to, near_from)
                for t in range(first, min(held_from, near_to) if side == 0 else near_to):
                    if len(masked) > 0 and masked[base + t]:
                        continue
                    c = np.uint64(codes[np.uint64(base + t)])
                    if scratch[c, 3] == 0:
                        scratch[c, 3] = 1
                        out_code[k] = np.int32(c)
                        k += 1
                    scratch[c, 1] += 1
        for i in range(np.uint64(begin), np.uint64(k)):
            c = np.uint64(out_code[i])
            for what in range(3):
                out_counts[i, what] = scratch[c, what]
                scratch[c, what] = 0
            scratch[c, 3] = 0
            scratch[c, 4] = -1
    pointers[len(group_bounds) - 1] = k


@numba.njit(cache=True)
def count_frames(
    order: Int64,
    row_bounds: Int64,
    code_bounds: Int64,
    codes: Any,
    masked: NDArray[np.bool_],
    scratch: Int64,
    out_code: Int32,
    out_n: Int64,
    pointers: Int64,
) -> None:
    """Frames of each code by row; row r holds the utterances `order[row_bounds[r]:row_bounds[r + 1]]`.

    Args:
        order, row_bounds: utterances by row.
        code_bounds, codes: frame t of utterance u has `codes[code_bounds[u] + t]`.
        masked: bool [n_frames] frames that are not counted; empty: none.
        scratch: int64 [n_codes] of zeros; left zero.
        out_code, out_n: [room] codes of each row and their frames.
        pointers: int64 [n_rows + 1], where the rows' entries begin.
    """
    k = 0
    for r in range(len(row_bounds) - 1):
        pointers[r] = k
        begin = k
        for u in order[row_bounds[r] : row_bounds[r + 1]]:
            for i in range(code_bounds[u], code_bounds[u + 1]):
                if len(masked) > 0 and masked[i]:
                    continue
                c = np.uint64(codes[i])
                if scratch[c] == 0:
                    out_code[k] = np.int32(c)
                    k += 1
                scratch[c] += 1
        for i in range(begin, k):
            out_n[i] = scratch[out_code[i]]
            scratch[out_code[i]] = 0
    pointers[len(row_bounds) - 1] = k


@numba.njit(cache=True)
def mask_frames(utterance: Int32, first: Int32, last: Int32, code_bounds: Int64, masked: NDArray[np.bool_]) -> None:
    """Flag the frames of the given spans."""
    for i in range(len(utterance)):
        base = code_bounds[utterance[i]]
        for t in range(first[i], last[i]):
            masked[base + t] = True
