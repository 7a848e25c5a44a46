"""PNMI, purities and entropies: equal to their definitions and to scikit-learn, and bound by their laws."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import homogeneity_score, mutual_info_score

from analysis.statistics import kernels
from analysis.statistics.information import METRICS, entropy, information, pnmi_tables
from analysis.statistics.jackknife import corrected
from tests import oracles
from tests.strategies import tables


def as_joint(table: np.ndarray) -> oracles.Joint:
    filled = zip(*np.nonzero(table), strict=True)
    return {(f"p{i}", int(j)): Fraction(int(table[i, j])) for i, j in filled}


def sparse(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Filled columns (code * n_labels + label) and their counts."""
    flat = table.T.ravel()
    columns = np.flatnonzero(flat)
    return columns, flat[columns]


def same(a: float, b: float, tolerance: float = 1e-12) -> bool:
    return (math.isnan(a) and math.isnan(b)) or abs(a - b) <= tolerance


@given(table=tables())
def test_scores_equal_their_definitions(table: np.ndarray) -> None:
    found, expected = information(table), oracles.scores(as_joint(table))
    for metric in METRICS:
        assert same(found.value(metric), expected[metric]), metric
    assert found.total == table.sum()
    assert found.used_codes == np.count_nonzero(table.sum(axis=0))


@given(table=tables())
def test_pnmi_equals_scikit_learn_on_the_frames(table: np.ndarray) -> None:
    assume(np.count_nonzero(table.sum(axis=1)) > 1)
    label, code = np.divmod(np.repeat(np.arange(table.size), table.ravel()), table.shape[1])
    assert same(information(table).pnmi, homogeneity_score(label, code))


@given(table=tables(max_count=10**7))
def test_pnmi_equals_scikit_learn_on_large_counts(table: np.ndarray) -> None:
    """Too many frames to be listed, so scikit-learn takes the table (beyond 3e9 in all its products overflow)."""
    by_label = table.sum(axis=1)
    assume(np.count_nonzero(by_label) > 1 and by_label[by_label > 0].min() > by_label.sum() / 1000)
    expected = mutual_info_score(None, None, contingency=table) / entropy(by_label)
    assert same(information(table).pnmi, expected)


@given(several=st.lists(tables(), min_size=1, max_size=4), out=st.sets(st.integers(0, 4)))
def test_rows_are_scored_with_and_without_silence_in_one_walk(several: list[np.ndarray], out: set[int]) -> None:
    shape = np.max([table.shape for table in several], axis=0)
    padded = [np.pad(t, [(0, shape[0] - t.shape[0]), (0, shape[1] - t.shape[1])]) for t in several]
    left_out = np.isin(np.arange(shape[0]), list(out))
    rows = [sparse(table) for table in padded]
    pointers = np.cumsum([0, *(len(columns) for columns, _ in rows)])
    columns, counts = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    found = kernels.pnmi_rows(pointers, columns, counts, int(shape[0]), left_out)
    for table, (kept, dropped) in zip(padded, found, strict=True):
        assert same(kept, information(table).pnmi)
        assert same(dropped, information(table[~left_out]).pnmi)


@given(several=st.lists(tables(), min_size=1, max_size=4))
def test_many_tables_at_once_score_as_one_by_one(several: list[np.ndarray]) -> None:
    shape = np.max([table.shape for table in several], axis=0)
    padded = [np.pad(t, [(0, shape[0] - t.shape[0]), (0, shape[1] - t.shape[1])]) for t in several]
    found = pnmi_tables(np.stack([table.T for table in padded]).astype(float))
    for value, table in zip(found, several, strict=True):
        assert same(value, information(table).pnmi)


@given(data=st.data(), table=tables())
def test_names_of_codes_and_labels_do_not_matter(data: st.DataObject, table: np.ndarray) -> None:
    labels = data.draw(st.permutations(range(table.shape[0])))
    codes = data.draw(st.permutations(range(table.shape[1])))
    moved = table[np.ix_(labels, codes)]
    for metric in METRICS:
        assert same(information(moved).value(metric), information(table).value(metric))


