"""Sweeps whose cells are tasks: what a worker does with one, and how it is asked to stop."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from analysis.sweeps import cluster as there
from analysis.sweeps.launch import Call
from analysis.sweeps.progress_file import locked
from analysis.sweeps.run import Job, Work
from hac.errors import HacError
from tests.analysis.sweeps.test_run import Recorded, state
from tests.analysis.sweeps.worlds import job_of, make_files, write_sweep
from tests.hac.tiny_hac import one_thread
from tests.waiting import WAIT_S

__all__ = ["one_thread"]  # a fixture that runs by itself


class InThisProcess(Recorded):
    """Stands for the processes that a worker starts."""

    made: list[InThisProcess]

    def __init__(self, *broken: str) -> None:
        super().__init__(*broken)
        self.stopping = threading.Event()
        self.made.append(self)

    def stop(self) -> None:
        self.stopping.set()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_files(tmp_path_factory.mktemp("world"))


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[InThisProcess]:
    """Launchers that workers make; the workers are in this process too."""
    InThisProcess.made = []
    monkeypatch.setattr(there, "Processes", InThisProcess)
    monkeypatch.setattr(there, "POLL_S", 0.05)
    return InThisProcess.made


def work_through(job: Job, stop: there.Stop | None = None) -> tuple[Work, list[str]]:
    said: list[str] = []
    work = Work(lambda call: 1, log_line=said.append)
    there.run_cells_on_cluster(job, job.cells, work, stop or there.Stop(job.folder))
    return work, said


def test_every_cell_is_a_task_and_nothing_finished_is_done_twice(
    world: Path, tmp_path: Path, launched: list[InThisProcess]
) -> None:
    job = job_of(write_sweep(world), tmp_path)
    work, said = work_through(job)
    assert not work.failed
    assert [launcher.done for launcher in launched] == [["train", "encode", "pnmi", "usage"]] * 2
    assert {cell["state"] for cell in state(job).values()} == {"done"}
    assert "full/seed-0: done" in said and "untaught/seed-0: done" in said
    launched.clear()
    assert not work_through(job)[0].failed
    assert [launcher.done for launcher in launched] == [[], []]
    assert not list(tmp_path.glob(".stop-*"))


def test_what_fails_comes_back_with_its_reason(
    world: Path, tmp_path: Path, launched: list[InThisProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(there, "Processes", lambda: InThisProcess("train"))
    job = job_of(write_sweep(world), tmp_path)
    work, said = work_through(job)
    assert sorted(work.failed) == ["full/seed-0", "untaught/seed-0"]
    assert work.failed["full/seed-0"].startswith("train: it broke (log: ")
    assert any("train failed (it broke)" in line for line in said)


def test_what_is_stopped_before_it_began_starts_nothing(
    world: Path, tmp_path: Path, launched: list[InThisProcess]
) -> None:
    job, stop = job_of(write_sweep(world), tmp_path), there.Stop(tmp_path)
    stop.stop()
    work, _ = work_through(job, stop)
    assert not work.failed
    assert [launcher.done for launcher in launched] == [[], []]
    assert not stop.file.exists()


def test_a_stop_reaches_what_is_running(
    world: Path, tmp_path: Path, launched: list[InThisProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, stop = job_of(write_sweep(world), tmp_path), there.Stop(tmp_path)

    def training(self: InThisProcess, call: Call) -> int:
        stop.stop()
        assert self.stopping.wait(WAIT_S)
        self.calls.append(call)
        return -15

    monkeypatch.setattr(InThisProcess, "__call__", training)
    work, _ = work_through(job, stop)
    assert not work.failed
    assert [launcher.done for launcher in launched] == [["train"], []]
    assert state(job)["full/seed-0"]["state"] == "stopped"


def test_a_cell_that_a_lost_worker_left_running_is_waited_for(
    world: Path, tmp_path: Path, launched: list[InThisProcess]
) -> None:
    job = job_of(write_sweep(world, variants=["untaught.yaml"], analyses={"usage": {"nulls": 2}}), tmp_path)
    held, until = threading.Event(), time.monotonic() + 0.5

    def orphan() -> None:
        with locked(job.cells[0].folder):
            held.set()
            time.sleep(max(0.0, until - time.monotonic()))

    thread = threading.Thread(target=orphan)
    thread.start()
    assert held.wait(WAIT_S)
    work, said = work_through(job)
    thread.join()
    assert not work.failed and time.monotonic() >= until
    assert launched[0].done == ["train", "encode", "usage"]
    assert sum("another process works on it" in line for line in said) == 1


@pytest.mark.parametrize(
    ("devices", "at_once", "says"),
    [(("cuda:0",), 0, "of one machine"), (("cpu", "auto"), 0, "of one machine"), (("auto",), 2, "leave at-once out")],
)
def test_what_only_one_machine_can_be_asked_for_is_refused(devices: tuple[str, ...], at_once: int, says: str) -> None:
    there.check_places(("auto",), 0)
    there.check_places(("cpu",), 0)
    with pytest.raises(HacError, match=says):
        there.check_places(devices, at_once)
