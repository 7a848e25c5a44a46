"""Entropies from sums of n log n: those of the counts, with any cells and any clusters left out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics import information
from analysis.statistics.entropy import entropy_of, lost_by_cluster, sum_n_log_n

COUNTS = st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=6)


@given(COUNTS)
def test_entropies_are_those_of_the_counts_with_each_cluster_left_out(rows: list[list[int]]) -> None:
    table = np.array(rows, np.int64)
    pooled = table.sum(axis=0)
    cluster, cell = np.nonzero(table)
    lost = lost_by_cluster(pooled, cluster, cell, table[cluster, cell], len(table))
    left = pooled.sum() - table.sum(axis=1)
    found = entropy_of(sum_n_log_n(pooled) - lost, left)
    for c in range(len(table)):
        expected = information.entropy(pooled - table[c])
        assert found[c] == pytest.approx(expected, abs=1e-9, nan_ok=True)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=9), st.integers(0, 9))
def test_cells_that_hold_nothing_move_no_bit(counts: list[int], n_empty: int) -> None:
    full = np.array(counts, np.int64)
    assert sum_n_log_n(full) == sum_n_log_n(np.concatenate([np.zeros(n_empty, np.int64), full]))


def test_nothing_has_no_entropy() -> None:
    assert math.isnan(entropy_of(0.0, 0))
    assert entropy_of(sum_n_log_n(np.array([5])), 5) == pytest.approx(0, abs=1e-15)
