from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from analysis.comparison.comparable import check_comparable
from analysis.comparison.differences import compare, difference, holm, with_verdicts
from analysis.comparison.runs import Run, read_run, with_distinct_names
from analysis.metrics.registry import METRICS
from analysis.pnmi.run import run as run_pnmi
from analysis.results.schema import Record, Results
from analysis.statistics.jackknife import METHOD, LeftOut, jackknife, without_each
from hac.errors import HacError
from reports.cli import app
from reports.comparison.tables import comparison_csv, comparison_table
from reports.render.result_files import write_numbers
from tests.analysis.worlds import make_world


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    world = make_world()
    streams = {
        "good": world.knowing(),
        "late": world.knowing(late=Fraction(2)),
        "blind": world.independent(8),
    }
    made = {name: run_pnmi(world.request(stream), jobs=1).results for name, stream in streams.items()}
    return {name: Run(name, Path(name), results) for name, results in made.items()}


def pnmi(runs: list[Run], metric: str = "units.pnmi"):
    return next(one for one in compare(runs) if one.id == metric)


def test_a_run_does_not_differ_from_itself(runs):
    for one in compare([runs["good"], replace(runs["good"], name="again")]):
        assert one.difference == 0 or math.isnan(one.difference)
        assert one.verdict in ("within noise", "unknown")


def test_a_known_loss_is_found_and_the_sign_is_the_runs(runs):
    fall = pnmi([runs["good"], runs["blind"]])
    assert fall.verdict == "worse" and fall.method == "paired" and fall.of == "corrected"
    assert fall.difference < -0.5 and fall.high < 0
    rise = pnmi([runs["blind"], runs["good"]])
    assert rise.verdict == "better" and rise.difference == -fall.difference


def test_a_paired_interval_is_the_jackknife_of_the_difference(runs):
    """The difference of the corrected values without each speaker in turn; wider by the allowance alone."""
    a, b = runs["good"].results.get("units.pnmi"), runs["late"].results.get("units.pnmi")
    around = jackknife(b.estimate - a.estimate, b.left_out.values - a.left_out.values)
    one = pnmi([runs["good"], runs["late"]])
    assert 0 < one.allowance < 0.01
    assert (one.low, one.high) == pytest.approx((around.low - one.allowance, around.high + one.allowance))


def test_other_speech_is_refused_and_else_not_paired(runs):
    world = make_world(seed=1, n_utterances=36)
    other = Run("other", Path("other"), run_pnmi(world.request(world.knowing()), jobs=1).results)
    with pytest.raises(HacError, match=r"different utterances \(36 and 48\)"):
        check_comparable([runs["good"], other])
    assert check_comparable([runs["good"], other], allow_data=True)
    assert pnmi([runs["good"], other]).method == "unpaired"


def test_unlike_runs_are_refused(runs):
    good = runs["good"]
    words = replace(good, results=good.results.model_copy(update={"command": "words"}))
    with pytest.raises(HacError, match="'hac-analyze words'"):
        check_comparable([good, words])
    protocols = {name: {**one, "convention": "hubert"} for name, one in good.results.protocols.items()}
    hubert = replace(good, results=good.results.model_copy(update={"protocols": protocols}))
    with pytest.raises(HacError, match="convention: 'hubert' and 'duration'"):
        check_comparable([good, hubert])
    assert check_comparable([good, hubert], allow_protocol=True)
    with pytest.raises(HacError, match="one run was given"):
        check_comparable([good])


def test_runs_of_one_system_are_told_apart(runs):
    two = [replace(runs["good"], path=Path("a")), replace(runs["good"], path=Path("b")), runs["late"]]
    assert [run.name for run in with_distinct_names(two)] == ["good (a)", "good (b)", "late"]


@given(st.lists(st.one_of(st.floats(0, 1), st.just(math.nan)), max_size=12))
def test_holm_is_the_slow_rule(p):
    found = holm(np.array(p, float))
    known = sorted((x, i) for i, x in enumerate(p) if not math.isnan(x))
    running = 0.0
    for rank, (x, i) in enumerate(known):
        running = max(running, min(1.0, (len(known) - rank) * x))
        assert found[i] == pytest.approx(running)
    assert np.isnan(found).sum() == sum(map(math.isnan, p))


def mean_of(scores, **said):
    """A number that is the mean of one score a speaker, without a null where `said` names none."""
    mean = float(scores.mean())
    known = {"id": "x.pnmi", "estimate": mean, "value": mean, **said}
    left_out = LeftOut(without_each(scores) / (len(scores) - 1))
    return Record(stream="x", n=1, protocol="p", left_out=left_out, ci_method=METHOD, **known)


def of_nulls(one, other, gap=0.1, n=8, id="x.pnmi"):
    """The difference of two corrected numbers whose nulls are these."""
    rng = np.random.default_rng(2)
    hard = 0.1 * rng.normal(size=n)
    made = [
        mean_of(hard + middle + 0.001 * rng.normal(size=n), id=id, null_mean=null, null_sd=0.001, is_corrected=True)
        for middle, null in ((0.4, one), (0.4 + gap, other))
    ]
    return with_verdicts([difference(*made, "other", paired=True)])[0]


def test_codebooks_of_unlike_size_have_an_allowance():
    alike, unlike = of_nulls(0.1, 0.1), of_nulls(0.1, 0.34)
    assert (alike.allowance, unlike.allowance) == (0, pytest.approx(0.24 / 4 + 0.002))
    assert unlike.high - unlike.low == pytest.approx(alike.high - alike.low + 2 * unlike.allowance)
    assert alike.difference == unlike.difference
    # what lies within the allowance is no difference, in which every speaker agrees or not
    assert of_nulls(0.1, 0.1, gap=0.03).verdict == "better"
    assert of_nulls(0.1, 0.34, gap=0.03).verdict == "within noise"
    assert unlike.verdict == "better"
    # nulls that hardly differ: no more than their own difference
    assert of_nulls(0.1, 0.1001).allowance == pytest.approx(0.0001 * 5 / 4)


