"""Ragged columns against lists of lists."""

from __future__ import annotations

from itertools import chain, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hac.data import ragged

ROWS = st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=6)


def flat(rows: list[list[int]]) -> list[int]:
    return list(chain.from_iterable(rows))


@given(ROWS, st.data())
def test_rows_are_those_of_lists(rows: list[list[int]], data: st.DataObject) -> None:
    values = np.array(flat(rows), np.int64)
    bounds = ragged.bounds_of([len(row) for row in rows])
    assert [values[a:b].tolist() for a, b in pairwise(bounds)] == rows
    assert ragged.utterance_of(bounds).tolist() == flat([[u] * len(row) for u, row in enumerate(rows)])
    assert ragged.place_of(bounds).tolist() == flat([list(range(len(row))) for row in rows])

    picks = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8)) if rows else []
    taken, new = ragged.take(bounds, np.array(picks, np.int64))
    assert values[taken].tolist() == flat([rows[u] for u in picks])
    assert new.tolist() == ragged.bounds_of([len(rows[u]) for u in picks]).tolist()

    keep = np.array([value % 2 == 0 for value in values], np.bool_)
    kept = [[value for value in row if value % 2 == 0] for row in rows]
    assert ragged.bounds_where(bounds, keep).tolist() == ragged.bounds_of([len(row) for row in kept]).tolist()


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 4)), max_size=6))
def test_ranges_are_consecutive(pairs: list[tuple[int, int]]) -> None:
    starts, lengths = np.array(pairs, np.int64).reshape(-1, 2).T
    assert ragged.ranges(starts, lengths).tolist() == flat([list(range(a, a + n)) for a, n in pairs])
