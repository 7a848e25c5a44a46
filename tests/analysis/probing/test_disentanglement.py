"""Disentanglement and completeness: the published formula, its laws, and its records."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy

from analysis.metrics.registry import metric_of
from analysis.probing.disentanglement import ALL, dci, dci_records, permuted
from analysis.statistics.jackknife import jackknife
from tests.analysis.laws import check

SIZES = st.tuples(st.integers(2, 5), st.integers(2, 5))
IMPORTANCES = SIZES.flatmap(lambda shape: arrays(np.float64, shape, elements=st.floats(0, 10, width=32)))


def slow(r: list[list[float]]) -> tuple[list[float], float]:
    """Disentanglement of each row and in all, from the words of the paper."""
    scores, shares, everything = [], [], sum(sum(row) for row in r)
    for row in r:
        whole = sum(row)
        if whole == 0:
            scores.append(math.nan)
            continue
        h = 0.0
        for value in row:
            if value / whole > 0:
                h -= value / whole * math.log(value / whole, len(row))
        scores.append(1 - h)
        shares.append(whole / everything * (1 - h))
    return scores, sum(shares) if everything else math.nan


@given(IMPORTANCES)
def test_both_scores_are_what_the_paper_says(r: np.ndarray) -> None:
    found = dci(r)
    rows, in_rows = slow(r.tolist())
    columns, in_columns = slow(r.T.tolist())
    np.testing.assert_allclose(found.disentanglement, rows, atol=1e-9)
    np.testing.assert_allclose(found.completeness, columns, atol=1e-9)
    np.testing.assert_allclose(found.total_disentanglement, in_rows, atol=1e-9)
    np.testing.assert_allclose(found.total_completeness, in_columns, atol=1e-9)


@given(SIZES.flatmap(lambda shape: arrays(np.float64, shape, elements=st.floats(0.01, 10))))
def test_it_is_what_disentanglement_lib_computes(r: np.ndarray) -> None:
    # its four lines, which add 1e-11
    per_code = 1 - entropy(r.T + 1e-11, base=r.shape[1])
    per_factor = 1 - entropy(r + 1e-11, base=r.shape[0])
    found = dci(r)
    np.testing.assert_allclose(found.total_disentanglement, (per_code * r.sum(1) / r.sum()).sum(), atol=1e-6)
    np.testing.assert_allclose(found.total_completeness, (per_factor * r.sum(0) / r.sum()).sum(), atol=1e-6)


def test_one_for_each_is_perfect_and_all_alike_is_nothing() -> None:
    perfect, nothing = dci(np.eye(4)), dci(np.ones((3, 5)))
    assert perfect.total_disentanglement == perfect.total_completeness == 1
    assert abs(float(nothing.total_disentanglement)) < 1e-12 > abs(float(nothing.total_completeness))


@given(IMPORTANCES, st.randoms(use_true_random=False))
def test_order_and_scale_do_not_matter(r: np.ndarray, random: object) -> None:
    rows, columns = list(range(r.shape[0])), list(range(r.shape[1]))
    random.shuffle(rows)  # type: ignore[attr-defined]
    random.shuffle(columns)  # type: ignore[attr-defined]
    whole, moved = dci(r), dci(4 * r[rows][:, columns])
    np.testing.assert_allclose(moved.disentanglement, whole.disentanglement[rows], atol=1e-9)
    np.testing.assert_allclose(moved.total_completeness, whole.total_completeness, atol=1e-9)


def test_what_matters_to_nothing_has_no_score_and_no_weight() -> None:
    found = dci(np.array([[1.0, 0.0], [0.0, 0.0]]))
    assert math.isnan(found.disentanglement[1])
    assert found.total_disentanglement == 1
    assert np.isnan(dci(np.zeros((2, 2))).total_completeness)
    assert np.isnan(dci(np.ones((3, 1))).total_disentanglement)


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_importances_that_are_none_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite, at least 0"):
        dci(np.array([[1.0, value], [0.0, 1.0]]))


def test_the_null_deals_the_same_importances() -> None:
    r = np.arange(6.0).reshape(2, 3)
    for draw in permuted(r, 5, 0):
        assert sorted(draw.ravel()) == sorted(r.ravel())
    assert np.array_equal(permuted(r, 5, 0), permuted(r, 5, 0))


def test_records_hold_value_null_and_interval() -> None:
    rng = np.random.default_rng(0)
    r = np.array([[0.5, -0.01, 0.0], [0.02, 0.4, 0.1]])
    left_out = r + rng.normal(0, 0.002, (12, 2, 3))
    made = dci_records(
        r,
        ["phonetic", "lexical"],
        ["phone", "word", "speaker"],
        source="probe",
        protocol="probe",
        n=9,
        left_out=left_out,
    )
    by_id = {record.id: record for record in made}
    assert list(by_id) == [
        "all.dci_disentanglement[probe]",
        "phonetic.dci_disentanglement[probe]",
        "lexical.dci_disentanglement[probe]",
        "all.dci_completeness[probe]",
        *(f"all.dci_completeness[probe|{name}]" for name in ("phone", "word", "speaker")),
    ]
    whole = by_id["all.dci_disentanglement[probe]"]
    assert whole.stream == ALL and whole.null_mean < whole.value and whole.null_sd > 0
    assert by_id["phonetic.dci_disentanglement[probe]"].value == 1
    check(made)
    assert by_id["phonetic.dci_disentanglement[probe]"].estimate == 1
    of_rest = dci(np.maximum(left_out, 0)).total_disentanglement
    around = jackknife(whole.estimate, (of_rest - whole.null_mean) / (1 - whole.null_mean))
    assert (whole.ci_low, whole.ci_high) == pytest.approx((around.low, around.high))
    assert all(metric_of(record.id).title in ("disentanglement", "completeness") for record in made)
