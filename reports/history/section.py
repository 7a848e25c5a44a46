"""Checkpoint curves: how numbers move while a model is trained."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from analysis.metrics.registry import HEADLINES, metric_name
from analysis.results.schema import Record
from reports.document.headlines import is_headline
from reports.document.part_ids import part_id
from reports.document.parts import Chart, Panel, Point, Section, Series, has_numbers
from reports.document.runs import ReportRun, Runs
from reports.document.titles import headed, metric_title

TITLE = "Checkpoints"
NOTE = "band: 95 % interval; dotted: chance with 3 sd"
STEP = re.compile(r"checkpoint=step-0*(\d+)")
"""Group of a record that was measured at a step of training."""
MOST_PANELS = 16
"""Panels of a chart."""


def history_section(runs: Runs) -> Section:
    """A chart for each system: a panel a metric, a curve a stream, beside its null."""
    found = runs.of("history")
    if not found:
        missing = "No run that measured checkpoints (command `history`) was given."
        return Section("history", TITLE, "", (), (missing,))
    charts: list[Chart] = []
    missing_of: list[str] = []
    for run in found:
        panels = _panels(run)
        if has_numbers(panels):
            charts += _charts(part_id("chart-history", run.system), f"{run.system}: by step", panels)
        else:
            missing_of.append(f"{run.system}: no record of the run names its step (group checkpoint=step-N).")
    lead = "Each number at each checkpoint, with its interval, chance taken off; below, what fell or collapsed."
    return Section("history", TITLE, lead, tuple(charts), tuple(missing_of), tuple(_fallen(found)))


def _fallen(found: tuple[ReportRun, ...]) -> Iterator[str]:
    """What the runs say fell beyond noise: warnings that stand in the notes of the numbers too."""
    for run in found:
        notes = [record.note for record in run.results.metrics if record.note]
        fallen = [text for text in run.results.warnings if any(text in note for note in notes)]
        yield from (f"{run.system}: {text}" for text in fallen or ["nothing fell beyond noise."])


def _charts(id: str, title: str, panels: tuple[Panel, ...]) -> Iterator[Chart]:
    """The panels on as many charts as keep each on a page."""
    parts = [panels[start : start + MOST_PANELS] for start in range(0, len(panels), MOST_PANELS)]
    for n, part in enumerate(parts, 1):
        of = f" ({n} of {len(parts)})" if len(parts) > 1 else ""
        yield Chart(f"{id}--{n}" if n > 1 else id, f"{title}{of}", "lines", part, NOTE)


def _panels(run: ReportRun) -> tuple[Panel, ...]:
    # the run's history.csv has all metrics
    shown = [entry for headlines in HEADLINES.values() for entry in headlines.history_page]
    curves: dict[str, dict[str, list[tuple[int, Record]]]] = {}
    for record in run.results.metrics:
        if not is_headline(record.id, shown):
            continue
        if (step := STEP.fullmatch(record.group)) and math.isfinite(record.estimate):
            name = record.id.removeprefix(f"{record.stream}.")
            curves.setdefault(name, {}).setdefault(record.stream, []).append((int(step[1]), record))
    return tuple(
        Panel(
            metric_title(f".{name}").rpartition(",")[0],
            tuple(
                Series(
                    stream, tuple(Point.of(record, float(step)) for step, record in sorted(points, key=lambda p: p[0]))
                )
                for stream, points in streams.items()
            ),
            x_title="step",
            y_title=headed(metric_name(f".{name}")),
        )
        for name, streams in curves.items()
    )
