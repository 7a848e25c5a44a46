"""The files and the table of a history of checkpoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from analysis.metrics.registry import metric_name
from analysis.results.records import DROPPED
from analysis.results.schema import Results
from analysis.sweeps.history import Flag, Point
from hac.files.atomic import write_text
from reports.document.number_format import number
from reports.history.figures import history_curves
from reports.render.csv_files import csv_text
from reports.render.result_files import write_numbers
from reports.render.tables import make_table

NUMBERS = (
    *("value", "ci_low", "ci_high", "null_mean", "null_sd"),
    *("corrected", "corrected_ci_low", "corrected_ci_high", "n"),
)
SHOWN = ("pnmi", "perplexity", "used_share", "detected_words", "stoi", "mel_distance")
"""Metrics of the table on the screen."""


def write_history(results: Results, points: Sequence[Point], flags: Sequence[Flag], folder: Path) -> list[Path]:
    """Write `history.csv`, the curves, the draws and, last, `results.json`; returns the paths of all."""
    table, curves = folder / "history.csv", folder / "figures" / "history.png"
    write_text(table, history_csv(points, flags))
    written = [table]
    if history_curves(f"{results.system}: what its checkpoints carry", points, flags, curves):
        written.append(curves)
    return [*written, *write_numbers(results, folder)]


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
    table = make_table(
        f"{results.system}: its checkpoints (*: null-corrected; !: fell)", ("number",), tuple(f"{s:,}" for s in steps)
    )
    rows: dict[tuple[str, str], dict[int, Point]] = {}
    for point in points:
        if metric_name(point.record.id) in SHOWN and DROPPED not in point.record.id:
            rows.setdefault((point.analysis, point.record.id), {})[point.step] = point
    for (analysis, id), found in rows.items():
        cells = (_cell(found.get(step), (step, analysis, id) in fallen) for step in steps)
        table.add_row(escape(id), *cells)
    lines = [Text(flag.sentence, style="red") for flag in flags] or [Text("nothing fell beyond noise")]
    return Group(table, *lines)


def _cell(point: Point | None, fell: bool) -> str:
    if point is None:
        return "-"
    record = point.record
    corrected = math.isfinite(record.corrected)
    text = f"{number(record.corrected if corrected else record.value)}{'*' if corrected else ''}"
    return f"[red]{text}![/]" if fell else text
