"""Sweeps from end to end: trained, analysed, compared; resumed, failing in parts, keyed by what goes in."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from analysis.comparison.runs import read_run
from analysis.comparison.seeds import compare_over_seeds
from analysis.results.schema import read_results
from analysis.sweeps.analysis_options import check_analyses, options_of
from analysis.sweeps.launch import Call
from analysis.sweeps.results import ONE_SEED, comparison_results
from analysis.sweeps.run import NAME, Job, Work, finished_runs, run_cells, state_rows, unfinished
from analysis.sweeps.trainings import chosen
from hac.errors import HacError
from reports.comparison.sweep_tables import ablation_table
from reports.comparison.tables import comparison_csv
from reports.render.result_files import write_run
from tests.analysis.sweeps.worlds import COMMANDS, STEPS, job_of, make_files, run_here, write_sweep
from tests.hac.tiny_hac import one_thread

__all__ = ["one_thread"]  # a fixture that runs by itself


class Recorded:
    """Runs calls in this process and remembers them; calls whose words hold one of `broken` fail."""

    def __init__(self, *broken: str) -> None:
        self.calls: list[Call] = []
        self.broken = broken

    def __call__(self, call: Call) -> int:
        self.calls.append(call)
        if any(part in " ".join(call.words) for part in self.broken):
            call.log.parent.mkdir(parents=True, exist_ok=True)
            call.log.write_text("on the way\nerror: it broke\n")
            return 2
        return run_here(call)

    @property
    def done(self) -> list[str]:
        return [call.words[0] for call in self.calls]


def work_through(job: Job, *broken: str) -> tuple[Recorded, Work]:
    launch = Recorded(*broken)
    work = Work(launch, log_line=lambda _: None)
    run_cells(job, job.cells, work)
    return launch, work


def state(job: Job) -> dict:
    return json.loads((job.folder / NAME).read_text())["cells"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_files(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def finished(world, tmp_path_factory):
    """A sweep of two variants from two seeds, worked through; its job, its calls, its comparison."""
    torch.set_num_threads(1)
    job = job_of(write_sweep(world, seeds=[0, 1]), tmp_path_factory.mktemp("sweep"))
    launch, work = work_through(job)
    assert not work.failed, work.failed
    compared = compare_over_seeds(finished_runs(job.cells, job.sweep.analyses, job.progress()), "full")
    written = {"differences.csv": comparison_csv(compared.differences)}
    write_run(comparison_results(job, compared, {}), written, job.folder)
    return job, launch, compared


def test_every_cell_is_trained_and_analysed_in_its_own_folder(finished):
    job, launch, _ = finished
    assert [cell.name for cell in job.cells] == ["full/seed-0", "untaught/seed-0", "full/seed-1", "untaught/seed-1"]
    assert launch.done == ["train", "encode", "pnmi", "usage"] * 4
    for cell in job.cells:
        assert (cell.run / "checkpoints" / f"step-{STEPS:08d}").is_dir()
        assert read_results(cell.folder / "pnmi").system == cell.name
        assert {step["state"] for step in state(job)[cell.name]["steps"].values()} == {"done"}
    taught = {cell.name: json.loads((cell.run / "run.json").read_text())["config"] for cell in job.cells}
    assert taught["full/seed-1"]["teachers"]["speech"] and taught["full/seed-1"]["seed"] == 1
    assert taught["untaught/seed-0"]["teachers"]["speech"] is None


def test_the_comparison_is_that_of_the_runs(finished):
    job, _, compared = finished
    one = next(one for one in compared.differences if one.id == "phonetic.pnmi" and one.analysis == "pnmi")
    values = {cell.name: read_run(cell.folder / "pnmi").results.get("phonetic.pnmi").estimate for cell in job.cells}
    mean = sum(values[f"untaught/seed-{s}"] - values[f"full/seed-{s}"] for s in (0, 1)) / 2
    assert one.difference == pytest.approx(mean) and one.run == "untaught" and one.n_seeds == 2
    assert one.method == "paired" and one.low < one.difference < one.high
    assert {one.analysis for one in compared.differences} == {"pnmi", "usage"}
    results = read_results(job.folder)
    record = results.get("phonetic.difference[pnmi]", "variant=untaught")
    assert record.value == pytest.approx(mean) and record.null_mean == 0 and record.null_sd == pytest.approx(one.error)
    assert record.protocol == "pnmi" and "Holm over" in record.note
    single = results.get("phonetic.difference[pnmi]", "variant=untaught,seed=1")
    assert single.value == pytest.approx(values["untaught/seed-1"] - values["full/seed-1"])
    assert "id,group,run,of" in (job.folder / "differences.csv").read_text()


def test_the_table_says_what_is_within_noise(finished, capsys):
    from rich.console import Console

    job, _, compared = finished
    results = comparison_results(job, compared, {})
    Console(width=200).print(ablation_table("full", ["untaught"], compared.differences, results.warnings))
    out = capsys.readouterr().out
    assert "within noise" in out and "untaught" in out
    assert ONE_SEED not in out


def test_nothing_finished_is_done_twice(finished):
    job, _, _ = finished
    launch, work = work_through(job)
    assert launch.done == [] and not work.failed


def test_other_options_and_other_content_under_the_same_name_are_analysed_anew(tmp_path):
    here = make_files(tmp_path / "here")
    job = job_of(write_sweep(here, variants=["untaught.yaml"], analyses={"usage": {"nulls": 2}}), tmp_path / "out")
    assert work_through(job)[0].done == ["train", "encode", "usage"]
    other = job_of(
        write_sweep(here, "other.yaml", variants=["untaught.yaml"], analyses={"usage": {"nulls": 3}}), tmp_path / "out"
    )
    assert work_through(other)[0].done == ["usage"]
    # back to the first options, whose results were overwritten
    assert work_through(job)[0].done == ["usage"] and work_through(job)[0].done == []
    manifest = here / "dev" / "manifest.jsonl"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(lines[:-1]))
    again = job_of(here / "sweep.yaml", tmp_path / "out")
    assert work_through(again)[0].done == ["encode", "usage"]
    # what was trained on is another matter: the run is not continued on other speech
    manifest = here / "train" / "manifest.jsonl"
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:-1]))
    launch, work = work_through(job_of(here / "sweep.yaml", tmp_path / "out"))
    assert launch.done == [] and "has changed since it began" in work.failed["untaught/seed-0"]


def test_what_fails_stops_none_of_the_others_and_is_tried_again(world, tmp_path):
    job = job_of(write_sweep(world), tmp_path)
    launch, work = work_through(job, "train " + str(tmp_path / "full"), "pnmi")
    assert launch.done == ["train", "train", "encode", "pnmi", "usage"]
    assert work.failed["full/seed-0"] == f"train: it broke (log: {tmp_path}/full/seed-0/train.log)"
    assert work.failed["untaught/seed-0"].startswith("pnmi: it broke (log: ")
    assert state(job)["untaught/seed-0"]["steps"]["usage"]["state"] == "done"
    compared = compare_over_seeds(finished_runs(job.cells, job.sweep.analyses, job.progress()), "full")
    assert unfinished(job.cells, job.progress()) == work.failed
    results = comparison_results(job, compared, work.failed)
    assert results.status == "partial" and results.failures == {"not-finished": 2}
    assert any("no finished seed in common" in warning for warning in results.warnings)
    assert ONE_SEED in results.warnings
    launch, work = work_through(job)
    assert launch.done == ["train", "encode", "pnmi", "usage", "pnmi"] and not work.failed


def test_only_some_cells(world, tmp_path):
    job = job_of(write_sweep(world, seeds=[3, 5]), tmp_path)
    assert [cell.name for cell in chosen(job.cells, ["untaught/seed-5", "full/seed-3"], None)] == [
        "full/seed-3",
        "untaught/seed-5",
    ]
    assert [cell.name for cell in chosen(job.cells, [], 2)] == ["full/seed-5"]
    with pytest.raises(HacError, match="did you mean 'full/seed-3'"):
        chosen(job.cells, ["full/seed3"], None)
    with pytest.raises(HacError, match="has 4 trainings, 0 to 3"):
        chosen(job.cells, [], 4)


def test_a_cell_that_another_process_holds_is_left_to_it(world, tmp_path):
    from analysis.sweeps.progress_file import locked

    job = job_of(write_sweep(world, variants=["full.yaml"]), tmp_path)
    with locked(job.cells[0].folder):
        launch, work = work_through(job)
    assert launch.done == [] and "another process works on it" in work.failed["full/seed-0"]


def test_the_state_can_be_read_on_the_way(finished):
    job, _, _ = finished
    row = state_rows(job.cells, job.sweep.analyses, job.progress())[0]
    assert row["cell"] == "full/seed-0" and row["state"] == "done" and row["saved_step"] == row["steps"] == STEPS
    assert row["analyses"] == ["pnmi", "usage"]


def test_other_codebooks_are_compared_where_that_is_allowed(world, tmp_path):
    (world / "plain.yaml").write_text("base: untaught.yaml\nmodel: {phonetic: false, lexical_input: parallel}\n")
    sweep = write_sweep(world, "bits.yaml", variants=["full.yaml", "plain.yaml"], allow=["codebooks"])
    job = job_of(sweep, tmp_path)
    assert job.warnings == ("plain has 4 codebooks and full 5: they do not have the same bits",)


def test_data_that_differ_are_named_where_that_is_allowed(world, tmp_path):
    short = {"name": "short", "config": "full.yaml", "set": {"data": {"max_s": 1.0}, "steps": 4}}
    job = job_of(write_sweep(world, "data.yaml", variants=["full.yaml", short], allow=["data"]), tmp_path)
    assert job.warnings == (
        "short and full train on different data (data.max_s is 1.0 and 2.0)",
        "short and full have other budgets (steps 4 and 2)",
    )


def test_speech_that_is_trained_on_and_analysed_is_warned_of(world, tmp_path):
    evaluation = {"manifest": "train/manifest.jsonl"}
    job = job_of(write_sweep(world, "shared.yaml", evaluation=evaluation), tmp_path)
    assert job.warnings[0].startswith("8 of the 8 recordings of ")


@pytest.mark.parametrize("analysis", ["pnmi", "words", "boundaries", "leakage", "recon", "intervene", "usage"])
def test_options_of_a_sweep_are_those_of_the_commands(analysis):
    """Every option that the sweep knows is one that the command takes."""
    from typer.testing import CliRunner

    from reports.cli import app

    shown = CliRunner().invoke(app, [analysis, "--help"], env={"COLUMNS": "400"}).output
    known = options_of(COMMANDS[analysis])
    assert known and all(f"--{name}" in shown for name in known)
    assert all(f"{one.denial}" in shown for one in known.values() if one.is_flag and one.denial)


def test_options_become_words():
    given = {"leakage": {"probes": True, "probe_given": False, "factors": ["phone", "speaker"], "strict": False}}
    given |= {"words": {"translations": "t.csv"}, "intervene": {"levels": ["a=x", "b=y"]}}
    checked = check_analyses(given, COMMANDS, "sweep", Path("/here"))
    assert checked["leakage"].words == ("--probes", "--no-probe-given", "--factors=phone,speaker")
    assert checked["words"].options == {"translations": "/here/t.csv"}
    assert checked["intervene"].words == ("--levels=a=x", "--levels=b=y")


def test_a_difference_without_interval_is_none_and_says_so(finished):
    _, _, compared = finished
    unknown = [one for one in compared.differences if one.method == "none"]
    assert unknown and all(math.isnan(one.p) and one.verdict == "unknown" and one.note for one in unknown)
