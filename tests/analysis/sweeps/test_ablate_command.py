"""`hac-analyze ablate` as a command: plan, exit codes, signals, real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from analysis.results.schema import read_results
from analysis.sweeps.budget import Throughput, find_throughput, plan
from analysis.sweeps.launch import Call, Launch
from analysis.sweeps.run import Job
from hac.data.manifest.formats import read_manifest
from hac.model.config import HacConfig
from hac.train.config import model_config
from hac.train.disk_usage import checkpoint_bytes, checkpoints_kept, target_size
from hac.train.run_folder import checkpoints, chosen_checkpoint, step_of
from tests.analysis.sweeps.worlds import job_of, make_files, run_here, write_sweep
from tests.hac.tiny_hac import one_thread
from tests.waiting import until

__all__ = ["one_thread"]  # a fixture that runs by itself


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_files(tmp_path_factory.mktemp("world"))


def cells(folder: Path) -> dict:
    return json.loads((folder / "sweep.json").read_text())["cells"]


def ablate(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    import reports.cli

    monkeypatch.setattr(sys, "argv", ["hac-analyze", "ablate", *map(str, words)])
    try:
        reports.cli.main()
    except SystemExit as ended:
        return int(str(ended.code or 0))
    return 0


def throughput_of(job: Job, launch: Launch) -> Throughput:
    return find_throughput(job.cells, job.sweep.reference, "cpu", None, (), launch)


# the plan


def test_a_plan_with_a_given_throughput_does_nothing(world, tmp_path, monkeypatch, capsys):
    sweep = write_sweep(world, "planned.yaml", seeds=[0, 1], set={"steps": 7200})
    code = ablate(monkeypatch, sweep, "-o", tmp_path / "out", "--plan", "--throughput", "2", "--at-once", "2")
    out = capsys.readouterr().out
    assert code == 0 and not (tmp_path / "out").exists()
    assert "4 trainings, 2 at once, 28,800 steps" in out and "2 s of audio per second, as given" in out


def test_hours_are_steps_times_audio_over_speed(world, tmp_path):
    job = job_of(write_sweep(world, "planned.yaml", seeds=[0, 1, 2], set={"steps": 7200}), tmp_path)
    found = plan(job.cells, 2, Throughput.given(2.0))
    # 6 of 8 utterances are trained on; the fewest batches of 5 s that they fit in are two
    manifest = read_manifest(world / "train" / "manifest.jsonl")
    assert found.audio_hours == pytest.approx(manifest.hours)
    for row in found.rows:
        assert row.steps == (7200, 7200)
        seconds = row.hours * 3600 * 2.0 / 7200
        assert 1.0 < seconds <= 5.0
    # six trainings of about the same length, two at a time
    assert found.hours == pytest.approx(sum(row.hours for row in found.rows) / 2, rel=0.2)


def test_gigabytes_are_those_of_the_files(world, tmp_path):
    job = job_of(write_sweep(world, set={"steps": 2, "losses": {"adversarial": 1.0}}), tmp_path)
    cell = job.cells[1]
    cell.write_config()
    assert run_here(Call("hac", ("train", str(cell.config_file), "-o", str(cell.run), "--cpu"), tmp_path / "log")) == 0
    folder = checkpoints(cell.run)[-1]
    held = sum((folder / name).stat().st_size for name in ("model.safetensors", "trainer.safetensors"))
    assert checkpoint_bytes(cell.config, model_config(cell.config)) == pytest.approx(held, rel=0.1)
    assert checkpoints_kept(cell.config) >= len(checkpoints(cell.run))
    # the next plan takes its speed from the steps that ran, and only counts what is left
    found = plan(job.cells, 1, throughput_of(job, lambda call: pytest.fail(f"ran {call.words}")))
    assert found.source.endswith("the median of 2 steps of this sweep")
    assert [row.steps for row in found.rows] == [(2, 2), (0, 2)]
    best = chosen_checkpoint(cell.run, "best")
    assert step_of(best) == 2 and chosen_checkpoint(cell.run, "last") == folder


def test_targets_are_counted_once_for_all_who_share_them(world, tmp_path):
    job = job_of(write_sweep(world, seeds=[0, 1]), tmp_path)
    cell = job.cells[0]
    model: HacConfig = model_config(cell.config)
    corpus = read_manifest(world / "train" / "manifest.jsonl")
    size = target_size(cell.config, model, corpus)
    frames = sum(-(-us * 50 // 10**6) for us in corpus.durations_us.values())
    dim = json.loads((world / "teacher" / "config.json").read_text())["hidden_size"]
    assert size.n_bytes == frames * dim * 2
    found = plan(job.cells, 1, Throughput.given(1.0))
    assert found.targets_gigabytes * 1e9 == pytest.approx(size.n_bytes)
    assert target_size(job.cells[1].config, model, corpus) is None


def test_a_short_run_tells_the_speed_where_nobody_does(world, tmp_path):
    job = job_of(write_sweep(world), tmp_path / "out")
    started = time.perf_counter()
    found = plan(job.cells, 1, throughput_of(job, run_here))
    spent = time.perf_counter() - started
    assert "measured now: 6 steps of full/seed-0 alone on cpu" in found.source
    speed = float(found.source.split()[0])
    # six steps of at most 5 s of audio were done within the time that passed
    assert 0 < found.hours * 3600 < 2 * 2 * spent and speed > 6 * 0.5 / spent
    assert not (tmp_path / "out").exists()


# exit codes and signals, with stand-ins for the training


def test_a_failed_training_is_named_and_the_exit_code_is_1(world, tmp_path, monkeypatch, capsys):
    code = ablate(monkeypatch, write_sweep(world, launcher="false"), "-o", tmp_path)
    said = capsys.readouterr()
    assert code == 1
    assert f"failed: full/seed-0: train: exit code 1 (log: {tmp_path}/full/seed-0/train.log)" in said.err
    assert {cell["state"] for cell in cells(tmp_path).values()} == {"failed"}
    assert read_results(tmp_path).status == "partial"
    assert ablate(monkeypatch, write_sweep(world, launcher="false"), "-o", tmp_path, "--index", "1") == 1
    assert "0 of 1 done" in capsys.readouterr().out
    assert ablate(monkeypatch, write_sweep(world), "-o", tmp_path, "--status") == 0
    assert "failed" in capsys.readouterr().out
    assert ablate(monkeypatch, write_sweep(world), "-o", tmp_path, "--compare-only") == 1
    assert "failed: full/seed-0: train: exit code 1" in capsys.readouterr().err


def test_nothing_to_compare_is_an_error(world, tmp_path, monkeypatch, capsys):
    assert ablate(monkeypatch, write_sweep(world), "-o", tmp_path, "--compare-only") == 2
    said = capsys.readouterr()
    assert "not in the comparison: full/seed-0: waiting" in said.err and "nothing to compare" in said.err


def test_warnings_come_before_the_work(world, tmp_path, monkeypatch, capsys):
    evaluation = {"manifest": "train/manifest.jsonl"}
    words = ("-o", tmp_path / "out", "--plan", "--throughput", "2")
    assert ablate(monkeypatch, write_sweep(world, evaluation=evaluation), *words) == 0
    assert "warning: " in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_everything_in_order(world, tmp_path, monkeypatch, capsys, number):
    """The training is asked to save, nothing further is begun, and the exit code is the signal's."""
    stub = tmp_path / "stub.py"
    stub.write_text(
        "import signal, sys, time\n"
        "def save(*_):\n"
        "    print('saved'); sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        f"open({str(tmp_path / 'ready')!r}, 'w').close()\n"
        "time.sleep(3600)\n"
    )

    def send() -> None:
        until((tmp_path / "ready").exists)
        os.kill(os.getpid(), number)

    threading.Thread(target=send, daemon=True).start()
    out = tmp_path / "out"
    code = ablate(monkeypatch, write_sweep(world, launcher=f"{sys.executable} {stub}"), "-o", out)
    assert code == 128 + number
    assert "the same command goes on from there" in capsys.readouterr().err
    assert (out / "full" / "seed-0" / "train.log").read_text() == "saved\n"
    assert {name: cell["state"] for name, cell in cells(out).items()} == {
        "full/seed-0": "stopped",
        "untaught/seed-0": "waiting",
    }


