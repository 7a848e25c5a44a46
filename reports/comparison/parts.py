"""Differences as a table and as a figure, wherever they come from: two systems, or the variants of a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence

from analysis.comparison.differences import Difference
from analysis.metrics.registry import METRICS, metric_name
from reports.document.cells import interval_cell, number_cell, text_cell
from reports.document.number_format import p_text
from reports.document.parts import Cell, Chart, Mark, Panel, Point, Series, Table
from reports.document.result_table import Shown, result_table
from reports.document.titles import ARROWS, metric_title

MARKS: dict[str, Mark] = {"better": "good", "worse": "bad", "different": "warn", "within noise": "null"}
NOTE = "chance-corrected where both have a chance level; paired: over the same speakers or utterances"


def difference_table(id: str, title: str, base: str, found: Sequence[Difference], note: str = NOTE) -> Table:
    """A row a difference.

    Args:
        id: unique within the page.
        title: over the table.
        base: what the others are held against.
        found: the differences, judged.
        note: how to read it.
    """
    heads = ("system", "of", "metric", base, "its value", "difference ± 95 %", "p (Holm)", "how", "verdict")
    return result_table(id, title, heads, map(_row, found), note)


def _row(one: Difference) -> tuple[Shown, ...]:
    return (
        one.run,
        stream_of(one.id),
        metric_title(one.id),
        number_cell(one.base),
        number_cell(one.other),
        interval_cell(one.difference, one.low, one.high),
        Cell(p_text(one.p_holm), one.p_holm),
        one.method,
        text_cell(one.verdict if not one.note else f"{one.verdict}: {one.note}", MARKS.get(one.verdict, "")),
    )


def measured(one: Difference) -> str:
    """What is subtracted, with its unit."""
    metric = METRICS[metric_name(one.id)]
    unit = "chance-corrected" if one.of == "corrected" else metric.unit
    return f"difference of {metric.title}, {unit}"


def stream_of(id: str) -> str:
    """The stream of a record's id: `acoustic.0` of `acoustic.0.pnmi[silence-dropped]`."""
    return id[: id.index(f".{metric_name(id)}")]


def difference_chart(id: str, title: str, found: Sequence[Difference]) -> Chart:
    """Differences of the first metric of all, a row each, a colour a system.

    Args:
        id: unique within the page.
        title: over the figure; the metric's name follows it.
        found: the differences.
    """
    first = metric_name(found[0].id)
    shown = [one for one in found if metric_name(one.id) == first]
    ids = list(dict.fromkeys(one.id for one in shown))
    by_run = {(one.run, one.id): one for one in shown}
    series = []
    for run in dict.fromkeys(one.run for one in shown):
        points = []
        for each in ids:
            one = by_run.get((run, each))
            points.append(Point(one.difference, one.low, one.high, 0.0) if one else Point(math.nan))
        series.append(Series(run, tuple(points)))
    metric = METRICS[first]
    labels = tuple(each.replace(f".{first}", "") for each in ids)
    panel = Panel("", tuple(series), labels, x_title=measured(shown[0]) + ARROWS[metric.better])
    note = "dot: difference; line: 95 % interval"
    return Chart(id, f"{title}: {metric.title}", "rows", (panel,), note, null="no difference")
