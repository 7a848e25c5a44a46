"""Work on a Dask cluster whose workers die and join: the same results, and one sentence where it cannot be done."""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis import parallel
from hac.errors import HacError
from hac.files.yaml_config import read_yaml
from hac.parallel import dask_tasks, job_queue
from hac.parallel.dask_cluster import on_cluster
from hac.parallel.pool import on_cluster as is_on_cluster
from hac.parallel.pool import parallel_map
from tests.analysis.interventions.test_run import QUICK
from tests.analysis.interventions.worlds import judges, village
from tests.hac.dask_world import ROOT, World, dask_world, deadly, noted, threads_of_blas
from tests.waiting import until

__all__ = ["dask_world"]


def began(folder: Path) -> list[tuple[int, int]]:
    return [(int(value), int(pid)) for value, pid in (path.name.split("-") for path in folder.iterdir())]


@pytest.mark.slow
def test_a_killed_worker_and_a_late_one(dask_world: World, tmp_path: Path) -> None:
    first = [dask_world.worker() for _ in range(3)]
    notes = tmp_path / "notes"
    notes.mkdir()
    late = []
    # work is left for the late one until it has begun, however slow the machine is
    gate = tmp_path / "late-has-begun"

    def trouble() -> None:
        until(lambda: any(pid == first[0].pid for _, pid in began(notes)))
        first[0].kill()
        late.append(dask_world.worker())
        until(lambda: any(pid == late[0].pid for _, pid in began(notes)))
        gate.touch()

    happening = threading.Thread(target=trouble)
    happening.start()
    with on_cluster(dask_world.address, tmp_path / "out"):
        assert is_on_cluster()
        tasks = [(notes, i, 0.1, gate if i >= 20 else None) for i in range(60)]
        results = list(parallel_map(noted, tasks, jobs=1, ordered=True))
    happening.join()
    assert not is_on_cluster()
    assert [value for value, _ in results] == [i * i for i in range(60)]
    done_by = {pid for _, pid in results}
    assert os.getpid() not in done_by
    assert late[0].pid in done_by
    tries = began(notes)
    assert any(pid == first[0].pid for _, pid in tries)
    # what was done is not done twice: only what the killed worker held was begun again
    assert len(tries) - 60 <= sum(pid == first[0].pid for _, pid in tries)
    assert not list(tmp_path.glob(".hac-cluster-*"))


def test_large_arguments_and_threads(dask_world: World, tmp_path: Path) -> None:
    dask_world.worker()
    large = np.random.default_rng(0).normal(size=400_000)
    with on_cluster(str(dask_world.file), tmp_path / "out"):
        sums = parallel.run(np.sum, [(large,), (large,), (large[::2],)], jobs=2, what="sums")
        assert len(list(tmp_path.glob(".hac-cluster-*/*.argument"))) == 2
        assert all(n == 1 for counts in parallel.run(threads_of_blas, [(0,)], jobs=1, what="threads") for n in counts)
    assert sums == parallel.run(np.sum, [(large,), (large,), (large[::2],)], jobs=1, what="sums")


def test_an_error_of_a_task_stops_the_work(dask_world: World, tmp_path: Path) -> None:
    dask_world.worker()
    with on_cluster(dask_world.address, tmp_path / "out"), pytest.raises(HacError, match="no such folder"):
        list(parallel_map(_refuse, [(i,) for i in range(5)], jobs=1))
    with on_cluster(dask_world.address, tmp_path / "out"):
        assert list(parallel_map(abs, [(-1,)], jobs=1)) == [1]


def _refuse(value: int) -> None:
    raise HacError("no such folder")


@pytest.mark.slow
def test_a_task_that_ends_every_worker(dask_world: World, tmp_path: Path) -> None:
    for _ in range(6):
        dask_world.worker()
    with on_cluster(dask_world.address, tmp_path / "out"), pytest.raises(HacError, match="memory"):
        list(parallel_map(deadly, [(tmp_path, i) for i in range(6)], jobs=1))


