"""Sparse counts against dictionaries, and laws of their sums."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import sparse_counts
from probes.sparse_counts import SparseCounts, added, joined, numbered, summed

LISTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 4), st.integers(1, 9)), max_size=12)


def of(places: list[tuple[int, int, int, int]]) -> SparseCounts:
    return SparseCounts(*np.array(places, np.int64).reshape(-1, 4).T)


def as_counter(counts: SparseCounts) -> Counter[tuple[int, int, int]]:
    total: Counter[tuple[int, int, int]] = Counter()
    for *place, n in zip(*(column.tolist() for column in counts.columns()), strict=True):
        total[tuple(place)] += n
    return total


@given(LISTS, LISTS)
def test_sums_are_those_of_a_dictionary(one: list, other: list) -> None:
    both = (of(one) + of(other)).summed()
    assert as_counter(both) == as_counter(of(one)) + as_counter(of(other))
    places = list(zip(both.row.tolist(), both.b.tolist(), both.a.tolist(), strict=True))
    assert places == sorted(set(places))
    back = (of(other) + of(one)).summed()
    assert all(np.array_equal(a, b) for a, b in zip(both.columns(), back.columns(), strict=True))


@pytest.mark.parametrize("shape", [None, (4, 3, 5), (4, 3, 50)])
@given(parts=st.lists(LISTS, min_size=1, max_size=6))
def test_parts_add_up_whatever_the_way(shape: tuple[int, int, int] | None, parts: list[list]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse_counts, "MAX_DENSE", 100)
        patch.setattr(sparse_counts, "MAX_KEPT", 10)
        found = added((of(part) for part in parts), shape).summed()
    expected = joined([of(part) for part in parts]).summed()
    assert all(np.array_equal(a, b) for a, b in zip(found.columns(), expected.columns(), strict=True))


@given(LISTS, st.permutations(range(4)), st.integers(0, 4))
def test_rows_are_chosen_moved_and_summed(places: list, order: list[int], n: int) -> None:
    counts, rows = of(places), np.array(order[:n], np.int64)
    chosen = {(order[:n].index(r), a, b): k for (r, a, b), k in as_counter(counts).items() if r in order[:n]}
    assert as_counter(counts.of_rows(rows, 4)) == chosen
    moved = counts.moved(np.array(order), np.array([5, 6, 7]))
    assert as_counter(moved) == {(order[r], a + 5, b): k for (r, a, b), k in as_counter(counts).items()}
    assert counts.by_row(4).tolist() == [
        sum(k for (r, _, _), k in as_counter(counts).items() if r == i) for i in range(4)
    ]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.sampled_from([0, 5, 1 << 61])), max_size=20))
def test_tuples_are_numbered_in_their_order(rows: list[tuple[int, int, int]]) -> None:
    """Also where a pair of columns would not fit into 63 bits."""
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    first, number = numbered(*columns)
    distinct = sorted(set(rows))
    assert [rows[i] for i in first] == distinct
    assert first.tolist() == [rows.index(row) for row in distinct]
    assert number.tolist() == [distinct.index(row) for row in rows]


def test_a_number_stands_for_a_column() -> None:
    counts = SparseCounts.of(np.array([3, 4], np.int32), b=np.array([1, 2], np.uint16))
    assert [column.tolist() for column in counts.columns()] == [[0, 0], [0, 0], [1, 2], [3, 4]]
    assert all(column.dtype == np.int64 for column in counts.columns())


def test_sums_beyond_53_bits_are_exact() -> None:
    big = (1 << 60) + 1
    assert summed(np.array([0, 0, 1]), np.array([big, 1, 3]), 3).tolist() == [big + 1, 3, 0]
