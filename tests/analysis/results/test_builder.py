"""How a number becomes a record: its null, its interval, its corrected value, and what is said where one is missing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from analysis.statistics.bootstrap import Interval, no_interval
from hypothesis import given
from hypothesis import strategies as st

from analysis.metrics.registry import METRICS
from analysis.results.builder import (
    NO_NULLS,
    NOTHING,
    Estimate,
    make_record,
    make_results,
    named,
    resampled_estimate,
    undefined_record,
    within_range,
)
from analysis.results.schema import Record
from analysis.statistics import bootstrap

NULLS = np.array([0.1, 0.3])


def record(estimate: Estimate, metric: str = "pnmi", **said) -> Record:
    return make_record(f"units.{metric}", "units", metric, estimate, n=7, protocol="p", **said)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(-0.1, 0.5, (0, 0.5)), (-3, -1, (0, 0)), (0.5, 1.5, (0.5, 1)), (1.5, 2, (1, 1)), (0.2, 0.4, (0.2, 0.4))],
)
def test_an_interval_is_cut_to_the_range_and_never_turned_round(low, high, expected):
    cut = within_range("pnmi", Interval(low, high, "cluster-bootstrap-basic"))
    assert (cut.low, cut.high) == expected


def test_counts_have_no_upper_end_and_what_is_undefined_stays_so():
    assert within_range("detected_words", Interval(-2, 30, "x")).high == 30
    assert math.isnan(within_range("pnmi", no_interval("why")).low)


def test_only_an_interval_that_is_to_be_cut_is_cut():
    estimate = Estimate(0.9, Interval(-0.2, 1.2, "x"))
    assert (record(estimate).ci_low, record(estimate).ci_high) == (0, 1)
    assert (record(estimate, cut=False).ci_low, record(estimate, cut=False).ci_high) == (-0.2, 1.2)


def test_the_null_is_its_draws_mean_and_deviation():
    found = record(Estimate(0.6, NOTHING, NULLS), nulls={"other": np.array([0.4])})
    assert (found.null_mean, found.null_sd) == (NULLS.mean(), NULLS.std(ddof=1))
    assert found.nulls["other"].mean == 0.4
    assert math.isnan(found.nulls["other"].sd)
    assert math.isnan(found.corrected)


def test_a_fixed_null_is_taken_off_value_interval_and_resamples():
    left_out = np.linspace(0.5, 0.7, 9)
    found = record(Estimate(0.6, bootstrap.jackknife(0.6, left_out), NULLS, "fixed null"))
    assert found.corrected == pytest.approx((0.6 - 0.2) / 0.8)
    assert found.corrected_ci_low == pytest.approx((found.ci_low - 0.2) / 0.8)
    assert found.corrected_ci_high == pytest.approx((found.ci_high - 0.2) / 0.8)
    assert found.resamples_corrected.values == pytest.approx((left_out - 0.2) / 0.8, abs=1e-6)


def test_where_chance_is_perfect_there_is_no_corrected_value():
    perfect = Estimate(1.0, bootstrap.jackknife(1.0, np.ones(9)), np.ones(3), "fixed null")
    drawn = resampled_estimate(1.0, np.ones(99), 9, np.ones(3), np.ones(99))
    for found in (record(perfect), record(drawn)):
        assert all(math.isnan(x) for x in (found.corrected, found.corrected_ci_low, found.corrected_ci_high))
        assert found.resamples_corrected is None


@given(seed=st.integers(0, 99))
def test_resamples_take_off_the_null_of_the_same_resample(seed: int) -> None:
    """A null half of the way from the value to 1, on every resample, leaves the same corrected value on each."""
    draws = np.random.default_rng(seed).uniform(0.2, 0.8, 100)
    found = record(resampled_estimate(0.5, draws, 9, np.array([0.0]), 1 - 2 * (1 - draws)))
    assert found.corrected == 0.5
    assert (found.corrected_ci_low, found.corrected_ci_high) == pytest.approx((0.5, 0.5))
    assert found.ci_method == "cluster-bootstrap-basic"


def test_a_corrected_interval_ends_at_1_only_where_the_metric_does():
    around = Interval(0.5, 1.5, "x")
    assert record(Estimate(0.6, NOTHING, NULLS, around)).corrected_ci_high == 1
    assert METRICS["discovery_type_recall"].high is None
    assert record(Estimate(0.6, NOTHING, NULLS, around), "discovery_type_recall").corrected_ci_high == 1.5


def test_without_a_value_the_note_says_why_and_nothing_of_the_interval():
    found = record(Estimate(math.nan, no_interval("few")), about="clusters: 3 (speaker)", remarks=["", "a remark"])
    assert found.note == f"clusters: 3 (speaker); undefined: {METRICS['pnmi'].undefined}; a remark"
    assert record(Estimate(0.5, no_interval("few"))).note == "few"
    other = undefined_record("units.pnmi", "units", "pnmi", protocol="p", why="no tokens")
    assert (other.note, other.n, other.ci_method) == ("undefined: no tokens", 0, "none")
    assert math.isnan(other.value)


def test_another_unit_scales_value_null_and_interval():
    one = Estimate(0.5, bootstrap.jackknife(0.5, np.linspace(0.4, 0.6, 5)), NULLS)
    two = one.scaled(2)
    assert (two.value, two.interval.low, two.interval.high) == (1, 2 * one.interval.low, 2 * one.interval.high)
    assert two.nulls.tolist() == (2 * NULLS).tolist()
    assert len(Estimate(0.5, NOTHING).nulls) == len(NO_NULLS) == 0


def test_a_part_of_several_names_has_a_record_under_each():
    made = named(record(Estimate(0.5, NOTHING)), ("", "language=en"))
    assert [one.group for one in made] == ["", "language=en"]
    assert made[0].model_copy(update={"group": ""}) == made[1].model_copy(update={"group": ""})


def test_results_add_their_own_warnings_and_coverage_to_what_is_known():
    about = {
        "system": "codec",
        "coverage": {"hours": 1},
        "failures": {},
        "failed": [],
        "warnings": ["first"],
        "provenance": {"seed": 1},
    }
    made = make_results(
        "pnmi", about, [record(Estimate(0.5, NOTHING))], {"p": {}}, coverage={"more": 2}, warnings=["b"]
    )
    assert (made.system, made.status, made.warnings) == ("codec", "complete", ["first", "b"])
    assert made.coverage == {"hours": 1, "more": 2}
    assert about["warnings"] == ["first"]
