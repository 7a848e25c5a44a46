"""Streams of other names held against the baseline's: by hand (`--match`), and depths of a codec at equal bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from analysis.comparison.comparable import check_comparable
from analysis.comparison.differences import compare
from analysis.comparison.runs import Run
from analysis.comparison.seeds import compare_over_seeds
from analysis.comparison.streams import at_equal_bits, matched
from analysis.results.schema import Record, Results
from analysis.statistics.jackknife import METHOD, LeftOut, without_each
from hac.errors import HacError
from reports.cli import app
from reports.render.result_files import write_numbers


def record(id: str, value: float, seed: int = 0) -> Record:
    """A number, and the same without each of 20 speakers."""
    scores = value + 0.05 * np.random.default_rng(seed).normal(size=20)
    return Record(
        id=id,
        stream=id.split(".")[0] if id.startswith("rvq") else id.rpartition(".")[0],
        estimate=value,
        value=value,
        is_corrected=True,
        n=1,
        protocol="p",
        left_out=LeftOut(without_each(scores) / 19),
        ci_method=METHOD,
    )


def run_of(name: str, values: dict[str, float], command: str = "pnmi", **protocol: object) -> Run:
    """A run over the same speech as all others here."""
    results = Results(
        command=command,
        status="complete",
        system=name,
        metrics=[record(id, value, n) for n, (id, value) in enumerate(values.items())],
        protocols={"p": protocol} if protocol else {},
        coverage={"utterances": {"key": "same", "counted": 7}},
    )
    return Run(name, Path(name), results)


HAC = run_of("hac", {"acoustic.0.pnmi": 0.2, "phonetic.pnmi": 0.4, "phonetic.perplexity": 9.0})
UNITS = run_of("km", {"units.pnmi": 0.6, "units.perplexity": 5.0})


def test_units_are_held_against_the_phonetic_stream():
    differences = compare(matched([HAC, UNITS], {"units": "phonetic"}))
    assert [(one.id, one.run) for one in differences] == [
        ("phonetic.pnmi", "km: units"),
        ("phonetic.perplexity", "km: units"),
    ]
    assert differences[0].difference == pytest.approx(0.2) and differences[0].verdict == "better"


def test_a_stream_is_held_against_another_of_the_same_run():
    (one,) = compare(matched([HAC, HAC], {"acoustic.0": "phonetic"}))
    assert (one.id, one.base, one.other) == ("phonetic.pnmi", 0.4, 0.2) and one.method == "paired"


def test_runs_without_the_stream_stay_as_they_are():
    other = run_of("other", {"phonetic.pnmi": 0.1})
    found = compare(matched([HAC, UNITS, other], {"units": "phonetic"}))
    assert {(one.run, one.other) for one in found if one.id == "phonetic.pnmi"} == {("km: units", 0.6), ("other", 0.1)}


@pytest.mark.parametrize(
    ("streams", "words"),
    [
        ({"units": "words"}, r"hac: has no stream 'words' .* it has acoustic\.0, phonetic"),
        ({"unit": "phonetic"}, r"no run but the first has a stream 'unit'; they have units"),
    ],
)
def test_streams_that_are_not_there(streams, words):
    with pytest.raises(HacError, match=words):
        matched([HAC, UNITS], streams)


SOUND = {
    f"rvq-{n}.{what}": value
    for n, rate in ((6, 4.0), (7, 4.5))
    for what, value in (("stoi", 0.1 * n), ("kbps[nominal]", rate))
}
PLAIN = {f"rvq-{n}.{what}": value for n in (7, 8, 9) for what, value in (("stoi", 0.1 * n), ("kbps[nominal]", n / 2))}


def test_depths_meet_at_equal_bits():
    full, plain = run_of("full", SOUND, "recon"), run_of("plain", {"reference.wer": 0.1, **PLAIN}, "recon")
    held, note = at_equal_bits(full, plain)
    assert note == "at equal bits: rvq-8 against rvq-6, rvq-9 against rvq-7"
    stoi = {one.id: one.other for one in compare([full, held]) if one.id.endswith("stoi")}
    assert stoi == pytest.approx({"rvq-6.stoi": 0.8, "rvq-7.stoi": 0.9})
    assert held.results.get("reference.wer").value == 0.1
    assert at_equal_bits(full, replace(full, name="again")) == (replace(full, name="again"), "")


def test_depths_of_which_no_two_share_a_name_meet_at_equal_bits():
    """A run of its greatest depth alone has no name in common with the baseline, and still has its bits."""
    full, deep = run_of("full", SOUND, "recon"), {id: x for id, x in PLAIN.items() if id.startswith("rvq-9")}
    held, note = at_equal_bits(full, run_of("deep", deep, "recon"))
    assert note == "at equal bits: rvq-9 against rvq-7"
    assert [one.id for one in compare([full, held])] == ["rvq-7.stoi", "rvq-7.kbps[nominal]"]
    unrated = run_of("unrated", {"copy.stoi": 0.9}, "recon")
    assert at_equal_bits(full, unrated) == (unrated, "")


def test_over_seeds_depths_meet_too_and_it_is_said():
    runs = {
        "full": {0: run_of("full", SOUND, "recon")},
        "plain": {
            0: run_of(
                "plain", {f"rvq-7.{what}": value for what, value in (("stoi", 0.9), ("kbps[nominal]", 3.5))}, "recon"
            )
        },
        "deep": {0: run_of("deep", PLAIN, "recon")},
    }
    found = compare_over_seeds({"recon": runs}, "full")
    assert {(one.run, one.id) for one in found.differences if one.id.endswith("stoi")} == {
        ("deep", "rvq-6.stoi"),
        ("deep", "rvq-7.stoi"),
    }
    assert "recon: plain: at equal bits: no depth has as many" in found.warnings
    assert all(one.method == "paired" for one in found.differences)


def test_other_levels_are_compared_where_that_is_allowed():
    full = run_of(
        "full",
        {"all.own_wer[keep]": 0.2, "phonetic.own_wer[drop]": 0.5},
        "intervene",
        levels={"acoustic": ["acoustic.0"], "phonetic": ["phonetic"]},
    )
    plain = run_of("plain", {"all.own_wer[keep]": 0.3}, "intervene", levels={"acoustic": ["acoustic.0", "acoustic.1"]})
    analyses = {"intervene": {"full": {0: full}, "plain": {0: plain}}}
    refused = compare_over_seeds(analyses, "full")
    assert not refused.differences and "not compared" in refused.warnings[0]
    (one,) = compare_over_seeds(analyses, "full", allow_levels=True).differences
    assert (one.id, one.method) == ("all.own_wer[keep]", "paired")


def test_the_setting_that_differs_is_told_where_it_parts():
    long = [f"acoustic.{n}" for n in range(9)]
    a = run_of("a", {"x.pnmi": 1}, levels={"acoustic": long[:7], "phonetic": ["phonetic"]})
    b = run_of("b", {"x.pnmi": 1}, levels={"acoustic": long, "phonetic": ["phonetic"]})
    with pytest.raises(HacError, match=r"differently \(levels\.acoustic: 'acoustic\.7' and nothing more\)"):
        check_comparable([a, b])


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """The runs as folders."""
    for run in (
        HAC,
        UNITS,
        run_of("worse", {"phonetic.pnmi": 0.1}),
        run_of("undefined", {"phonetic.pnmi": float("nan")}),
    ):
        write_numbers(run.results, tmp_path / run.name)
    return tmp_path


def invoke(folder: Path, *words: str):
    return CliRunner().invoke(app, ["compare", *(str(folder / w) if (folder / w).is_dir() else w for w in words)])


def test_the_command_matches(folders):
    done = invoke(folders, "hac", "km", "--match", "units=phonetic")
    assert done.exit_code == 0 and "km: units" in done.output
    nothing = invoke(folders, "hac", "km")
    assert nothing.exit_code == 2 or isinstance(nothing.exception, HacError)
    assert "--match units=phonetic" in str(nothing.exception)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("hac", "hac", "--fail-on", "phonetic.perplexity:1"), "neither more nor less is worse"),
        (("hac", "worse", "hac", "--fail-on", "acoustic.0.pnmi:0.1"), "worse and the baseline have no such number"),
        (("hac", "km", "--match", "units"), "is not OTHER=OWN"),
    ],
)
def test_limits_that_could_never_be_exceeded_are_refused(folders, words, sentence):
    assert sentence in str(invoke(folders, *words).exception)


@pytest.mark.parametrize(("other", "code"), [("hac", 0), ("worse", 1), ("undefined", 1)])
def test_what_falls_or_cannot_be_told_fails(folders, other, code):
    done = invoke(folders, "hac", other, "--fail-on", "phonetic.pnmi:0.1")
    assert done.exit_code == code, done.output


def test_a_folder_of_runs_names_those_in_it(folders):
    (folders / "hac").rename(folders / "pnmi")
    message = str(CliRunner().invoke(app, ["compare", str(folders), str(folders)]).exception)
    assert "there are some in km, pnmi, undefined, worse, each a run" in message
