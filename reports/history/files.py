"""The files and the table of a history of checkpoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from rich.console import Group, RenderableType
from rich.text import Text

from analysis.metrics.registry import headlines_of
from analysis.results.schema import Results
from analysis.sweeps.history import Flag, Point
from reports.document.headlines import is_headline
from reports.document.number_format import number
from reports.document.parts import Cell
from reports.document.result_table import Cells, result_table
from reports.history.figures import history_curves, shown_curves
from reports.render.csv_files import csv_text
from reports.render.result_files import Content
from reports.render.tables import terminal_table

NUMBERS = (*("estimate", "ci_low", "ci_high", "is_corrected", "value", "null_mean", "null_sd", "n"),)


def history_files(results: Results, points: Sequence[Point], flags: Sequence[Flag]) -> dict[str, Content]:
    """Every number of every checkpoint as CSV, and the curves of the best-known ones."""
    files: dict[str, Content] = {"history.csv": history_csv(points, flags)}
    if curves := shown_curves(points):
        title = f"{results.system}: what its checkpoints carry"
        files["figures/history.png"] = partial(history_curves, title, curves, flags)
    return files


def history_csv(points: Sequence[Point], flags: Sequence[Flag]) -> str:
    """One row a number and checkpoint, full precision; `flags` says what fell."""
    fallen: dict[tuple[int, str, str], list[str]] = {}
    for flag in flags:
        fallen.setdefault((flag.step, flag.analysis, flag.id), []).append(flag.kind)
    rows = (
        [
            point.step,
            point.analysis,
            point.record.id,
            *(getattr(point.record, name) for name in NUMBERS),
            "+".join(fallen.get((point.step, point.analysis, point.record.id), [])),
        ]
        for point in points
    )
    return csv_text(("step", "analysis", "id", *NUMBERS, "flags"), rows)


def history_table(results: Results, points: Sequence[Point], flags: Sequence[Flag]) -> RenderableType:
    """A row for each of the best-known numbers, a column for each of the newest checkpoints; then what fell."""
    steps = sorted({point.step for point in points})[-8:]
    fallen = {(flag.step, flag.analysis, flag.id) for flag in flags}
    found: dict[tuple[str, str], dict[int, Point]] = {}
    for point in points:
        if is_headline(point.record.id, headlines_of(point.analysis).history_table):
            found.setdefault((point.analysis, point.record.id), {})[point.step] = point
    rows: list[Cells] = [
        (id, *(_cell(of.get(step), (step, analysis, id) in fallen) for step in steps))
        for (analysis, id), of in found.items()
    ]
    title = f"{results.system}: its checkpoints (*: chance-corrected; !: fell)"
    table = result_table("history", title, ("number", *(f"{step:,}" for step in steps)), rows)
    lines = [Text(flag.sentence, style="red") for flag in flags] or [Text("nothing fell beyond noise")]
    return Group(terminal_table(table), *lines)


def _cell(point: Point | None, fell: bool) -> Cell:
    if point is None:
        return Cell("-", math.nan)
    record = point.record
    text = f"{number(record.estimate)}{'*' * record.is_corrected}{'!' * fell}"
    return Cell(text, record.estimate, "bad" if fell else "")
