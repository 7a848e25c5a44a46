"""Intervals: draws equal a slow recomputation, and the formulas equal their books."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.sparse import csr_matrix

from analysis.statistics import bootstrap, kernels
from analysis.statistics.information import METRICS, information
from tests import oracles
from tests.analysis.statistics.test_information import as_joint, same, sparse


@st.composite
def clusters(draw: st.DrawFn) -> np.ndarray:
    """Tables of several clusters, int64 [n_clusters, n_labels, n_codes]; many cells are empty."""
    n, labels, codes = draw(st.tuples(st.integers(2, 6), st.integers(1, 4), st.integers(1, 5)))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 16)))
    return rng.poisson(draw(st.sampled_from([0.2, 1, 20])), (n, labels, codes))


def flat(tables: np.ndarray) -> csr_matrix:
    """A row for each cluster, columns ascending."""
    return csr_matrix(tables.transpose(0, 2, 1).reshape(len(tables), -1))


@given(tables=clusters(), seed=st.integers(0, 99), silence=st.sets(st.integers(0, 3)))
def test_draws_equal_a_slow_recomputation(tables: np.ndarray, seed: int, silence: set[int]) -> None:
    n, n_labels, _ = tables.shape
    silent = sorted(label for label in silence if label < n_labels)
    weights = bootstrap.draw_weights(n, 7, seed)
    draws = bootstrap.resample(flat(tables), n_labels, silent, weights)
    for b, weight in enumerate(weights.astype(int)):
        drawn = [c for c in range(n) for _ in range(weight[c])]
        for scores, labels in ((draws.kept, range(n_labels)), (draws.dropped, set(range(n_labels)) - set(silent))):
            joints = [as_joint(np.where(np.isin(np.arange(n_labels), list(labels))[:, None], t, 0)) for t in tables]
            expected = oracles.scores(oracles.resampled(joints, drawn))
            for metric in METRICS:
                assert same(scores[metric][b], expected[metric], 2e-6), (metric, b)


def test_draws_over_many_blocks_of_columns_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A code is never split between blocks, however small these are."""
    rng = np.random.default_rng(3)
    tables = rng.poisson(0.3, (12, 9, 40))
    weights = bootstrap.draw_weights(12, 20, 1)
    by_cluster = flat(tables)
    whole = bootstrap.resample(by_cluster, 9, [0], weights)
    monkeypatch.setattr(bootstrap, "BLOCK", 5 * len(weights))
    parts = bootstrap.resample(by_cluster, 9, [0], weights)
    for metric in METRICS:
        assert np.allclose(whole.kept[metric], parts.kept[metric], rtol=0, atol=1e-12)
        assert np.allclose(whole.dropped[metric], parts.dropped[metric], rtol=0, atol=1e-12)


def test_draws_of_a_large_table_keep_their_digits() -> None:
    """Single precision inside: still six digits of what integers give, at a million counts and 5,000 cells."""
    rng = np.random.default_rng(4)
    tables = rng.poisson(rng.gamma(0.3, 40, (1, 40, 128)) * rng.gamma(3, 1, (30, 40, 1)))
    weights = bootstrap.draw_weights(30, 25, 0)
    draws = bootstrap.resample(flat(tables), 40, [0], weights)
    for b, weight in enumerate(weights.astype(np.int64)):
        table = np.tensordot(weight, tables, axes=1)
        for scores, part in ((draws.kept, table), (draws.dropped, table[1:])):
            for metric in METRICS:
                assert scores[metric][b] == pytest.approx(information(part).value(metric), abs=1e-6)


