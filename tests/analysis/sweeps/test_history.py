"""The checkpoints of one run: measured once each, drawn as curves; what fell and what collapsed is flagged."""

from __future__ import annotations

import math
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file, save_file

from analysis.results.schema import Record, read_results
from analysis.statistics.jackknife import METHOD, LeftOut, without_each
from analysis.sweeps.analysis_options import check_analyses
from analysis.sweeps.checkpoint_suite import Evaluation
from analysis.sweeps.history import CheckpointSeries, Point, flags_of, measure
from analysis.sweeps.history_results import group_of
from analysis.sweeps.launch import Call
from hac.files.yaml_config import merged
from hac.train.run_folder import checkpoints
from tests.analysis.sweeps.worlds import COMMANDS, run_here
from tests.corpora import make_corpus
from tests.hac.tiny_hac import one_thread
from tests.hac.train.tiny_run import TRAIN, tiny_corpus

__all__ = ["one_thread"]  # a fixture that runs by itself

N = 12
HARD = np.random.default_rng(1).normal(size=N)


# what is flagged


def pnmi_of(level: float, noise: float, rng: np.random.Generator) -> Record:
    """PNMI of a corpus whose speakers differ a lot, and alike at every checkpoint."""
    scores = level + 0.1 * HARD + noise * rng.normal(size=N)
    return Record(
        id="phonetic.pnmi",
        stream="phonetic",
        estimate=float(scores.mean()),
        value=float(scores.mean()),
        n=1,
        protocol="p",
        left_out=LeftOut(without_each(scores) / (N - 1)),
        ci_method=METHOD,
    )


def perplexity_of(value: float, scatter: float = 0.01, id: str = "lexical.perplexity") -> Record:
    left_out = value * (1 + scatter * HARD / (N - 1))
    return Record(
        id=id,
        stream="lexical",
        estimate=value,
        value=value,
        n=1,
        protocol="p",
        left_out=LeftOut(left_out),
        ci_method=METHOD,
    )


def points(records: list[Record]) -> list[Point]:
    return [Point(100 * (i + 1), "pnmi", record) for i, record in enumerate(records)]


def test_a_drop_is_told_from_the_best_checkpoint_before():
    rng = np.random.default_rng(2)
    flags = flags_of(points([pnmi_of(level, 0.02, rng) for level in (0.2, 0.4, 0.39, 0.25, 0.3)]))
    assert [(flag.step, flag.before, flag.kind) for flag in flags] == [(400, 200, "drop"), (500, 200, "drop")]
    assert flags[0].difference.method == "paired" and flags[0].difference.difference == pytest.approx(-0.15, abs=0.02)
    assert flags[0].sentence.startswith("drop at step 400: phonetic.pnmi is 0.2")


def test_a_slow_decline_is_found_though_no_step_of_it_is():
    rng = np.random.default_rng(3)
    levels = [0.4 - 0.012 * i for i in range(6)]
    flags = flags_of(points([pnmi_of(level, 0.02, rng) for level in levels]))
    assert flags and flags[-1].before == 100 and 200 not in {flag.step for flag in flags}


def test_a_rising_number_that_should_fall_is_a_drop_in_quality():
    rng = np.random.default_rng(4)
    records = [pnmi_of(level, 0.01, rng).model_copy(update={"id": "all.mel_distance"}) for level in (0.8, 0.4, 0.6)]
    assert [flag.step for flag in flags_of(points(records))] == [300]


def test_noise_is_seldom_a_drop():
    """Ten checkpoints of the same quality, 100 runs: at most 5 % of the runs may have a flag."""
    rng = np.random.default_rng(5)
    false = sum(bool(flags_of(points([pnmi_of(0.3, 0.02, rng) for _ in range(10)]))) for _ in range(100))
    # 5 expected at most, more than 13 in 1 of 2,000 suites
    assert false <= 13


def test_collapse_is_a_fall_to_half_or_hardly_one_code():
    flags = flags_of(points([perplexity_of(value) for value in (40.0, 60.0, 45.0, 29.0, 1.2)]))
    assert [(flag.step, flag.kind) for flag in flags] == [(400, "collapse"), (500, "collapse")]
    assert flags[0].sentence == "collapse at step 400: lexical.perplexity is 29, it was 60 at step 200"
    assert "below 2, hardly more than one code" in flags[1].sentence
    assert not flags_of(points([perplexity_of(value) for value in (40.0, 60.0, 31.0)]))
    assert flags_of(points([perplexity_of(value) for value in (40.0, 60.0, 31.0)]), collapse_share=0.6)