def test_a_lost_scheduler(dask_world: World, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    dask_world.worker()
    notes = tmp_path / "notes"
    notes.mkdir()

    def trouble() -> None:
        until(lambda: len(began(notes)) > 1)
        dask_world.scheduler.kill()

    happening = threading.Thread(target=trouble)
    happening.start()
    with on_cluster(dask_world.address, tmp_path / "out"), pytest.raises(HacError, match="cluster is gone"):
        list(parallel_map(noted, [(notes, i, 0.3) for i in range(100)], jobs=1))
    happening.join()
    assert capfd.readouterr().err == ""


def test_a_worker_of_other_versions_is_refused(
    dask_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dask_world.worker()
    monkeypatch.setattr(dask_tasks, "_versions", lambda: (("numpy", "1.2.3"),))
    with on_cluster(dask_world.address, tmp_path / "out"), pytest.raises(HacError, match=r"numpy is .*1\.2\.3"):
        list(parallel_map(abs, [(-1,)], jobs=1))


def test_a_worker_with_several_threads_is_refused(dask_world: World, tmp_path: Path) -> None:
    dask_world.worker("--nthreads", "2")
    with pytest.raises(HacError, match="2 threads"), on_cluster(dask_world.address, tmp_path / "out"):
        pass


def test_a_worker_that_does_not_see_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_tasks, "SEEN_S", 0.1)
    environment = dask_tasks.environment_of(tmp_path / "nowhere")
    with pytest.raises(HacError, match="does not see"):
        dask_tasks.run_packed(environment, b"", (), False)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("tcp://127.0.0.1:1", None, "no Dask scheduler answers"),
        ("nonsense://x", None, "no Dask scheduler answers"),
        ("none.json", None, "no scheduler file"),
        ("bad.json", "[]", "no scheduler file"),
        ("none.yaml", None, "no such"),
        ("a.yaml", "jobs: 1", "expected one of slurm"),
        ("a.yaml", "jobqueue: {slurm: {cores: 8, processes: 2, memory: 1GB}}\njobs: 1", "same number"),
        ("a.yaml", "jobqueue: {slurm: {cores: 1, processes: 1, memory: 1GB}}", "either jobs"),
        ("a.yaml", "jobqueue: {slurm: {cores: 1, processes: 1, memory: 1GB}}\njobs: 0", "1 or more"),
        ("a.yaml", "jobqueue: {slurm: {cores: 1, processes: 1, memory: 1GB}}\nadapt: {maximum: 2}", "minimum"),
        ("a.yaml", "jobqueue: {slurm: {cores: 1, processes: 1, memory: 1GB, nonsense: 1}}\njobs: 1", "nonsense"),
        ("a.yaml", "jobqueue: {slurm: {cores: 1, processes: 1, memory: 1GB}}\njobs: 1\nworkers: 3", "unknown key"),
    ],
)
def test_clusters_that_are_none(
    name: str, text: str | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hac.parallel.dask_cluster.CONNECT_S", 1)
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path(name).write_text(text)
    with pytest.raises(HacError, match=says), on_cluster(name, tmp_path / "out"):
        pass


def test_a_cluster_without_workers(dask_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hac.parallel.dask_cluster.WORKERS_S", 0.5)
    with pytest.raises(HacError, match="no worker came"), on_cluster(dask_world.address, tmp_path / "out"):
        pass


@pytest.mark.slow
def test_workers_that_slurm_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against stand-ins for sbatch and scancel, which run the job scripts here."""
    programs, notes, jobs = (tmp_path / name for name in ("bin", "notes", "jobs"))
    for folder in (programs, notes, jobs):
        folder.mkdir()
    stand_ins = {
        "sbatch": f"""cp "$1" {jobs}/script-$$
            PYTHONPATH={ROOT} setsid sh {jobs}/script-$$ >{jobs}/log-$$ 2>&1 </dev/null &
            echo Submitted batch job $!""",
        "scancel": f"""echo "$1" >>{jobs}/cancelled; kill -9 -- "-$1" """,
    }
    for name, text in stand_ins.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    Path("slurm.yaml").write_text(
        "jobqueue: {slurm: {cores: 1, processes: 1, memory: 1GB, queue: cpu, interface: lo, walltime: '00:10:00'}}\n"
        "jobs: 2\nwait_s: 90\n"
    )
    with on_cluster("slurm.yaml", tmp_path / "out"):
        results = list(parallel_map(noted, [(notes, i, 0.2) for i in range(30)], jobs=1, ordered=True))
    assert [value for value, _ in results] == [i * i for i in range(30)]
    assert 1 <= len({pid for _, pid in results} - {os.getpid()}) <= 2
    assert "#SBATCH -p cpu" in next(jobs.glob("script-*")).read_text()
    assert len((jobs / "cancelled").read_text().split()) == 2


@pytest.mark.parametrize("path", sorted((ROOT / "scripts" / "slurm").iterdir()), ids=lambda path: path.name)
def test_the_examples_are_sound(path: Path) -> None:
    import dask_jobqueue

    if path.suffix == ".yaml":
        values = read_yaml(path, "batch system's file")
        kind, options = job_queue._system(path, values)
        job_queue._amounts(path, values)
        job_queue._check_options(getattr(dask_jobqueue, job_queue.CLASSES[kind]), options)
    else:
        subprocess.run(["sh", "-n", str(path)], check=True)


@pytest.mark.slow
def test_interventions_are_the_same_on_a_cluster(dask_world: World, tmp_path: Path) -> None:
    """They use one model after the other, in processes that stay."""
    for _ in range(2):
        dask_world.worker()
    few = replace(QUICK, judges=judges(asr=None, mos=None, pitch=False))
    with on_cluster(dask_world.address, tmp_path / "many"):
        many = village(tmp_path / "village", n=4).run(tmp_path / "many", few).results
    one = village(tmp_path / "village", n=4).run(tmp_path / "one", few).results
    assert len(one.metrics) > 5
    assert repr(one.metrics) == repr(many.metrics)
