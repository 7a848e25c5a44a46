"""The checkpoints of one training run beside each other: the same suite on each, and what fell on the way.

    DIR/history.json               what is done: can be read at any time
    DIR/step-00001000/             tokens, logs, and what each analysis left, of one checkpoint
    DIR/results.json, history.csv  all of it, with the group `checkpoint=step-00001000`

What was measured stays, also where the training has removed the checkpoint since, so the same command may follow a
training. Two things are flagged:

- A **drop**: a number is worse than at the best checkpoint before, beyond noise. The difference is paired
  over the same speakers (`analysis.comparison.differences`); p is multiplied by the number of checkpoints among which
  the best was chosen, then corrected by Holm for all that are looked at.
- A **collapse**: perplexity or used codes of a stream have fallen to a share of the most before (half, by default) and
  the paired interval of the fall leaves out 0; or the perplexity is below 2, where a stream says hardly anything.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from analysis.comparison.differences import Difference, difference, with_verdicts
from analysis.comparison.runs import Run, read_run
from analysis.metrics.registry import metric_name, metric_of
from analysis.results.schema import Record
from analysis.sweeps.analysis_options import Analysis
from analysis.sweeps.checkpoint_suite import Evaluation, Workspace, run_steps, suite
from analysis.sweeps.launch import Launch
from analysis.sweeps.progress_file import DONE, FAILED, RUNNING, WAITING, LogLine, ProgressFile, key_of
from hac.errors import HacError

SCHEMA = "hac-history"
NAME = "history.json"
USED = ("perplexity", "used_codes")
"""Metrics whose fall is a collapse."""
LEAST_PERPLEXITY = 2.0


@dataclass(frozen=True)
class CheckpointSeries:
    """A run whose checkpoints are measured.

    Attributes:
        run: folder of `hac train`.
        folder: where everything goes.
        evaluation: the speech.
        analyses: those to run, by name.
        device: `cpu` or `cuda:N`.
        jobs: processes.
    """

    run: Path
    folder: Path
    evaluation: Evaluation
    analyses: Mapping[str, Analysis]
    device: str = "cpu"
    jobs: int = -1

    @property
    def key(self) -> str:
        """Hash of what is measured, whatever the checkpoint."""
        options = {name: analysis.options for name, analysis in self.analyses.items()}
        return key_of(evaluation=self.evaluation.content, analyses=options, version=version("hac-codec"))


@dataclass(frozen=True)
class Point:
    """One number at one checkpoint."""

    step: int
    analysis: str
    record: Record


@dataclass(frozen=True)
class Flag:
    """Something that fell.

    Attributes:
        step: the checkpoint.
        kind: `drop` or `collapse`.
        analysis, id: of the number.
        before: the checkpoint that it is compared with; None for what is too low by itself.
        difference: to that checkpoint; None where there is none.
        sentence: for a person.
    """

    step: int
    kind: Literal["drop", "collapse"]
    analysis: str
    id: str
    before: int | None
    difference: Difference | None
    sentence: str


@dataclass
class CheckpointScores:
    """All checkpoints that were measured.

    Attributes:
        runs: by step and analysis.
        failed: checkpoints with reasons.
    """

    runs: dict[int, dict[str, Run]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def points(self) -> list[Point]:
        """Numbers of the whole corpus, by analysis and number, in the order of the steps."""
        found: dict[tuple[str, str], list[Point]] = {}
        for step in sorted(self.runs):
            for analysis, run in self.runs[step].items():
                for record in run.results.metrics:
                    if not record.group:
                        found.setdefault((analysis, record.id), []).append(Point(step, analysis, record))
        return [point for points in found.values() for point in points]


def measure(job: CheckpointSeries, launch: Launch, log_line: LogLine) -> CheckpointScores:
    """Measure every checkpoint that was not measured before; a failed one stops none of the others.

    Raises:
        HacError: the folder holds no finished checkpoint.
    """
    from hac.train.run_folder import checkpoints, step_of

    found = checkpoints(job.run)
    if not found:
        raise HacError(f"{job.run}: holds no finished checkpoint; expected the folder of a run of hac train")
    progress = ProgressFile(job.folder / NAME, SCHEMA)
    progress.describe(run=str(job.run), analyses=list(job.analyses))
    for checkpoint in found:
        if checkpoint.name not in progress.read()["cells"]:
            progress.cell(checkpoint.name, state=WAITING)
    measured, spent = CheckpointScores(), []
    for i, checkpoint in enumerate(found):
        started, known = time.monotonic(), progress.read()["cells"][checkpoint.name]
        progress.cell(checkpoint.name, state=RUNNING)
        workspace = Workspace(job.folder / checkpoint.name, job.device, job.jobs)
        steps = suite(checkpoint, job.evaluation, job.analyses, workspace, checkpoint.name)
        state = run_steps(checkpoint.name, steps, progress, launch, log_line)
        progress.cell(checkpoint.name, state=state, suite=job.key)
        if state == FAILED:
            failed = progress.failed_steps(checkpoint.name)
            measured.failed[checkpoint.name] = "; ".join(f"{name}: {step['error']}" for name, step in failed.items())
        if known["state"] != DONE or known.get("suite") != job.key:
            spent.append(time.monotonic() - started)
            left = (len(found) - i - 1) * sum(spent) / len(spent)
            log_line(f"{checkpoint.name}: {state}; {i + 1} of {len(found)}, about {left / 60:.0f} minutes left")
    content = progress.read()["cells"]
    for name, cell in content.items():
        if cell.get("suite") == job.key:
            measured.runs[step_of(Path(name))] = _runs(job, name, cell)
    return measured


def _runs(job: CheckpointSeries, name: str, cell: Mapping[str, Any]) -> dict[str, Run]:
    done = [one for one in job.analyses if cell["steps"].get(one, {}).get("state") == DONE]
    return {one: read_run(job.folder / name / one, name) for one in done}


def flags_of(points: Sequence[Point], collapse_share: float = 0.5) -> list[Flag]:
    """What dropped and what collapsed, in the order of the steps.

    Args:
        points: numbers of all checkpoints, as `CheckpointScores.points` gives them.
        collapse_share: perplexity or used codes at or below this share of the most before are a collapse.
    """
    series: dict[tuple[str, str], list[Point]] = {}
    for point in points:
        series.setdefault((point.analysis, point.record.id), []).append(point)
    flags = [*_drops(list(series.values()))]
    for each in series.values():
        if metric_name(each[0].record.id) in USED:
            flags += _collapses(each, collapse_share)
    return sorted(flags, key=lambda flag: (flag.step, flag.kind, flag.analysis, flag.id))


def _drops(series: Sequence[Sequence[Point]]) -> list[Flag]:
    tests: list[tuple[Point, Point, Difference]] = []
    for points in series:
        better = metric_of(points[0].record.id).better
        if better == "none":
            continue
        sign = 1 if better == "higher" else -1
        for i, point in enumerate(points[1:], start=1):
            before = _best([one for one in points[:i] if math.isfinite(_level(one.record))], sign)
            if before is None:
                continue
            found = difference(before.record, point.record, f"step {point.step}", paired=True)
            # the best of i was chosen by looking at them
            tests.append((before, point, replace(found, p=min(1.0, i * found.p) if found.p == found.p else found.p)))
    verdicts = with_verdicts([test[2] for test in tests])
    return [
        Flag(point.step, "drop", point.analysis, point.record.id, before.step, one, _drop_sentence(point, before, one))
        for (before, point, _), one in zip(tests, verdicts, strict=True)
        if one.verdict == "worse"
    ]


def _best(points: Sequence[Point], sign: int) -> Point | None:
    return max(points, key=lambda point: sign * _level(point.record), default=None)


def _level(record: Record) -> float:
    return record.estimate


def _collapses(points: Sequence[Point], share: float) -> list[Flag]:
    found = []
    for i, point in enumerate(points):
        record = point.record
        before = _best([one for one in points[:i] if math.isfinite(one.record.value)], 1)
        one = None if before is None else difference(before.record, record, f"step {point.step}", paired=True)
        fell = before is not None and record.value <= share * before.record.value
        # without an interval (too few speakers) the fall itself must do
        if one is not None and math.isfinite(one.high):
            fell = fell and one.high < 0
        dead = metric_name(record.id) == "perplexity" and record.value < LEAST_PERPLEXITY
        if not fell and not dead:
            continue
        what = f"step {point.step}: {record.id} is {record.value:.4g}"
        sentence = f"{what}, it was {before.record.value:.4g} at step {before.step}" if fell and before else what
        if dead:
            sentence += f": below {LEAST_PERPLEXITY:g}, hardly more than one code"
        step, gap = (before.step, one) if fell and before is not None else (None, None)
        found.append(Flag(point.step, "collapse", point.analysis, record.id, step, gap, f"collapse at {sentence}"))
    return found


def _drop_sentence(point: Point, before: Point, one: Difference) -> str:
    return (
        f"drop at step {point.step}: {point.record.id} is {one.other:.4f}, it was {one.base:.4f} at step {before.step} "
        f"({one.of}; difference {one.difference:+.4f} [{one.low:.4f}, {one.high:.4f}], p {one.p_holm:.2g})"
    )