@given(tables=clusters(), silence=st.sets(st.integers(0, 3)))
def test_leaving_out_each_cluster_equals_a_slow_recomputation(tables: np.ndarray, silence: set[int]) -> None:
    n_labels = tables.shape[1]
    out = np.isin(np.arange(n_labels), list(silence))
    rows = np.arange(1, len(tables), dtype=np.int64)  # a part of the rows, as of one speaker
    pooled = tables[rows].sum(axis=0)
    matrix = flat(tables)
    matrix.sort_indices()
    scores = kernels.score_without_each(
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int64),
        matrix.data,
        rows,
        *sparse(pooled),
        n_labels,
        out,
    )
    for row, found in zip(rows, scores, strict=True):
        expected = information((pooled - tables[row])[~out])
        for metric, score in zip(METRICS, found, strict=True):
            assert same(score, expected.value(metric)), metric


def test_every_draw_draws_as_many_clusters_as_there_are() -> None:
    weights = bootstrap.draw_weights(13, 500, 7)
    assert (weights.sum(axis=1) == 13).all()
    assert np.array_equal(weights, bootstrap.draw_weights(13, 500, 7))
    assert not np.array_equal(weights, bootstrap.draw_weights(13, 500, 8))
    assert weights.mean(axis=0) == pytest.approx(np.ones(13), abs=0.2)


def test_the_jackknife_of_a_mean_is_the_t_interval() -> None:
    sample = np.random.default_rng(0).normal(3, 2, 12)
    left_out = (sample.sum() - sample) / 11
    interval = bootstrap.jackknife(sample.mean(), left_out)
    low, high = stats.t.interval(0.95, 11, sample.mean(), stats.sem(sample))
    assert (interval.low, interval.high) == pytest.approx((low, high))


def test_the_basic_interval_of_a_mean_is_about_the_t_interval() -> None:
    """Expanded for few clusters: 12 of them have nearly the width of Student's t."""
    rng = np.random.default_rng(0)
    sample = rng.normal(3, 2, 12)
    draws = bootstrap.draw_weights(12, 20_000, 0) @ sample / 12
    interval = bootstrap.basic(sample.mean(), draws, 12)
    low, high = stats.t.interval(0.95, 11, sample.mean(), stats.sem(sample))
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.1 * (high - low))


def test_the_basic_interval_mirrors_a_biased_bootstrap() -> None:
    """Draws that lie above the estimate put the interval below it: the estimate has the same bias."""
    draws = np.linspace(0.5, 0.7, 1001)
    interval = bootstrap.basic(0.5, draws, 1000)
    assert interval.high == pytest.approx(0.5, abs=0.006)
    assert interval.low == pytest.approx(0.3, abs=0.006)


@pytest.mark.parametrize("n_clusters", [0, 1])
def test_one_cluster_has_no_interval_and_says_why(n_clusters: int) -> None:
    interval = bootstrap.basic(0.5, np.linspace(0, 1, 100), n_clusters)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert "fewer than 2 clusters" in interval.reason


def test_undefined_draws_are_left_out() -> None:
    draws = np.concatenate([np.linspace(0.4, 0.6, 1000), np.full(50, np.nan)])
    assert bootstrap.basic(0.5, draws, 30).low == bootstrap.basic(0.5, draws[:1000], 30).low
    assert math.isnan(bootstrap.basic(math.nan, draws, 30).low)


def test_two_values_have_no_jackknife() -> None:
    assert math.isnan(bootstrap.jackknife(0.5, np.array([0.4, 0.6])).low)
    assert math.isnan(bootstrap.jackknife(0.5, np.array([0.4, 0.6, np.nan])).low)


def test_an_empty_table_has_draws_without_values() -> None:
    draws = bootstrap.resample(csr_matrix((3, 8), dtype=np.int64), 2, [], bootstrap.draw_weights(3, 5, 0))
    assert np.isnan(draws.kept["pnmi"]).all()
    assert np.isnan(draws.kept["h_phone"]).all()


def test_the_oracle_counts_in_fractions() -> None:
    assert oracles.resampled([{("a", 0): Fraction(1)}, {("a", 1): Fraction(2)}], [1, 1]) == {("a", 1): 4}