def test_a_stream_that_never_lived_is_a_collapse_and_used_codes_may_fall_too():
    assert [flag.before for flag in flags_of(points([perplexity_of(1.0)]))] == [None]
    used = [perplexity_of(value, id="lexical.used_codes") for value in (8.0, 3.0, 1.0)]
    assert [flag.step for flag in flags_of(points(used))] == [200, 300]


def test_a_fall_within_noise_is_no_collapse():
    """One speaker alone holds most codes: without that one there is no fall."""
    wild = perplexity_of(28.0)
    left_out = np.full(N, 28.0)
    left_out[0] = 70.0
    wild = wild.model_copy(update={"left_out": LeftOut(left_out)})
    assert not flags_of(points([perplexity_of(60.0), wild]))
    # without any interval the fall itself must do
    bare = wild.model_copy(update={"left_out": None, "ci_method": "none"})
    assert len(flags_of(points([perplexity_of(60.0), bare]))) == 1


def test_what_is_undefined_is_not_flagged():
    rng = np.random.default_rng(6)
    lost = pnmi_of(0.3, 0.01, rng).model_copy(update={"value": math.nan})
    assert not flags_of(points([lost, pnmi_of(0.3, 0.01, rng), lost]))


# from end to end


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A trained run of three checkpoints, all kept, and speech to measure it on."""
    folder = tmp_path_factory.mktemp("world")
    tiny_corpus(folder / "train")
    make_corpus(folder / "dev", n=4)
    changes = {
        "data": {"train": str(folder / "train" / "manifest.jsonl")},
        "losses": {"adversarial": 0, "feature_matching": 0},
        "checkpoint": {"every": 1, "keep": "all"},
        "validation": {"every": 100},
        "steps": 3,
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(merged(TRAIN, changes)))
    call = Call("hac", ("train", str(folder / "run.yaml"), "-o", str(folder / "run"), "--cpu"), folder / "train.log")
    assert run_here(call) == 0, call.log.read_text()
    assert [path.name for path in checkpoints(folder / "run")] == [f"step-0000000{i}" for i in (1, 2, 3)]
    return folder


def following(world: Path, output: Path, **options) -> CheckpointSeries:
    analyses = {name: {"nulls": 2} for name in ("usage",)}
    checked = check_analyses({**analyses, **options}, COMMANDS, "history", Path())
    evaluation = Evaluation.read(world / "dev" / "manifest.jsonl", None, checked)
    return CheckpointSeries(world / "run", output, evaluation, checked, jobs=1)


class Counting:
    """Runs calls in this process and counts them; those whose words hold `broken` fail."""

    def __init__(self, broken: str = "\0") -> None:
        self.done: list[str] = []
        self.broken = broken

    def __call__(self, call: Call) -> int:
        self.done.append(call.words[0])
        if self.broken in " ".join(call.words):
            call.log.parent.mkdir(parents=True, exist_ok=True)
            call.log.write_text("error: it broke\n")
            return 2
        return run_here(call)


def quiet(_: str) -> None:
    return


def test_checkpoints_that_are_done_are_not_done_again(world, tmp_path):
    job, launch = following(world, tmp_path / "out"), Counting()
    measured = measure(job, launch, quiet)
    assert launch.done == ["encode", "usage"] * 3 and sorted(measured.runs) == [1, 2, 3]
    assert measure(job, again := Counting(), quiet).points() == measured.points() and again.done == []
    # other options are another measurement
    other = following(world, tmp_path / "out", usage={"nulls": 3})
    assert sorted(measure(other, again := Counting(), quiet).runs) == [1, 2, 3] and again.done == ["usage"] * 3


def test_a_checkpoint_that_is_gone_since_stays_and_new_ones_are_added(world, tmp_path):
    moved = tmp_path / "world"
    shutil.copytree(world, moved)
    late = moved / "run" / "checkpoints" / "step-00000003"
    late.rename(tmp_path / "later")
    job = following(moved, tmp_path / "out")
    assert sorted(measure(job, Counting(), quiet).runs) == [1, 2]
    shutil.rmtree(moved / "run" / "checkpoints" / "step-00000001")
    (tmp_path / "later").rename(late)
    measured = measure(job, launch := Counting(), quiet)
    assert sorted(measured.runs) == [1, 2, 3] and launch.done == ["encode", "usage"]


def test_a_checkpoint_that_fails_stops_none_of_the_others(world, tmp_path):
    job = following(world, tmp_path / "out")
    measured = measure(job, Counting("step-00000002"), quiet)
    assert measured.failed == {"step-00000002": "tokens: it broke"}
    assert {step for step, runs in measured.runs.items() if runs} == {1, 3}
    assert not measure(job, Counting(), quiet).failed


def history(monkeypatch, *words: object) -> int:
    import reports.cli

    monkeypatch.setattr(sys, "argv", ["hac-analyze", "history", *map(str, words)])
    try:
        reports.cli.main()
    except SystemExit as ended:
        return int(str(ended.code or 0))
    return 0


def silence(checkpoint: Path) -> None:
    """Make a model say one phonetic code for everything: what a collapse is."""
    weights = load_file(checkpoint / "model.safetensors")
    for name in ("weight", "bias"):
        key = next(key for key in weights if key.startswith("bottleneck.phonetic.") and key.endswith(f"in_proj.{name}"))
        weights[key] = np.full_like(weights[key], 0.0 if name == "weight" else 1.0)
    save_file(weights, checkpoint / "model.safetensors", metadata={"format": "pt"})


def test_the_command_draws_curves_and_fails_on_collapse(world, tmp_path, monkeypatch, capsys):
    run, out = tmp_path / "run", tmp_path / "out"
    shutil.copytree(world / "run", run)
    silence(run / "checkpoints" / "step-00000003")
    speech = ("--manifest", world / "dev" / "manifest.jsonl", "-o", out, "--jobs", "1")
    assert history(monkeypatch, run, *speech, "--nulls", "2", "--streams", "phonetic,lexical") == 0
    said = capsys.readouterr().out
    results = read_results(out)
    assert results.command == "history" and results.system == "run" and results.status == "complete"
    for step in (1, 2, 3):
        here = read_results(out / f"step-{step:08d}" / "pnmi").get("phonetic.pnmi")
        record = results.get("phonetic.pnmi", group_of(step))
        for name in ("estimate", "value", "ci_low", "ci_high", "null_mean", "n_nulls"):
            # as text, where NaN is equal to itself: a collapsed stream has no interval
            assert str(getattr(record, name)) == str(getattr(here, name)), name
        assert record.protocol == "pnmi.silence-kept"
    perplexities = [results.get("phonetic.perplexity", group_of(step)).value for step in (1, 2, 3)]
    assert perplexities[0] > 2 and perplexities[2] == 1
    found = [
        warning for warning in results.warnings if warning.startswith("collapse at step 3: phonetic.perplexity is 1")
    ]
    assert found and "hardly more than one code" in found[0]
    assert "collapse at step 3" in " ".join(said.split())
    assert (out / "figures" / "history.png").stat().st_size > 10_000
    rows = (out / "history.csv").read_text().splitlines()
    assert rows[0].startswith("step,analysis,id,estimate,ci_low,ci_high,is_corrected,value")
    assert [row.split(",")[0] for row in rows if row.endswith(",collapse") and "phonetic.perplexity" in row] == ["3"]
    # all is done: the same command only says it again, now with an exit code
    assert history(monkeypatch, run, *speech, "--nulls=2", "--streams=phonetic,lexical", "--fail-on-collapse") == 1
    assert "done; 3 of 3" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "needs --manifest"),
        (["--manifest", "none.jsonl"], "none.jsonl"),
        (["--manifest", "MANIFEST"], "holds no finished checkpoint"),
    ],
)
def test_bad_input_is_one_sentence(world, tmp_path, monkeypatch, capsys, words, says):
    given = [str(world / "dev" / "manifest.jsonl") if word == "MANIFEST" else word for word in words]
    assert history(monkeypatch, tmp_path / "none", *given, "-o", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1 and says in said
    assert not (tmp_path / "out").exists()