@given(data=st.data(), table=tables())
def test_merging_codes_never_raises_what_they_say(data: st.DataObject, table: np.ndarray) -> None:
    assume(table.shape[1] > 1)
    a, b = data.draw(st.permutations(range(table.shape[1])))[:2]
    merged = table.copy()
    merged[:, a] += merged[:, b]
    merged = np.delete(merged, b, axis=1)
    before, after = information(table), information(merged)
    assert not after.mutual > before.mutual + 1e-12
    assert not after.phone_purity > before.phone_purity + 1e-12
    assert not after.cluster_purity < before.cluster_purity - 1e-12


@given(table=tables())
def test_scores_stay_in_their_ranges(table: np.ndarray) -> None:
    scores = information(table)
    for value in (scores.pnmi, scores.phone_purity, scores.cluster_purity):
        assert math.isnan(value) or -1e-12 <= value <= 1 + 1e-12
    assert math.isnan(scores.h_phone) or scores.h_phone >= 0


@given(table=tables(), times=st.integers(2, 10**6))
def test_the_unit_of_counting_does_not_matter(table: np.ndarray, times: int) -> None:
    for metric in METRICS:
        assert same(information(table).value(metric), information(table * times).value(metric))


@pytest.mark.parametrize("n", [2, 40])
def test_identity_scores_one(n: int) -> None:
    scores = information(np.diag(np.arange(1, n + 1)))
    assert scores.pnmi == pytest.approx(1, abs=1e-12)
    assert (scores.phone_purity, scores.cluster_purity) == (1, 1)


def test_codes_that_split_a_phone_still_say_all_of_it() -> None:
    scores = information(np.kron(np.diag([3, 2, 5]), np.ones((1, 4), int)))
    assert scores.pnmi == pytest.approx(1, abs=1e-12)
    assert scores.cluster_purity == pytest.approx(0.25)


def test_a_constant_scores_zero() -> None:
    scores = information(np.array([[3], [2], [5]]))
    assert scores.pnmi == 0
    assert scores.phone_purity == 0.5
    assert scores.cluster_purity == 1


def test_exactly_independent_codes_score_zero() -> None:
    assert information(np.outer([1, 2, 3], [5, 1, 7])).pnmi == pytest.approx(0, abs=1e-12)


def test_a_table_without_counts_or_with_one_label_has_no_pnmi() -> None:
    assert math.isnan(information(np.zeros((3, 2), int)).pnmi)
    assert math.isnan(information(np.zeros((3, 2), int)).h_phone)
    assert math.isnan(information(np.array([[3, 4], [0, 0]])).pnmi)
    assert math.isnan(entropy(np.zeros(3, int)))


def test_a_known_table() -> None:
    """By hand: H = log 2, I = log 2 - (3/4 log 3 ... ) of a symmetric channel with an error of a quarter."""
    scores = information(np.array([[3, 1], [1, 3]]))
    error = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert scores.pnmi == pytest.approx(1 - error / math.log(2), abs=1e-12)
    assert scores.phone_purity == 0.75


@pytest.mark.parametrize(("value", "null", "expected"), [(0.3, 0.3, 0), (1, 0.3, 1), (0.3, 0, 0.3), (0.1, 0.2, -0.125)])
def test_corrected_is_zero_at_chance_and_one_at_perfection(value: float, null: float, expected: float) -> None:
    assert corrected(value, null) == pytest.approx(expected)


def test_corrected_has_no_value_where_chance_is_perfect() -> None:
    assert math.isnan(corrected(1, 1))
    assert math.isnan(corrected(math.nan, 0.2))


def test_hours_of_one_phone_hide_nothing_of_a_rare_one() -> None:
    """One tick of a second phone in hours of the first: the plain difference of entropies would lose its digits."""
    table = np.array([[10**13, 0], [0, 1000]])
    assert information(table).pnmi == pytest.approx(oracles.pnmi(as_joint(table)), abs=1e-6)
