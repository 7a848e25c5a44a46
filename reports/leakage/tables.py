"""Leakage as tables: streams x factors, for a terminal and as CSV."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from analysis.leakage.run import Outcome
from analysis.leakage.scores import within_null
from analysis.results.schema import Record, Results
from reports.document.number_format import short
from reports.render.csv_files import csv_text
from reports.render.matrix import Matrix, shown_value
from reports.render.tables import coverage_line, make_table, trouble_lines

IN_NULL = "·"
"""Before a value that is no more than chance."""
MATRIX_CSV = ("stream", "factor", "given", "value", "ci_low", "ci_high", "null", "share", "low", "high", "within_null")


def matrix(outcome: Outcome, metric: str, given: str = "") -> Matrix:
    """The records of a metric, `given` a stream or none."""
    by_id = {record.id: record for record in outcome.results.metrics if not record.group}
    tag = f",given={given}" if given else ""
    cells = {}
    for stream in outcome.streams:
        for factor in outcome.factors:
            if record := by_id.get(f"{stream}.{metric}[{factor}{tag}]"):
                cells[stream, factor] = record
    return Matrix(outcome.streams, outcome.factors, cells)


def leakage_table(outcome: Outcome) -> RenderableType:
    """What `hac-analyze leakage` prints: what streams tell, what they add and repeat, coverage and warnings."""
    system = outcome.results.system
    parts: list[RenderableType] = [
        _table(matrix(outcome, "leakage"), f"{system}: null-corrected share of each factor that the codes tell [95 %]"),
        _null_table(outcome),
    ]
    if outcome.given:
        least = matrix(outcome, "leakage_adds")
        parts.append(_table(least, "What a stream adds: share of what the best other stream leaves open [95 %]"))
        repeats = matrix(outcome, "leakage_repeats")
        parts.append(_table(repeats, "What it repeats: largest share of what it tells that another one tells too"))
    return Group(*parts, *_lines(outcome.results))


def _table(shown: Matrix, title: str) -> Table:
    table = make_table(title, ("stream",), shown.factors)
    for stream in shown.streams:
        table.add_row(escape(stream), *(cell_text(shown.get(stream, factor)) for factor in shown.factors))
    return table


def _null_table(outcome: Outcome) -> Table:
    shown = matrix(outcome, "leakage")
    table = make_table("The share as counted / by chance", ("stream",), shown.factors)
    for stream in shown.streams:
        records = [shown.get(stream, factor) for factor in shown.factors]
        cells = [f"{short(record.value)} / {short(record.null_mean)}" if record else "" for record in records]
        table.add_row(escape(stream), *cells)
    return table


def cell_text(record: Record | None) -> str:
    """Value and interval of a cell on two lines; a dot before what is no more than chance."""
    if record is None:
        return ""
    value, low, high = shown_value(record)
    if not math.isfinite(value):
        return "-"
    mark = IN_NULL if _has_null(record) and within_null(record) else ""
    return f"{mark}{short(value)}" + (f"\n[{short(low)}, {short(high)}]" if math.isfinite(low) else "")


def _has_null(record: Record) -> bool:
    return math.isfinite(record.null_mean)


def _lines(results: Results) -> Iterator[Text]:
    yield coverage_line(results)
    yield Text(f"{IN_NULL}: no more than chance; -: undefined, see the notes in metrics.csv", style="dim")
    yield from trouble_lines(results)


def matrix_csv(outcome: Outcome) -> str:
    """Every cell, alone and given each other stream: as counted, by chance, and null-corrected."""
    rows: list[Sequence[object]] = []
    for given, metric in _conditions(outcome):
        shown = matrix(outcome, metric, given)
        for (stream, factor), r in shown.cells.items():
            if not given or stream != given:
                value = (r.value, r.ci_low, r.ci_high, r.null_mean)
                share = (r.corrected, r.corrected_ci_low, r.corrected_ci_high)
                rows.append((stream, factor, given, *value, *share, int(within_null(r))))
    return csv_text(MATRIX_CSV, rows)


def _conditions(outcome: Outcome) -> list[tuple[str, str]]:
    return [("", "leakage"), *((given, "leakage_adds") for given in outcome.given)]


def summary_csv(outcome: Outcome) -> str:
    """What each stream adds beyond the best single other stream, and what it repeats."""
    rows: list[Sequence[object]] = []
    for metric in ("leakage_adds", "leakage_repeats"):
        for (stream, factor), r in matrix(outcome, metric).cells.items():
            rows.append((stream, metric, factor, *shown_value(r), r.note))
    return csv_text(("stream", "metric", "factor", "value", "ci_low", "ci_high", "note"), rows)