def test_what_does_not_grow_with_the_codes_has_no_allowance():
    assert not METRICS["boundary_f1"].grows_with_codes and METRICS["pnmi"].grows_with_codes
    assert of_nulls(0.1, 0.6, id="x.boundary_f1").allowance == 0
    assert of_nulls(0.1, 0.6, id="x.boundary_f1").verdict == "better"


@pytest.mark.parametrize("nulls", [(0.1, 0.5), (0.5, 0.1), (0.9, 0.9)])
def test_where_chance_scores_half_nothing_is_judged(nulls):
    one = of_nulls(*nulls, gap=0.4)
    assert one.verdict == "unknown" and math.isnan(one.p)
    assert "too little speech for so many codes" in one.note and "held-out speakers" in one.note
    assert of_nulls(0.1, 0.4999, gap=0.4).verdict == "better"


@given(nulls=st.tuples(st.floats(0, 0.49), st.floats(0, 0.49)), gap=st.floats(-0.3, 0.3))
def test_p_and_interval_say_the_same(nulls, gap):
    one = of_nulls(*nulls, gap=gap)
    other = of_nulls(*nulls[::-1], gap=gap)
    assert (one.p < 0.05) == (one.low > 0 or one.high < 0)
    assert (one.low, one.high, one.p) == pytest.approx((other.low, other.high, other.p)), "order of the nulls"
    assert one.low < one.difference < one.high


@pytest.mark.parametrize("n", [3, 4, 6])
def test_few_speakers_call_no_noise_a_difference(n):
    """The bootstrap over utterances did in 34 to 58 of 100."""
    rng = np.random.default_rng(n)
    p = []
    for _ in range(600):
        hard = rng.normal(size=n)
        a, b = (mean_of(hard + rng.normal(size=n)) for _ in range(2))
        p.append(difference(a, b, "b", paired=True).p)
    # 30 expected, more than 50 in 1 of 10,000 suites
    assert 10 <= sum(one < 0.05 for one in p) <= 50


def test_two_clusters_are_not_judged():
    one = difference(mean_of(np.array([0.1, 0.2])), mean_of(np.array([0.6, 0.8])), "b", paired=True)
    assert math.isnan(one.p) and (one.method, one.note) == ("none", "fewer than 3 clusters")


def test_a_number_corrected_in_one_run_alone_is_compared_as_counted():
    scores = np.linspace(0.3, 0.5, 5)
    plain, corrected = mean_of(scores), mean_of(scores, estimate=0.3, is_corrected=True, null_mean=0.1)
    one = difference(plain, corrected, "b", paired=True)
    assert one.of == "value" and (one.base, one.other) == pytest.approx((0.4, 0.4)) and one.allowance == 0
    assert math.isnan(one.p)


def test_noise_alone_is_seldom_called_a_difference():
    """Two systems of the same quality on the same 20 speakers: at most 5 % of comparisons may say otherwise."""
    rng = np.random.default_rng(0)
    false = 0
    for _ in range(200):
        hard = rng.normal(size=20)
        pair = []
        for name in "ab":
            scores = hard + 0.3 * rng.normal(size=20)
            record = mean_of(scores)
            coverage = {"utterances": {"key": "same", "counted": 1}}
            pair.append(Run(name, Path(), Results(command="pnmi", system=name, metrics=[record], coverage=coverage)))
        false += compare(pair)[0].verdict != "within noise"
    # 200 trials at 5 %: 10 expected, more than 22 in 1 of 5,000 suites
    assert false <= 22


def test_the_command_compares_folders(runs, tmp_path):
    for name, run in runs.items():
        write_numbers(run.results.model_copy(update={"system": name}), tmp_path / name)
    good, blind = str(tmp_path / "good"), str(tmp_path / "blind")
    done = CliRunner().invoke(app, ["compare", good, blind, "-o", str(tmp_path / "d.csv")])
    assert done.exit_code == 0, done.output
    assert "worse" in done.output and "units.pnmi" in (tmp_path / "d.csv").read_text()
    assert CliRunner().invoke(app, ["compare", good, blind, "--fail-on", "units.pnmi:0.1"]).exit_code == 1
    assert CliRunner().invoke(app, ["compare", good, blind, "--fail-on", "units.pnmi:0.99999"]).exit_code == 0
    assert CliRunner().invoke(app, ["compare", blind, good, "--fail-on", "pnmi:0"]).exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fail-on", "pnmi"], "is not METRIC:DROP"),
        (["--fail-on", "lexical.pnmi:0.1"], "no such number in common"),
        (["--metrics", "pnmy"], "did you mean 'pnmi'"),
        (["--names", "a"], "1 names for 2 runs"),
    ],
)
def test_bad_input_is_one_sentence(runs, tmp_path, words, said):
    write_numbers(runs["good"].results, tmp_path / "a")
    done = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "a"), *words])
    assert isinstance(done.exception, HacError) and said in str(done.exception)


def test_names_from_a_corpus_are_no_markup(runs, tmp_path, capsys):
    from rich.console import Console

    wild = replace(runs["late"], name="[bold]x[/bold]")
    Console(width=200).print(comparison_table("[red]base", compare([runs["good"], wild])))
    assert "[bold]x[/bold]" in capsys.readouterr().out
    write_numbers(runs["good"].results, tmp_path)
    assert read_run(tmp_path).results.get("units.pnmi").left_out is not None
    assert comparison_csv(compare([runs["good"], wild])).startswith("id,group,run,of")
