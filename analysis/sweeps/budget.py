"""What a sweep will take, before it starts: trainings, steps, hours, gigabytes.

Hours are of training alone, from the audio per second that one training does. Where nobody says it, it comes from
trainings of this sweep that have run already, or from a short run of the reference, timed in a temporary folder:
without teachers, whose targets would have to be computed first, and with the discriminators from the start.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from analysis.sweeps.launch import Call, Launch, is_stopping, last_error
from analysis.sweeps.trainings import Cell, hours_of
from hac.devices import CPU
from hac.errors import FailureLog, HacError
from hac.files.atomic import write_text
from hac.files.parsing import load_json
from hac.train.data.batch_sampler import BatchPlan

if TYPE_CHECKING:
    from hac.train.data.corpus_split import Corpus

TIMED_STEPS = 6
GIGABYTE = 1e9


@dataclass(frozen=True)
class Throughput:
    """How fast one training goes.

    Attributes:
        audio_per_s: seconds of audio per second.
        source: where this is known from.
    """

    audio_per_s: float
    source: str

    @classmethod
    def given(cls, audio_per_s: float) -> Throughput:
        """As a user says it."""
        return cls(audio_per_s, f"{audio_per_s:g} s of audio per second, as given")


@dataclass(frozen=True)
class Row:
    """What one training will take.

    Attributes:
        index: its place in the sweep, from 0.
        cell: its name.
        steps: still to do, and all.
        hours: of what is still to do.
        gigabytes: of its checkpoints.
    """

    index: int
    cell: str
    steps: tuple[int, int]
    hours: float
    gigabytes: float


@dataclass(frozen=True)
class Plan:
    """What a sweep will take.

    Attributes:
        rows: by training.
        at_once: trainings at a time.
        hours: from start to end with so many at a time, analyses not counted.
        targets_gigabytes: of the speech teachers' caches, as far as they are known.
        targets_known: whether all of them are.
        audio_hours: of training speech.
        source: where the hours come from.
        notes: what is not in these numbers.
    """

    rows: tuple[Row, ...]
    at_once: int
    hours: float
    targets_gigabytes: float
    targets_known: bool
    audio_hours: float
    source: str
    notes: tuple[str, ...]


def plan(cells: Sequence[Cell], at_once: int, throughput: Throughput) -> Plan:
    """Work out what trainings will take, so many of them at a time."""
    from hac.train.config import model_config
    from hac.train.disk_usage import checkpoint_bytes, checkpoints_kept
    from hac.train.run_folder import checkpoints, step_of

    corpora = _Corpora()
    rows = []
    for cell in cells:
        finished = checkpoints(cell.run)
        left = max(0, cell.config.steps - (step_of(finished[-1]) if finished else 0))
        size = checkpoint_bytes(cell.config, model_config(cell.config)) * checkpoints_kept(cell.config)
        hours = left * corpora.audio_per_step(cell) / throughput.audio_per_s / 3600
        rows.append(Row(cell.index, cell.name, (left, cell.config.steps), hours, size / GIGABYTE))
    targets, unknown = _targets(cells, corpora)
    rest = "not counted: the teachers' targets (once for all), validations, the analyses, and their tokens and audio"
    hours = _from_start_to_end([row.hours for row in rows], at_once)
    spoken = max(hours_of(cell.config) for cell in cells)
    return Plan(tuple(rows), at_once, hours, targets, not unknown, spoken, throughput.source, (*unknown, rest))


def _from_start_to_end(hours: Sequence[float], at_once: int) -> float:
    """Hours until the last of them ends, each begun in turn on the slot that is free first."""
    slots = [0.0] * at_once
    for each in hours:
        slots[slots.index(min(slots))] += each
    return max(slots)


def find_throughput(
    cells: Sequence[Cell], reference: str, device: str, threads: int | None, launcher: tuple[str, ...], launch: Launch
) -> Throughput:
    """How fast a training of a sweep goes: of those that have run, else of a short run; nothing is left behind.

    Args:
        cells: all trainings of the sweep.
        reference: variant of the short run.
        device: where it trains.
        threads: of its numerical libraries; None leaves them alone.
        launcher: words before `-m hac.cli train`.
        launch: runs it.

    Raises:
        HacError: the short run failed.
    """
    known = [speed for cell in cells for speed in _speeds(cell.run)]
    if known:
        speed = statistics.median(known)
        return Throughput(speed, f"{speed:.3g} s of audio per second: the median of {len(known)} steps of this sweep")
    base = next(cell for cell in cells if cell.variant == reference)
    with tempfile.TemporaryDirectory(prefix="hac-plan-") as folder:
        words = ["train", str(_short_config(base, Path(folder))), "-o", f"{folder}/run"]
        words += ["--cpu"] if device == CPU else []
        call = Call("hac", tuple(words), Path(folder, "train.log"), device, threads, launcher, saves_on_term=True)
        if launch(call):
            if is_stopping(launch):
                raise KeyboardInterrupt
            raise HacError(
                f"the short run that should tell the speed failed ({last_error(call.log)}); mend that, or give "
                "--throughput"
            )
        found = _speeds(Path(folder, "run"))
    speed = statistics.median(found[len(found) // 2 :])
    source = (
        f"{speed:.3g} s of audio per second, measured now: {len(found)} steps of {base.name} alone on {device}, "
        "without teachers, with discriminators"
    )
    return Throughput(speed, source)


def _short_config(cell: Cell, folder: Path) -> Path:
    """The configuration of a few steps of a training."""
    values: dict[str, Any] = json.loads(cell.config.model_dump_json())
    values["teachers"] = {"speech": None, "text": None}
    values["discriminator"]["start_step"] = 0
    values["steps"] = TIMED_STEPS
    values["validation"] |= {"every": TIMED_STEPS, "max_utterances": 1, "clips": 0}
    values["checkpoint"] |= {"every": TIMED_STEPS, "best": "validation/mel"}
    path = folder / "config.yaml"
    write_text(path, yaml.safe_dump(values))
    return path


def _speeds(run: Path) -> list[float]:
    """Seconds of audio per second of every step that a run has logged."""
    log = run / "metrics.jsonl"
    if not log.is_file():
        return []
    try:
        rows = [load_json(line) for line in log.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
        return [float(row["speed/audio_s_per_s"]) for row in rows if row.get("speed/audio_s_per_s")]
    except (OSError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise HacError(f"{log}: is damaged ({error}); remove it, or give --throughput") from error


class _Corpora:
    """The speech of trainings, read once for those that share it."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Corpus] = {}

    def __getitem__(self, cell: Cell) -> Corpus:
        from hac.train.data.corpus_split import load_corpus

        key = (cell.data, cell.seed)
        if key not in self._known:
            data = cell.config.data.model_copy(update={"alignments": ()})
            self._known[key] = load_corpus(data, cell.seed, FailureLog())
        return self._known[key]

    def audio_per_step(self, cell: Cell) -> float:
        """Mean seconds of audio in a batch of the first epoch."""
        durations = [utterance.duration for utterance in self[cell].train.utterances]
        return sum(durations) / len(BatchPlan(durations, cell.config.data.batch_s, cell.seed).epoch(0))


def _targets(cells: Sequence[Cell], corpora: _Corpora) -> tuple[float, list[str]]:
    """Gigabytes of all caches of speech targets, shared ones once, and why some are not known."""
    from hac.train.config import model_config
    from hac.train.disk_usage import target_size

    found = [target_size(cell.config, model_config(cell.config), corpora[cell].both) for cell in cells]
    sizes = {size.key: size for size in found if size is not None}
    unknown = {
        f"the size of a speech teacher's targets is not known: {size.reason}"
        for size in sizes.values()
        if size.n_bytes is None
    }
    return sum(size.n_bytes or 0 for size in sizes.values()) / GIGABYTE, sorted(unknown)
