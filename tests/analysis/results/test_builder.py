"""How a number becomes a record: its null, its interval, its corrected value, and what is said where one is missing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.metrics.registry import METRICS
from analysis.results.builder import (
    NO_NULLS,
    NOTHING,
    Estimate,
    jackknifed,
    make_record,
    make_results,
    named,
    undefined_record,
)
from analysis.results.schema import Record
from analysis.statistics.jackknife import jackknife, no_interval

NULLS = np.array([0.1, 0.3])


def record(estimate: Estimate, metric: str = "pnmi", **said) -> Record:
    return make_record(f"units.{metric}", "units", metric, estimate, n=7, protocol="p", **said)


def test_the_null_is_its_draws_mean_and_deviation():
    found = record(Estimate(0.6, NOTHING, NULLS), nulls={"other": np.array([0.4])})
    assert (found.null_mean, found.null_sd) == (NULLS.mean(), NULLS.std(ddof=1))
    assert found.nulls["other"].mean == 0.4
    assert math.isnan(found.nulls["other"].sd)
    assert (found.n_nulls, found.nulls["other"].n) == (2, 1)


def test_a_number_is_corrected_by_the_null_without_the_same_cluster():
    """A null half of the way from the value to 1, without each cluster, leaves the same corrected value each time."""
    left_out = np.array([0.2, 0.5, 0.8, 0.6])
    found = record(jackknifed("pnmi", 0.5, left_out, np.array([0.0]), (1 - 2 * (1 - left_out))[None]))
    assert found.estimate == 0.5
    assert found.is_corrected
    assert math.isnan(found.ci_low)
    assert "the same number without each cluster" in found.note


def test_some_null_draws_without_each_cluster_move_the_mean_of_all():
    left_out, nulls = np.array([0.5, 0.6, 0.7]), np.array([0.1, 0.3])
    first = np.array([[0.05, 0.1, 0.15]])
    found = record(jackknifed("pnmi", 0.6, left_out, nulls, first)).left_out.values
    moved = 0.2 + first[0] - 0.1
    assert found == pytest.approx((left_out - moved) / (1 - moved))


def test_a_null_held_fixed_is_taken_off_each_value():
    left_out = np.linspace(0.5, 0.7, 9)
    found = record(jackknifed("pnmi", 0.6, left_out, NULLS))
    assert found.estimate == pytest.approx((0.6 - 0.2) / 0.8)
    assert found.left_out.values == pytest.approx((left_out - 0.2) / 0.8)
    bare = jackknife(0.6, left_out)
    assert found.half_width == pytest.approx((bare.high - bare.low) / 2 / 0.8)
    assert found.ci_method == "cluster-jackknife-t"


def test_what_has_no_1_to_be_perfect_at_is_given_as_it_is():
    found = record(jackknifed("pesq_wb", 2.5, np.array([2.4, 2.5, 2.6]), np.array([1.2, 1.3])), "pesq_wb")
    assert (found.estimate, found.value, found.is_corrected) == (2.5, 2.5, False)
    assert found.ci_low < 2.5 < found.ci_high
    assert (found.null_mean, found.n_nulls) == (1.25, 2)


def test_without_a_null_the_number_is_the_value():
    found = record(jackknifed("pnmi", 0.5, np.array([0.4, 0.5, 0.6])))
    assert (found.estimate, found.is_corrected) == (0.5, False)


def test_where_chance_is_perfect_there_is_no_number():
    found = record(jackknifed("pnmi", 1.0, np.ones(9), np.ones(3)))
    assert all(math.isnan(x) for x in (found.estimate, found.ci_low, found.ci_high))
    assert found.value == 1
    assert "chance alone is perfect" in found.note


def test_without_a_value_the_note_says_why_and_nothing_of_the_interval():
    found = record(Estimate(math.nan, no_interval("few")), about="clusters: 3 (speaker)", remarks=["", "a remark"])
    assert found.note == f"clusters: 3 (speaker); undefined: {METRICS['pnmi'].undefined}; a remark"
    assert record(Estimate(0.5, no_interval("few"))).note == "few"
    other = undefined_record("units.pnmi", "units", "pnmi", protocol="p", why="no tokens")
    assert (other.note, other.n, other.ci_method) == ("undefined: no tokens", 0, "none")
    assert math.isnan(other.value)


def test_another_unit_scales_value_null_and_interval():
    one = Estimate(0.5, jackknife(0.5, np.linspace(0.4, 0.6, 5)), NULLS)
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
