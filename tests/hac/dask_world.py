"""A Dask cluster of real processes that tests can kill, and work that can be watched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hac.parallel import dask_cluster
from tests.hac.loudness import Loudness
from tests.waiting import WAIT_S, until

ROOT = Path(__file__).parents[2]


class World:
    """A scheduler and its workers, each a process with one thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        # workers stand elsewhere: paths must not depend on the folder they were started in
        (folder / "elsewhere").mkdir()
        self._started: list[subprocess.Popen[bytes]] = []
        self._logs = (folder / "log.txt").open("wb")
        self.scheduler = self._start(
            "scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file), "--host", "127.0.0.1"
        )
        # Dask opens the file before it writes it: for a moment it is there and empty
        until(lambda: self.file.exists() and self.file.stat().st_size > 0)

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text())["address"])

    def worker(self, *options: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        options = options or ("--nthreads", "1")
        return self._start(
            "worker",
            self.address,
            "--no-nanny",
            "--no-dashboard",
            "--local-directory",
            str(self.folder),
            *options,
            env=env,
        )

    def _start(self, kind: str, *words: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + kind, *words],
            cwd=self.folder / "elsewhere",
            env={**os.environ, "PYTHONPATH": path, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=self._logs,
            stderr=self._logs,
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()
        self._logs.close()


@contextmanager
def started(folder: Path) -> Iterator[World]:
    """A scheduler without workers, all of which are waited for as long as it takes."""
    world = World(folder)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for limit in ("CONNECT_S", "WORKERS_S", "FILES_S"):
                patch.setattr(dask_cluster, limit, WAIT_S)
            yield world
    finally:
        world.close()


@pytest.fixture
def dask_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A scheduler without workers."""
    with started(tmp_path_factory.mktemp("dask")) as world:
        yield world


def noted(folder: Path, value: int, seconds: float, gate: Path | None = None) -> tuple[int, int]:
    """A task that says in a file who began it, and waits for the file `gate`; gives its square and its process."""
    (folder / f"{value}-{os.getpid()}").touch()
    if gate is not None:
        until(gate.exists)
    time.sleep(seconds)
    return value * value, os.getpid()


def deadly(folder: Path, value: int) -> int:
    """A task that ends its worker."""
    if value == 3:
        os._exit(9)
    return value


def threads_of_blas(_: int) -> list[int]:
    from threadpoolctl import threadpool_info

    return [library["num_threads"] for library in threadpool_info()]


@dataclass
class SlowLoudness(Loudness):
    """Writes into its log which process encodes, and takes its time.

    Attributes:
        gate: after three shards a process waits for this file; None: it never waits.
    """

    gate: Path | None = None

    def encode(self, batch: Sequence[NDArray[np.float32]]) -> list[dict[str, NDArray[np.int32]]]:
        with self.log.open("a") as stream:
            stream.write(f"{os.getpid()}\n")
        if self.gate and self.log.read_text().split().count(str(os.getpid())) > 3:
            until(self.gate.exists)
        time.sleep(self.delay_s)
        return [self._one(samples) for samples in batch]
