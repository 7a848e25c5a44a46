"""Differences over seeds: means of the pairs, and an interval that knows of speakers and of seeds."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from analysis.comparison.differences import compare
from analysis.comparison.runs import Run
from analysis.comparison.seeds import compare_over_seeds, mean_record
from analysis.results.schema import Record, Results
from analysis.statistics.jackknife import METHOD, LeftOut, without_each

N = 20


def run_of(scores: np.ndarray, key: str = "same", command: str = "pnmi") -> Run:
    """A run whose score is the mean of one score a speaker."""
    record = Record(
        id="x.pnmi",
        stream="x",
        estimate=float(scores.mean()),
        value=float(scores.mean()),
        n=1,
        protocol="p",
        left_out=LeftOut(without_each(scores) / (len(scores) - 1)),
        ci_method=METHOD,
    )
    coverage = {"utterances": {"key": key, "counted": 7}}
    return Run(command, Path(), Results(command=command, system="s", metrics=[record], coverage=coverage))


def world(rng: np.random.Generator, effect: float, seed_sd: float, n_seeds: int, noise: float = 0.2):
    """Runs of a reference and of a variant; what both share (hard speakers) is large."""
    hard = rng.normal(size=N)

    def trained(shift: float) -> dict[int, Run]:
        return {
            seed: run_of(hard + shift + seed_sd * rng.normal() + noise * rng.normal(size=N)) for seed in range(n_seeds)
        }

    return {"full": trained(0.0), "other": trained(effect)}


def test_one_seed_is_the_plain_comparison():
    runs = world(np.random.default_rng(1), 0.5, 0.0, 1)
    found = compare_over_seeds({"pnmi": runs}, "full")
    plain = compare([runs["full"][0], runs["other"][0]])[0]
    one = found.differences[0]
    assert (one.difference, one.low, one.high, one.p) == (plain.difference, plain.low, plain.high, plain.p)
    assert one.method == "paired" and one.n_seeds == 1 and one.analysis == "pnmi" and found.counted == {"pnmi": 7}


def test_the_difference_is_the_mean_over_seeds_and_each_is_told():
    runs = world(np.random.default_rng(2), 0.5, 0.1, 3)
    found = compare_over_seeds({"pnmi": runs}, "full")
    each = [runs["other"][s].results.metrics[0].value - runs["full"][s].results.metrics[0].value for s in range(3)]
    assert found.differences[0].difference == pytest.approx(np.mean(each))
    assert [one.difference.difference for one in found.by_seed] == pytest.approx(each)
    assert [one.seed for one in found.by_seed] == [0, 1, 2]
    assert found.differences[0].verdict == "better" and found.differences[0].n_seeds == 3


def test_seeds_that_disagree_widen_the_interval():
    rng = np.random.default_rng(3)
    calm = compare_over_seeds({"pnmi": world(rng, 0.3, 0.0, 4)}, "full").differences[0]
    wild = compare_over_seeds({"pnmi": world(rng, 0.3, 1.0, 4)}, "full").differences[0]
    assert calm.verdict == "better"
    assert wild.high - wild.low > 3 * (calm.high - calm.low) and wild.verdict == "within noise"


def test_without_scatter_of_speakers_it_is_students_test_over_seeds():
    """Speakers who are all alike leave the seeds alone: a paired t-test."""
    gaps = np.array([0.1, 0.3, 0.2, 0.25])
    runs = {
        "full": {s: run_of(np.zeros(N)) for s in range(4)},
        "other": {s: run_of(np.full(N, gap)) for s, gap in enumerate(gaps)},
    }
    one = compare_over_seeds({"pnmi": runs}, "full").differences[0]
    expected = stats.ttest_1samp(gaps, 0)
    interval = expected.confidence_interval()
    assert one.p == pytest.approx(expected.pvalue, rel=1e-4)
    assert (one.low, one.high) == pytest.approx((interval.low, interval.high), rel=1e-4)


@pytest.mark.parametrize(("n_seeds", "seed_sd"), [(2, 0.2), (2, 0.8), (3, 0.4)])
def test_noise_of_seeds_and_speakers_is_seldom_called_a_difference(n_seeds, seed_sd):
    """No effect, seeds and speakers scatter: at most 5 % of comparisons may say otherwise."""
    rng = np.random.default_rng(4)
    runs = (world(rng, 0.0, seed_sd, n_seeds, 0.5) for _ in range(400))
    false = sum(compare_over_seeds({"pnmi": one}, "full").differences[0].verdict != "within noise" for one in runs)
    # 400 trials at 5 %: 20 expected at most, more than 36 in 1 of 4,000 suites
    assert false <= 36


def test_p_and_interval_say_the_same():
    """p is below 0.05 exactly where the interval leaves out 0, with several seeds too."""
    rng = np.random.default_rng(8)
    found = [compare_over_seeds({"pnmi": world(rng, 0.25, 0.1, 2 + i % 3)}, "full").differences[0] for i in range(60)]
    assert {one.p < 0.05 for one in found} == {True, False}
    assert all((one.p < 0.05) == (one.low > 0 or one.high < 0) for one in found)


def test_seeds_of_one_alone_are_left_out_and_none_in_common_is_said():
    runs = world(np.random.default_rng(5), 0.5, 0.0, 3)
    del runs["other"][1]
    assert compare_over_seeds({"pnmi": runs}, "full").differences[0].n_seeds == 2
    found = compare_over_seeds({"pnmi": {"full": {0: runs["full"][0]}, "other": {2: runs["other"][2]}}}, "full")
    assert not found.differences
    assert found.warnings == ["pnmi: other and full have no finished seed in common: not compared"]


def test_other_utterances_are_not_compared_and_that_is_said():
    rng = np.random.default_rng(6)
    runs = {"full": {0: run_of(rng.normal(size=N))}, "other": {0: run_of(rng.normal(size=N), key="other")}}
    found = compare_over_seeds({"pnmi": runs}, "full")
    assert not found.differences and "different utterances (7 each, not the same)" in found.warnings[0]


def test_all_differences_are_corrected_together():
    rng = np.random.default_rng(7)
    analyses = {name: world(rng, 0.12, 0.0, 1) for name in ("pnmi", "words", "usage")}
    analyses = {
        name: {v: {s: Run(v, Path(), r.results) for s, r in runs.items()} for v, runs in world_.items()}
        for name, world_ in analyses.items()
    }
    found = compare_over_seeds(analyses, "full").differences
    smallest = min(found, key=lambda one: one.p)
    assert len(found) == 3 and smallest.p_holm == pytest.approx(3 * smallest.p)


def test_a_number_that_one_training_lacks_is_unknown():
    good = run_of(np.arange(float(N))).results.metrics[0]
    lacking = good.model_copy(update={"estimate": math.nan, "value": math.nan, "left_out": None, "ci_method": "none"})
    mean = mean_record([good, lacking])
    assert math.isnan(mean.estimate) and math.isnan(mean.value) and mean.left_out is None
    assert mean_record([good]) is good
