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
from analysis.comparison.differences import compare, holm
from analysis.comparison.runs import Run, read_run, with_distinct_names
from analysis.pnmi.run import run as run_pnmi
from analysis.results.schema import Record, Results
from analysis.statistics.bootstrap import Resamples, basic
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


def test_the_paired_error_is_that_of_the_differences_of_the_draws(runs):
    a, b = runs["good"].results.get("units.pnmi"), runs["late"].results.get("units.pnmi")
    draws = [b.resamples_corrected.values[i] - np.float64(a.resamples_corrected.values[i]) for i in range(50)]
    n = a.resamples_corrected.n_clusters
    around = basic(b.corrected - a.corrected, np.array(draws), n)
    one = pnmi([runs["good"], runs["late"]])
    assert (one.high - one.low) == pytest.approx(around.high - around.low, rel=0.3)


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


def test_noise_alone_is_seldom_called_a_difference():
    """Two systems of the same quality on the same 20 speakers: at most 5 % of comparisons may say otherwise."""
    rng = np.random.default_rng(0)
    weights = rng.multinomial(20, np.full(20, 0.05), size=200) / 20
    false = 0
    for _ in range(200):
        hard = rng.normal(size=20)
        pair = []
        for name in "ab":
            scores = hard + 0.3 * rng.normal(size=20)
            resamples = Resamples((weights @ scores).astype(np.float32), 20)
            record = Record(
                id="x.pnmi",
                stream="x",
                value=scores.mean(),
                n=1,
                protocol="p",
                resamples=resamples,
                ci_method="cluster-bootstrap-basic",
            )
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
    assert read_run(tmp_path).results.get("units.pnmi").resamples is not None
    assert comparison_csv(compare([runs["good"], wild])).startswith("id,group,run,of")
