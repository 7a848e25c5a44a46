"""A sweep on a cluster: each training with its analyses is a task, and each worker does one at a time.

A worker starts the same processes that `analysis.sweeps.run` starts, and gives them its own device. Its log lines come
back when its cell ends; `sweep.json` tells more in the meantime. Stopping goes through the shared folder, since signals
do not travel: a file there asks every worker to end its processes in order, so that trainings save.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from analysis.parallel import cores
from analysis.sweeps.launch import Processes
from analysis.sweeps.run import BUSY, Job, Work, progress_file, run_cell
from analysis.sweeps.trainings import Cell
from hac.devices import CPU, devices_of
from hac.errors import HacError
from hac.parallel.pool import parallel_map

POLL_S = 2.0
"""Seconds between looks at the shared folder."""
CellMessage = tuple[str, str, list[str]]
"""A cell, why it failed (empty where it did not), and its log lines."""


class Stop:
    """Asks all workers of one run of the command to stop.

    Args:
        folder: of the sweep, which all machines see.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / f".stop-{uuid.uuid4().hex}"

    def stop(self) -> None:
        """Ask them."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.touch()


def check_places(devices: Sequence[str], at_once: int) -> None:
    """Refuse what only one machine can be asked for.

    Raises:
        HacError: devices by number, or a number of trainings at a time.
    """
    named = [name for name in devices if name not in ("auto", CPU)]
    if named or len(devices) > 1:
        raise HacError(
            f"devices {', '.join(devices)} are of one machine; with --cluster give auto (each worker its own GPU, or "
            "the CPU) or cpu, and start one worker a GPU with a CUDA_VISIBLE_DEVICES of its own"
        )
    if at_once:
        raise HacError(f"{at_once} trainings at once: with --cluster there are as many as workers; leave at-once out")


def run_cells_on_cluster(job: Job, cells: Sequence[Cell], work: Work, stop: Stop) -> None:
    """Train and analyse cells on the cluster in use; `process.failed` holds the failures afterwards.

    Args:
        job: the sweep.
        cells: those to do.
        work: prints the log lines and keeps failures; its launcher is not used.
        stop: asks the workers to stop.
    """
    check_places(job.sweep.devices or ("auto",), job.sweep.at_once)
    job.progress()
    try:
        for name, reason, lines in parallel_map(
            _run_cell_in_worker, [(job, cell, stop.file) for cell in cells], jobs=1
        ):
            for line in lines:
                work.log_line(line)
            if reason:
                work.failed[name] = reason
    finally:
        stop.file.unlink(missing_ok=True)


def _run_cell_in_worker(job: Job, cell: Cell, stop: Path) -> CellMessage:
    """One cell, in a worker."""
    lines: dict[str, None] = {}
    (device,) = devices_of(job.sweep.devices)[:1]
    with _stopped_by(stop) as launch:
        # one of many workers of a machine computes in one thread; the one of a GPU has the cores that its job was given
        work = Work(launch, (device,), cores() if device == CPU else 1, lambda line: lines.setdefault(line))
        while not launch.stopping.is_set():
            run_cell(job, cell, progress_file(job.folder), work, device)
            if work.failed.get(cell.name) != BUSY:
                break
            # what a lost worker had started may still be at it, and saves what it does
            del work.failed[cell.name]
            time.sleep(POLL_S)
    return cell.name, work.failed.get(cell.name, ""), list(lines)


@contextmanager
def _stopped_by(file: Path) -> Iterator[Processes]:
    """A launcher that stops when the file is there."""
    launch, over = Processes(), threading.Event()

    def watch() -> None:
        while not over.is_set():
            if file.exists():
                launch.stop()
                return
            over.wait(POLL_S)

    if file.exists():
        launch.stop()
    watcher = threading.Thread(target=watch, name="stop-watcher", daemon=True)
    watcher.start()
    try:
        yield launch
    finally:
        over.set()
        watcher.join()
