"""Whether the same speech gets the same tokens, on a page: a chart and a table."""

from __future__ import annotations

from reports.document.cells import estimate_cell, null_cell
from reports.document.order import all_streams, first_of_levels, perturbations_of
from reports.document.parts import Chart, Panel, Point, Section, Series, Table, no_run
from reports.document.result_table import record_table, records_of
from reports.document.runs import ReportRun, Runs
from reports.document.titles import headed
from reports.listen.section import Listening

TITLE = "Stability"


def sections(runs: Runs, _: Listening) -> tuple[Section, ...]:
    """The sections of this measure on a page."""
    return (stability_section(runs),)


def stability_section(runs: Runs) -> Section:
    """Distances by perturbation, and the numbers."""
    found = runs.of("stability")
    if not found:
        return Section("stability", TITLE, "", missing=(no_run("stability"),))
    lead = "How tokens change when speech is changed a little."
    return Section("stability", TITLE, lead, (_chart(found), _table(found)))


def _chart(found: tuple[ReportRun, ...]) -> Chart:
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


def _table(found: tuple[ReportRun, ...]) -> Table:
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
