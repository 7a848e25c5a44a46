"""Intervals: scores without each cluster equal a slow recomputation, and the formulas equal their books."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.sparse import csr_matrix

from analysis.statistics import kernels
from analysis.statistics.information import METRICS, information
from analysis.statistics.jackknife import LeftOut, corrected, corrected_each, jackknife, no_interval, without_each
from tests import oracles
from tests.analysis.statistics.test_information import as_joint, same


@st.composite
def clusters(draw: st.DrawFn) -> np.ndarray:
    """Tables of several clusters, int64 [n_clusters, n_labels, n_codes]; many cells are empty."""
    n, labels, codes = draw(st.tuples(st.integers(2, 6), st.integers(1, 4), st.integers(1, 5)))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 16)))
    return rng.poisson(draw(st.sampled_from([0.2, 1, 20])), (n, labels, codes))


def score(tables: np.ndarray, rows: np.ndarray, silence: np.ndarray) -> np.ndarray:
    """The compiled scores of the rows' pooled table without each of them."""
    matrix = csr_matrix(tables.transpose(0, 2, 1).reshape(len(tables), -1))
    matrix.sort_indices()
    pooled = tables[rows].sum(axis=0)
    code, label = np.nonzero(pooled.T)
    pointers, columns = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)
    cells = (code, label, pooled[label, code])
    return kernels.score_without_each(pointers, columns, matrix.data, rows, *cells, len(pooled), silence)


@given(tables=clusters(), silence=st.sets(st.integers(0, 3)))
def test_leaving_out_each_cluster_equals_a_slow_recomputation(tables: np.ndarray, silence: set[int]) -> None:
    """Oracle: plain Python, exact fractions, the table of the others counted anew."""
    out = np.isin(np.arange(tables.shape[1]), list(silence))
    rows = np.arange(1, len(tables), dtype=np.int64)  # a part of the rows, as of one speaker
    for row, (kept, dropped) in zip(rows, score(tables, rows, out), strict=True):
        others = [tables[r] for r in rows if r != row]
        for found, labels in ((kept, ~np.zeros_like(out)), (dropped, ~out)):
            expected = oracles.scores(oracles.add(as_joint(np.where(labels[:, None], t, 0)) for t in others))
            for metric, value in zip(METRICS, found, strict=True):
                assert same(value, expected[metric]), metric


def test_large_counts_keep_their_digits() -> None:
    """Sums of n log n over a million counts, less those of a cluster: still what the table of the others gives."""
    rng = np.random.default_rng(4)
    tables = rng.poisson(rng.gamma(0.3, 40, (1, 40, 128)) * rng.gamma(3, 1000, (30, 40, 1)))
    silence = np.arange(40) == 0
    for row, found in enumerate(score(tables, np.arange(30), silence)):
        rest = tables.sum(axis=0) - tables[row]
        for scores, part in zip(found, (rest, rest[1:]), strict=True):
            for metric, value in zip(METRICS, scores, strict=True):
                assert value == pytest.approx(information(part).value(metric), abs=1e-11)


def test_nothing_left_has_no_scores() -> None:
    found = score(np.full((1, 2, 3), 5), np.arange(1), np.zeros(2, bool))
    assert np.isnan(found).all()


@given(values=st.lists(st.integers(0, 99), min_size=1, max_size=9))
def test_without_each_is_the_sum_of_the_others(values: list[int]) -> None:
    sums = np.array(values)
    assert without_each(sums).tolist() == [sum(values) - value for value in values]
    both = np.stack([sums, 2 * sums], axis=1)
    assert (without_each(both) == np.stack([without_each(sums), 2 * without_each(sums)], axis=1)).all()


def test_the_jackknife_of_a_mean_is_the_t_interval() -> None:
    sample = np.random.default_rng(0).normal(3, 2, 12)
    interval = jackknife(sample.mean(), without_each(sample) / 11)
    low, high = stats.t.interval(0.95, 11, sample.mean(), stats.sem(sample))
    assert (interval.low, interval.high) == pytest.approx((low, high))


@given(estimate=st.floats(-5, 5), left_out=st.lists(st.floats(-5, 5) | st.just(math.nan), min_size=0, max_size=9))
def test_an_interval_has_its_number_in_the_middle_or_says_why_there_is_none(estimate, left_out) -> None:
    interval = jackknife(estimate, np.array(left_out))
    if math.isfinite(interval.low):
        assert interval.low < estimate < interval.high
        assert interval.high - estimate == pytest.approx(estimate - interval.low)
        assert not interval.reason
    else:
        assert interval.reason
        assert math.isnan(interval.high)


def test_two_clusters_have_no_interval() -> None:
    assert "fewer than 3 clusters" in jackknife(0.5, np.array([0.4, 0.6])).reason
    assert "fewer than 3 clusters" in jackknife(0.5, np.array([0.4, 0.6, math.nan])).reason


def test_no_interval_has_the_width_0() -> None:
    """A number that no cluster moves has no interval: not the promise that no other speaker would move it."""
    assert "the same number" in jackknife(0.5, np.full(9, 0.5)).reason
    assert "the same number" in jackknife(0.3, 0.3 + 1e-17 * np.arange(9)).reason
    assert "the same number" in jackknife(0.0, np.zeros(9)).reason


def test_undefined_values_are_left_out_and_keep_their_place() -> None:
    left_out = np.array([0.4, math.nan, 0.5, 0.6])
    interval = jackknife(0.5, left_out)
    assert interval.low == jackknife(0.5, np.array([0.4, 0.5, 0.6])).low
    assert np.array_equal(interval.left_out.values, left_out, equal_nan=True)


def test_equality_is_of_all_values() -> None:
    one = LeftOut(np.array([0.5, math.nan]))
    assert one == LeftOut(np.array([0.5, math.nan]))
    assert one != LeftOut(np.array([0.5, 0.25]))
    assert one != "values"


def test_another_unit_scales_the_ends_and_what_they_were_made_of() -> None:
    one = jackknife(0.5, np.array([0.4, 0.5, 0.6]))
    assert (one.scaled(3).low, one.scaled(3).high) == pytest.approx((3 * one.low, 3 * one.high))
    assert one.scaled(3).left_out == LeftOut(one.left_out.values * 3)
    assert no_interval("why").scaled(3).left_out is None


@given(value=st.floats(0, 1), null=st.floats(0, 1))
def test_corrected_is_0_at_chance_and_1_at_perfection(value: float, null: float) -> None:
    found = corrected(value, null)
    if null == 1:
        assert math.isnan(found)
    else:
        assert corrected(null, null) == 0
        assert corrected(1, null) == pytest.approx(1)
        assert found <= 1 + 1e-12
        assert same(corrected_each(np.array([value]), np.array([null]))[0], found)
