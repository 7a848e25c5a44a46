"""Boundaries by their definitions, in plain Python and exact fractions. They share no code with the product."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

Times = Sequence[Fraction]


def references(intervals: Sequence[tuple[str | None, int, int]], edges: str, skip: str | None = None) -> list[Fraction]:
    """Distinct onsets and offsets in seconds, of intervals given in microseconds."""
    marks = {mark for label, onset, offset in intervals if label != skip for mark in (onset, offset)}
    times = sorted(Fraction(mark, 1_000_000) for mark in marks)
    return times if edges == "in" else times[1:-1]


def estimates(codes: Sequence[int], rate: Fraction, edges: str) -> list[Fraction]:
    """Edges of frames whose code is not the one before, in seconds."""
    inner = [i for i in range(1, len(codes)) if codes[i] != codes[i - 1]]
    if edges == "in" and codes:
        inner = [0, *inner, len(codes)]
    return [i / rate for i in inner]


def greedy(ref: Times, est: Times, tolerance: Fraction) -> int:
    """The first two match if they can, else the earlier one is crossed out."""
    left, right, hits = list(ref), list(est), 0
    while left and right:
        if abs(left[0] - right[0]) <= tolerance:
            hits += 1
            left, right = left[1:], right[1:]
        elif left[0] > right[0]:
            right = right[1:]
        else:
            left = left[1:]
    return hits


def nearest(ref: Times, est: Times, tolerance: Fraction) -> int:
    """All pairs by distance, then reference, then estimate; each takes what is free."""
    pairs = sorted((abs(r - e), i, j) for i, r in enumerate(ref) for j, e in enumerate(est))
    taken_ref: set[int] = set()
    taken_est: set[int] = set()
    for apart, i, j in pairs:
        if apart <= tolerance and i not in taken_ref and j not in taken_est:
            taken_ref.add(i)
            taken_est.add(j)
    return len(taken_ref)


def maximum(ref: Times, est: Times, tolerance: Fraction) -> int:
    """Size of a maximum bipartite matching, by augmenting paths (Kuhn 1955)."""
    owner: dict[int, int] = {}

    def placed(i: int, seen: set[int]) -> bool:
        for j, e in enumerate(est):
            if abs(ref[i] - e) <= tolerance and j not in seen:
                seen.add(j)
                if j not in owner or placed(owner[j], seen):
                    owner[j] = i
                    return True
        return False

    return sum(placed(i, set()) for i in range(len(ref)))


def midpoint(ref: Times, est: Times, tolerance: Fraction) -> int:
    """References with an estimate within tolerance and on their side of the midpoints, which are the earlier's."""
    hits = 0
    for i, r in enumerate(ref):
        after = (ref[i - 1] + r) / 2 if i else None
        until = (r + ref[i + 1]) / 2 if i + 1 < len(ref) else None
        hits += any(
            abs(r - e) <= tolerance and (after is None or e > after) and (until is None or e <= until) for e in est
        )
    return hits


RULES = {"greedy": greedy, "nearest": nearest, "maximum": maximum, "midpoint": midpoint}


def scores(hits: int, n_est: int, n_ref: int) -> dict[str, float]:
    """The scores of counts, where there are references and estimates."""
    p, r = hits / n_est, hits / n_ref
    over = n_est / n_ref - 1
    r1, r2 = ((1 - r) ** 2 + over**2) ** 0.5, (r - 1 - over) / 2**0.5
    return {
        "boundary_precision": p,
        "boundary_recall": r,
        "boundary_f1": 2 * p * r / (p + r) if hits else 0.0,
        "boundary_os": over,
        "boundary_r_value": 1 - (abs(r1) + abs(r2)) / 2,
    }
