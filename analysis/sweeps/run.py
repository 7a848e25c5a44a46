"""Training, analysing and comparing the variants of a sweep.

    DIR/sweep.json                     what is done, runs or failed: can be read at any time
    DIR/VARIANT/seed-N/config.yaml     the whole configuration of one training
                       run/            what `hac train` leaves
                       tokens.parquet  of the evaluation speech
                       pnmi/, words/…  what each analysis leaves
                       *.log           output of each process
    DIR/results.json, differences.csv  the comparison

Each training and each analysis is a process of its own, one after the other on a device; several devices, or several
shares of the cores, work at once. A cell is locked by its processes, so several calls of the same sweep
(an array of a scheduler) do not meet in one.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.comparison.runs import Run, read_run
from analysis.parallel import cores
from analysis.sweeps.checkpoint_suite import Evaluation, Step, Workspace, run_step, run_steps, suite
from analysis.sweeps.launch import Call, Launch, is_stopping
from analysis.sweeps.progress_file import DONE, FAILED, RUNNING, WAITING, LogLine, ProgressFile, locked
from analysis.sweeps.sweep_config import Sweep
from analysis.sweeps.trainings import Cell, cells_of, check_cells, overlap
from hac.devices import CPU
from hac.errors import HacError

SCHEMA = "hac-sweep"
NAME = "sweep.json"
TRAIN = "train"
BUSY = "another process works on it; see its logs, or wait for it"


@dataclass(frozen=True)
class Job:
    """A sweep with all that is known before it starts.

    Attributes:
        sweep: the file.
        folder: where everything goes.
        cells: all trainings.
        evaluation: the speech that is analysed.
        warnings: what a reader of the comparison must know.
    """

    sweep: Sweep
    folder: Path
    cells: tuple[Cell, ...]
    evaluation: Evaluation
    warnings: tuple[str, ...] = ()

    def progress(self) -> ProgressFile:
        """The state of the sweep, with every training in it."""
        progress = progress_file(self.folder)
        known = progress.read()["cells"]
        for cell in self.cells:
            if cell.name not in known:
                progress.cell(cell.name, state=WAITING, total_steps=cell.config.steps)
        facts = {"sweep": str(self.sweep.path), "reference": self.sweep.reference, "warnings": list(self.warnings)}
        progress.describe(**facts, analyses=list(self.sweep.analyses))
        return progress


def progress_file(folder: Path) -> ProgressFile:
    """The state of the sweep in a folder."""
    return ProgressFile(folder / NAME, SCHEMA)


def prepare(sweep: Sweep, folder: Path) -> Job:
    """Everything that can be wrong with a sweep, found before anything starts.

    Raises:
        HacError: a configuration or the evaluation speech cannot be used, or variants are no fair rows of one table.
    """
    cells = cells_of(sweep, folder)
    warnings = check_cells(cells, sweep.reference, sweep.allow)
    evaluation = Evaluation.read(*sweep.evaluation, sweep.analyses)
    shared = overlap(cells, sweep.evaluation.manifest)
    return Job(sweep, folder, tuple(cells), evaluation, (*warnings, *([shared] if shared else [])))


@dataclass
class Work:
    """Doing it: the launcher, the devices, and what went wrong.

    Attributes:
        launch: runs one call.
        devices: to work on.
        at_once: cells at a time; they take the devices in turn.
        log_line: prints a line.
        failed: cells with their reasons.
    """

    launch: Launch
    devices: Sequence[str] = (CPU,)
    at_once: int = 1
    log_line: LogLine = print
    failed: dict[str, str] = field(default_factory=dict)


def run_cells(job: Job, cells: Sequence[Cell], work: Work) -> None:
    """Train and analyse cells, several at once; what is done is not done again, what failed stops none of the others.

    `work.failed` holds the failures afterwards. Where `work.launch` is stopping, running cells end in order.
    """
    progress = job.progress()
    waiting: queue.SimpleQueue[Cell] = queue.SimpleQueue()
    for cell in cells:
        waiting.put(cell)
    broken: list[BaseException] = []

    def slot(number: int) -> None:
        while not is_stopping(work.launch) and not broken:
            try:
                cell = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                run_cell(job, cell, progress, work, work.devices[number % len(work.devices)])
            except Exception as error:
                broken.append(error)

    threads = [threading.Thread(target=slot, args=(i,), name=f"slot-{i}") for i in range(min(work.at_once, len(cells)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():  # a plain join would keep signals waiting
            thread.join(0.2)
    if broken:
        raise broken[0]


def run_cell(job: Job, cell: Cell, progress: ProgressFile, work: Work, device: str) -> None:
    """Train and analyse one cell on a device; `work.failed` says afterwards if it failed, and why."""
    with locked(cell.folder) as lock_fd:
        if lock_fd is None:
            work.failed[cell.name] = BUSY
            work.log_line(f"{cell.name}: {work.failed[cell.name]}")
            return
        progress.cell(cell.name, state=RUNNING, device=device)
        workspace = Workspace(cell.folder, device, max(1, cores() // work.at_once), threads_each(work.at_once), lock_fd)
        try:
            state = _train_and_analyse(job, cell, progress, work, workspace)
            failed = progress.failed_steps(cell.name).items() if state == FAILED else ()
            reason = "; ".join(f"{name}: {step['error']} (log: {step['log']})" for name, step in failed)
        except HacError as error:
            state, reason = FAILED, str(error)
            work.log_line(f"{cell.name}: {reason}")
        progress.cell(cell.name, state=state, error=reason)
        if state == FAILED:
            work.failed[cell.name] = reason
        else:
            work.log_line(f"{cell.name}: {state}")


def _train_and_analyse(job: Job, cell: Cell, progress: ProgressFile, work: Work, workspace: Workspace) -> str:
    from hac.train.run_folder import checkpoints, chosen_checkpoint

    known = progress.of_step(cell.name, TRAIN)
    if known.get("data", cell.data) != cell.data and checkpoints(cell.run):
        raise HacError(f"the speech it trains on has changed since it began; remove {cell.folder}, or give another -o")
    cell.write_config()
    work.log_line(f"{cell.name}: training on {workspace.device}")
    state = run_step(
        cell.name, _training(job.sweep, cell, workspace), progress, work.launch, work.log_line, data=cell.data
    )
    if state != DONE:
        return state
    work.log_line(f"{cell.name}: analysing")
    checkpoint = chosen_checkpoint(cell.run, job.sweep.checkpoint)
    progress.cell(cell.name, checkpoint=str(checkpoint))
    steps = suite(checkpoint, job.evaluation, job.sweep.analyses, workspace, cell.name)
    return run_steps(cell.name, steps, progress, work.launch, work.log_line)


def _training(sweep: Sweep, cell: Cell, workspace: Workspace) -> Step:
    words = ["train", str(cell.config_file), "-o", str(cell.run), *(["--cpu"] if workspace.device == CPU else [])]
    log = cell.folder / f"{TRAIN}.log"
    prefix = sweep.launcher
    call = Call(
        "hac",
        tuple(words),
        log,
        workspace.device,
        workspace.threads,
        prefix,
        saves_on_term=True,
        lock_fd=workspace.lock_fd,
    )
    last = cell.run / "checkpoints" / f"step-{cell.config.steps:08d}" / "trainer.json"
    return Step(TRAIN, call, last, cell.key)


def threads_each(at_once: int) -> int | None:
    """Threads of numerical libraries in each of so many processes; None, as they like, for one alone."""
    return max(1, cores() // at_once) if at_once > 1 else None


def finished_runs(
    cells: Sequence[Cell], analyses: Iterable[str], progress: ProgressFile
) -> dict[str, dict[str, dict[int, Run]]]:
    """What is there to be compared: runs by analysis, variant and seed."""
    content = progress.read()["cells"]
    found: dict[str, dict[str, dict[int, Run]]] = {}
    for analysis in analyses:
        found[analysis] = {cell.variant: {} for cell in cells}
        for cell in cells:
            state = content.get(cell.name, {}).get("steps", {}).get(analysis, {}).get("state")
            if state == DONE and (cell.folder / analysis / "results.json").exists():
                found[analysis][cell.variant][cell.seed] = read_run(cell.folder / analysis, cell.name)
    return found


def failures(cells: Sequence[Cell], progress: ProgressFile) -> dict[str, str]:
    """Cells that failed when they were last tried, with why."""
    return {name: why for name, (state, why) in _states(cells, progress).items() if state == FAILED}


def unfinished(cells: Sequence[Cell], progress: ProgressFile) -> dict[str, str]:
    """Cells that are not wholly done, with why: what a comparison lacks."""
    return {name: why for name, (state, why) in _states(cells, progress).items() if state != DONE}


def _states(cells: Sequence[Cell], progress: ProgressFile) -> dict[str, tuple[str, str]]:
    """State of every cell, with its error or else the state again."""
    content = progress.read()["cells"]
    states = {cell.name: content.get(cell.name, {"state": WAITING}) for cell in cells}
    return {name: (known["state"], known.get("error") or known["state"]) for name, known in states.items()}


def state_rows(cells: Sequence[Cell], analyses: Collection[str], progress: ProgressFile) -> list[Mapping[str, Any]]:
    """For a person who looks on the way: state, device, steps trained and analyses done of every cell."""
    from hac.train.run_folder import checkpoints, step_of

    content = progress.read()["cells"]
    rows: list[Mapping[str, Any]] = []
    for cell in cells:
        known = content.get(cell.name, {"state": WAITING, "steps": {}})
        finished = checkpoints(cell.run)
        done = [name for name in analyses if known["steps"].get(name, {}).get("state") == DONE]
        rows.append(
            {
                "cell": cell.name,
                "state": known["state"],
                "device": known.get("device", ""),
                "saved_step": step_of(finished[-1]) if finished else 0,
                "steps": cell.config.steps,
                "analyses": done,
                "error": known.get("error", ""),
            }
        )
    return rows
