"""What a page offers to take away: numbers and tables as CSV and LaTeX, safe to open in a spreadsheet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.results.schema import Record
from reports.document.parts import Chart, HeatMap, MatrixChart, Page, Table, Value
from reports.render.csv_files import csv_text
from reports.render.latex import latex_table

LEAST_SHARE = 0.005
"""P(phone | code) below this is left out of the CSV of a heat-map."""
CHART_FIELDS = ("panel", "series", "label", "x", "value", "low", "high", "null", "null_sd", "n")
INDEX_FIELDS = ("name", "kinds", "section", "title", "note")
MATRIX_FIELDS = (
    *("row", "column", "estimate", "low", "high", "counted", "null", "null_sd"),
    "n",
    "note",
)


def page_files(page: Page) -> dict[str, str]:
    """Text of every file that the page offers, by name; SVG aside."""
    return dict(file for part in page.parts for file in part_files(part))


def numbered(id: str, n: int) -> str:
    """The name of the n-th file of a figure, which is its id where it is the first."""
    return id if n == 1 else f"{id}--{n}"


def index_csv(page: Page, files: Mapping[str, int] | None = None) -> str:
    """What each file shows: the names of the files end with kinds, and one line is for all of a name.

    Args:
        page: whose files they are.
        files: how many files a figure takes, by its id; else one each.
    """
    rows = []
    for section in page.sections:
        for part in section.parts:
            if isinstance(part, Chart | MatrixChart | HeatMap):
                for n in range(1, (files or {}).get(part.id, 1) + 1):
                    kinds = "csv pdf svg" if n == 1 else "pdf svg"
                    rows.append([numbered(part.id, n), kinds, section.title, part.title, part.note])
            elif isinstance(part, Table):
                rows.append([part.id, "csv tex", section.title, part.title, part.note])
    return csv_text(INDEX_FIELDS, rows)


def part_files(part: Any) -> Iterator[tuple[str, str]]:
    """The files of one part."""
    if isinstance(part, Table):
        yield f"{part.id}.csv", table_csv(part)
        yield f"{part.id}.tex", latex_table(part)
    elif isinstance(part, Chart):
        yield f"{part.id}.csv", chart_csv(part)
    elif isinstance(part, MatrixChart):
        yield f"{part.id}.csv", matrix_csv(part)
    elif isinstance(part, HeatMap):
        yield f"{part.id}.csv", heat_csv(part)


def short_csv(fields: Sequence[str], rows: Sequence[Sequence[Value]]) -> str:
    """CSV with floats to nine digits, which is more than any of them knows."""
    return csv_text(fields, ([_cell(value) for value in row] for row in rows))


def _cell(value: Value) -> Value:
    return float(f"{value:.9g}") if isinstance(value, float) else value


def table_csv(table: Table) -> str:
    """A table with full precision; intervals and deviations have columns of their own."""
    extra = [
        list(dict.fromkeys(name for row in table.rows for name, _ in row[i].more)) for i in range(len(table.columns))
    ]
    fields = [
        name
        for column, names in zip(table.columns, extra, strict=True)
        for name in (column.title, *(f"{column.title}: {more}" for more in names))
    ]
    rows = []
    for row in table.rows:
        line: list[Value] = []
        for cell, names in zip(row, extra, strict=True):
            more = dict(cell.more)
            line += [cell.value, *(more.get(name, math.nan) for name in names)]
        rows.append(line)
    return short_csv(fields, rows)


def chart_csv(chart: Chart) -> str:
    """Every number of a chart."""
    rows: list[list[Value]] = []
    for panel in chart.panels:
        for one in panel.series:
            labels = panel.labels or ("",) * len(one.points)
            for label, p in zip(labels, one.points, strict=True):
                rows.append([panel.title, one.name, label, p.x, p.value, p.low, p.high, p.null, p.null_sd, _count(p.n)])
    return short_csv(CHART_FIELDS, rows)


def _count(n: int | None) -> Value:
    return "" if n is None else n


def matrix_csv(chart: MatrixChart) -> str:
    """Every cell of a matrix."""
    rows: list[list[Value]] = []
    for name, records in zip(chart.rows, chart.cells, strict=True):
        for column, record in zip(chart.columns, records, strict=True):
            if record is not None:
                rows.append([name, column, *_numbers(record), record.n, record.note])
    return short_csv(MATRIX_FIELDS, rows)


def _numbers(r: Record) -> tuple[float, ...]:
    return r.estimate, r.ci_low, r.ci_high, r.value, r.null_mean, r.null_sd


def heat_csv(heat: HeatMap) -> str:
    """P(phone | code) where it is not next to nothing, a row each."""
    rows: list[list[Value]] = []
    for code, weight, shares in zip(heat.codes, heat.weights, heat.shares, strict=True):
        found = zip(heat.phones, shares, strict=True)
        rows += [[code, f"{weight:.4g}", phone, f"{p:.3g}"] for phone, p in found if p >= LEAST_SHARE]
    return short_csv(("code", "share_of_time", "phone", "p_phone_given_code"), rows)
