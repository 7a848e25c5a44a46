"""Results on a terminal: tables, how much was counted, what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table as TerminalTable
from rich.text import Text

from analysis.results import records
from analysis.results.schema import Record, Results
from probes.clusters import of_few_speakers
from reports.document.parts import Cell, Table

STYLES = {"good": "green", "bad": "red", "warn": "yellow", "null": "dim"}
"""Of marked cells."""
SHORT = 32
"""Letters of names that stay on one line, where all names of the first column are as short."""


def terminal_table(table: Table) -> TerminalTable:
    """A table for a terminal: names to the left, numbers to the right; further lines of a cell are dim."""
    drawn = TerminalTable(title=Text(table.title), box=box.SIMPLE_HEAD, title_justify="left")
    is_short = all(len(row[0].text) <= SHORT for row in table.rows)
    for place, column in enumerate(table.columns):
        side: Literal["left", "right"] = "right" if column.is_number else "left"
        drawn.add_column(Text(column.title), justify=side, overflow="fold", no_wrap=place == 0 and is_short)
    for row in table.rows:
        drawn.add_row(*map(_text, row))
    return drawn


def _text(cell: Cell) -> Text:
    first, *further = cell.text.split("\n", 1)
    text = Text(first, STYLES.get(cell.mark, ""))
    return text.append("\n" + further[0], "dim") if further else text


def printed(results: Results, tables: Iterable[Table], legend: str = "", lines: Iterable[Text] = ()) -> RenderableType:
    """What a command prints: tables, how much was counted, further lines, how to read all that, what was left out.

    Args:
        results: of the run.
        tables: in order; those without rows are not drawn.
        legend: how to read them.
        lines: what else is to be said.
    """
    drawn = [terminal_table(table) for table in tables if table.rows]
    said = [Text(text, style="dim") for text in (legend, promise_of(results)) if text]
    return Group(*drawn, coverage_line(results), *lines, *said, *trouble_lines(results))


def coverage_line(results: Results) -> Text:
    """How much of the corpus was counted."""
    counted = results.coverage["utterances"]
    total = counted["in_manifest"]
    return Text(
        f"coverage: {counted['counted']} utterances"
        + (f" of {total} in the manifest" if total is not None else "")
        + f", {results.coverage['hours']['counted']:.3f} h"
    )


def trouble_lines(results: Results) -> Iterator[Text]:
    """What was left out, and the warnings."""
    for reason, n in results.failures.items():
        yield Text(f"left out: {n} x {reason}", style="yellow")
    yield from warning_lines(results.warnings)


def warning_lines(warnings: Iterable[str]) -> Iterator[Text]:
    """Warnings, a line each."""
    return (Text(f"warning: {warning}", style="yellow") for warning in warnings)


def promise_of(results: Results) -> str:
    """What numbers and their ± say, under a run's tables: of other speakers where speakers were left out in turn."""
    few = any(records.clusters_of(record)[1] == "utterance" for record in results.metrics if not record.group)
    whose = (
        f"other speech {of_few_speakers(results.coverage.get('speakers'))}"
        if few
        else "as much speech of other speakers"
    )
    corrected = "corrected: (counted - chance) / (1 - chance), the number to quote; "
    of_chance = corrected if any(record.is_corrected for record in results.metrics) else ""
    return f"{of_chance}±: on {whose} the number would lie in this range 95 times in 100"


def clusters_of(record: Record, results: Results) -> str:
    """What was resampled for a record's interval: `12 speakers`, `128 groups of utterances`, ..."""
    n, unit = records.clusters_of(record)
    return resampled_units(n, unit, results) if unit else "clusters"


def resampled_units(n: int, unit: str, results: Results) -> str:
    """So many units: utterances that were drawn in fewer clusters are groups of utterances."""
    grouped = unit == "utterance" and n < results.coverage["utterances"]["counted"]
    return f"{n} groups of utterances" if grouped else f"{n} {unit}s"
