"""Stability on a page: a chart and a table, which stand in the section of usage."""

from __future__ import annotations

from reports.document.cells import estimate_cell, null_cell
from reports.document.order import all_streams, first_of_levels, perturbations_of
from reports.document.parts import Chart, Panel, Point, Series, Table
from reports.document.result_table import record_table, records_of
from reports.document.runs import ReportRun
from reports.document.titles import headed


def stability_chart(found: tuple[ReportRun, ...]) -> Chart:
    """A panel for the first stream of each level, a row for each perturbation."""
    names = tuple(dict.fromkeys(name for run in found for name in perturbations_of(run)))
    panels = []
    for stream in first_of_levels(all_streams(found)):
        series = []
        for run in found:
            if stream in run.results.streams:
                records = [run.by_id.get(f"{stream}.ued[{name}]") for name in names]
                points = tuple(Point.of(record) for record in records)
                series.append(Series(run.system, points))
        panels.append(Panel(stream, tuple(series), names, x_title=headed("ued")))
    note = "grey: as many tokens of other utterances, 3 sd"
    return Chart("chart-stability", "The same speech, the same tokens?", "rows", tuple(panels), note)


def stability_table(found: tuple[ReportRun, ...]) -> Table:
    """Distance and agreement beside their nulls."""
    fields = [
        field
        for metric in ("ued", "frame_agreement")
        for field in ((headed(metric), metric, estimate_cell), ("chance ± sd", metric, null_cell))
    ]
    rows = (
        ((run.system, stream, name), records_of(run.by_id, stream, f"[{name}]"))
        for run in found
        for stream in first_of_levels(run.results.streams)
        for name in perturbations_of(run)
    )
    return record_table("table-stability", "Stability", ("system", "stream", "perturbation"), fields, rows)