# real processes


JUDGES = {"asr": "none", "speaker": "none", "mos": "none"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_all_analyses_over_rows_with_other_levels(world, tmp_path):
    """Two models of as many codebooks, one of which has no levels: sound meets at equal bits, levels that both have."""
    few = {"nulls": 2}
    analyses = {
        "pnmi": few,
        "words": {**few, "min-count": 1},
        "boundaries": few,
        "leakage": {"nulls": 2, "factors": ["phone"]},
        "recon": {**JUDGES, "metrics": "stoi,mel_distance"},
        "intervene": {**JUDGES, "limit": 3},
        "usage": few,
    }
    plain = {"model": {"phonetic": False, "lexical": False, "acoustic_codebooks": 5}, "teachers": {"speech": None}}
    sweep = write_sweep(
        world,
        "all.yaml",
        variants=["full.yaml", {"name": "plain", "config": "full.yaml", "set": plain}],
        analyses=analyses,
        set={"model": {f"{level}_codebook_size": 16 for level in ("acoustic", "phonetic", "lexical")}},
        allow=["codebooks"],
    )
    words = [sys.executable, "-m", "reports", "ablate", str(sweep), "-o", str(tmp_path)]
    done = subprocess.run(
        words, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=1100
    )
    assert done.returncode == 0, done.stderr
    results = read_results(tmp_path)
    assert set(results.protocols) == set(analyses)
    compared = {record.id for record in results.metrics}
    assert {"acoustic.0.difference[pnmi]", "all.difference[mel_change[drop]]"} & compared
    said = " ".join(results.warnings)
    assert "recon: plain: at equal bits: rvq-" in said and "not compared" not in said, said


@pytest.mark.slow
def test_a_sweep_of_real_processes_is_stopped_and_goes_on(world, tmp_path):
    """Two trainings at once; SIGTERM while they train; the same command goes on and compares."""
    rarely = {"validation": {"every": 1000}, "checkpoint": {"every": 1000}}
    sweep = write_sweep(world, "real.yaml", at_once=2, set={"steps": 60, **rarely})
    words = [sys.executable, "-m", "reports", "ablate", str(sweep), "-o", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    first = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    logs = [tmp_path / name / "seed-0" / "run" / "metrics.jsonl" for name in ("full", "untaught")]
    begun = [lambda log=log: log.is_file() and log.read_text().count("\n") > 3 for log in logs]
    until(lambda: first.poll() is not None or all(has_begun() for has_begun in begun))
    assert first.poll() is None
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=600)
    assert first.returncode == 143
    assert {cell["state"] for cell in cells(tmp_path).values()} == {"stopped"}
    saved = {name: step_of(checkpoints(tmp_path / name / "seed-0" / "run")[-1]) for name in ("full", "untaught")}
    assert all(0 < step < 60 for step in saved.values())
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=1200)
    assert done.returncode == 0, done.stderr
    assert (
        f"going on from {tmp_path}/full/seed-0/run/checkpoints/step-{saved['full']:08d}"
        in (tmp_path / "full" / "seed-0" / "train.log").read_text()
    )
    assert read_results(tmp_path).get("phonetic.difference[pnmi]", "variant=untaught").n > 0
    again = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=600)
    assert again.returncode == 0
