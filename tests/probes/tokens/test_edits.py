"""Edits against the slow loop, and laws of distances and of the codes that a null borrows."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.tokens.edits import Edits, borrowed, edits, without_repeats
from tests.probes.tokens import oracles

CODES = st.lists(st.integers(0, 3), max_size=12)


def array(codes: list[int]) -> np.ndarray:
    return np.array(codes, np.int32)


@given(CODES, CODES, st.integers(0, 2))
@settings(max_examples=150)
def test_counts_are_those_of_the_slow_loop(a: list[int], b: list[int], lag: int) -> None:
    found = edits(array(a), array(b), lag)
    assert without_repeats(array(a)).tolist() == oracles.units(a)
    same = [x == y for x, y in zip(a[lag:], b, strict=False)]
    assert found == Edits(
        units=len(oracles.units(a)),
        unit_edits=oracles.levenshtein(oracles.units(a), oracles.units(b)),
        frames=len(a),
        frame_edits=oracles.levenshtein(a, b),
        compared=len(same),
        equal=sum(same),
    )


@given(CODES, CODES)
def test_distances_are_symmetric_and_nothing_for_the_same(a: list[int], b: list[int]) -> None:
    one, other = edits(array(a), array(b)), edits(array(b), array(a))
    assert (one.unit_edits, one.frame_edits, one.equal) == (other.unit_edits, other.frame_edits, other.equal)
    same = edits(array(a), array(a))
    assert (same.unit_edits, same.frame_edits, same.equal) == (0, 0, len(a))


@given(CODES, CODES, CODES, CODES)
def test_counts_add(a: list[int], b: list[int], c: list[int], d: list[int]) -> None:
    one, other = edits(array(a), array(b)), edits(array(c), array(d))
    assert (one + other).frames == len(a) + len(c)
    assert (one + other).unit_edits == one.unit_edits + other.unit_edits


def test_borrowed_codes_are_as_many_as_asked_for() -> None:
    codes = [array([1, 1]), array([2, 2, 2]), array([3])]
    assert borrowed(codes, [1, 2], 4).tolist() == [2, 2, 2, 3]
    assert borrowed(codes, [1, 2], 2).tolist() == [2, 2]
    assert borrowed(codes, [2], 9).tolist() == [3]
    assert borrowed(codes, [1], 0).tolist() == []
