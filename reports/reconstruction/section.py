"""Reconstruction against bit rate: every metric of every condition, systems as colours."""

from __future__ import annotations

import math

from analysis.reconstruction.inputs import REFERENCE
from reports.document.cells import counted_cell, estimate_cell, null_cell
from reports.document.order import all_streams, first_of_levels
from reports.document.parts import Cell, Chart, Panel, Point, Section, Series, Table, no_run
from reports.document.result_table import Cells, Row, only, record_table
from reports.document.runs import ReportRun, Runs
from reports.document.titles import headed
from reports.listen.section import Listening
from reports.reconstruction.tables import Measurements, shown_condition, title_of

TITLE = "Rate, distortion, information"
NOMINAL, HELD_OUT = "kbps[nominal]", "kbps[order-1,held-out]"


def sections(runs: Runs, _: Listening) -> tuple[Section, ...]:
    """The sections of this measure on a page."""
    return (recon_section(runs),)


def recon_section(runs: Runs) -> Section:
    """Curves of every metric against the nominal bit rate, and PNMI against the rate of whole systems."""
    found = runs.of("recon")
    missing = [] if found else [no_run("recon")]
    parts: list[Chart | Table] = []
    if found:
        measured = [(run, Measurements(run.results)) for run in found]
        if any(_rated(measurements) for _, measurements in measured):
            parts.append(_curves(measured))
        for run, measurements in measured:
            if unrated := [name for name in _conditions(measurements) if name not in _rated(measurements)]:
                missing.append(
                    f"{run.system}: bit rates of {', '.join(unrated)} are not known, so they are not on curves; give "
                    "hac-analyze recon --tokens or --kbps with --decoded."
                )
                parts.append(_side_by_side(run, measurements, unrated, len(parts)))
        parts.append(_table(measured))
    parts += information(runs, missing)
    lead = (
        "How near decoded speech is to the original, against the bits per second it takes; chance: another utterance "
        "in place of the original. Information: PNMI of the tokens at their rate."
    )
    return Section("recon", TITLE, lead, tuple(parts), tuple(missing))


def _conditions(measurements: Measurements) -> list[str]:
    known = measurements.results.coverage.get("conditions", {})
    return [name for name in measurements.conditions if name != REFERENCE and name in known]


def _rate(measurements: Measurements, condition: str, kind: str = NOMINAL) -> float:
    record = measurements.get(condition, kind)
    return math.nan if record is None else record.estimate


def _rated(measurements: Measurements) -> list[str]:
    """The conditions whose bit rate is known."""
    return [name for name in _conditions(measurements) if math.isfinite(_rate(measurements, name))]


def _curves(measured: list[tuple[ReportRun, Measurements]]) -> Chart:
    panels = []
    for metric in dict.fromkeys(metric for _, measurements in measured for metric in measurements.metrics):
        series = tuple(line for run, measurements in measured for line in _lines(run, measurements, metric))
        if series:
            panels.append(Panel(title_of(metric, unit=True), series, x_title="kbit/s, nominal"))
    note = "band or upright line: 95 % interval; dotted, or short line across: chance with 3 sd"
    return Chart("chart-recon", "Reconstruction against bit rate", "lines", tuple(panels), note)


def _lines(run: ReportRun, measurements: Measurements, metric: str) -> list[Series]:
    """The curve of a run over its numbers of quantizers; what was decoded by others is a point each, with its name."""
    found = [(_rate(measurements, name), name, measurements.get(name, metric)) for name in _rated(measurements)]
    known = sorted((rate, name, record) for rate, name, record in found if record and math.isfinite(record.estimate))
    points = [(name, Point.of(record, rate)) for rate, name, record in known]
    about = measurements.results.coverage.get("conditions", {})
    alone = [(name, point) for name, point in points if about[name].get("n_quantizers") is None and len(points) > 1]
    curve = tuple(point for name, point in points if (name, point) not in alone)
    joined = [Series(run.system, curve)] if curve else []
    return [*joined, *(Series(f"{run.system}: {name}", (point,)) for name, point in alone)]


def _side_by_side(run: ReportRun, measurements: Measurements, conditions: list[str], place: int) -> Chart:
    panels = []
    for metric in measurements.metrics:
        points = tuple(Point.of(measurements.get(name, metric)) for name in conditions)
        panels.append(Panel(title_of(metric, unit=True), (Series(run.system, points),), tuple(conditions)))
    title = f"{run.system}: reconstruction of each condition"
    return Chart(f"chart-recon-{place}", title, "rows", tuple(panels), "grey: chance, 3 sd")


def _table(measured: list[tuple[ReportRun, Measurements]]) -> Table:
    rows: list[Row] = []
    for run, measurements in measured:
        for condition in (*_conditions(measurements), *([REFERENCE] if REFERENCE in measurements.conditions else [])):
            rates = [
                Cell(_figure(rate), rate) for rate in (_rate(measurements, condition, k) for k in (NOMINAL, HELD_OUT))
            ]
            for metric in measurements.metrics:
                if record := measurements.get(condition, metric):
                    names: Cells = (run.system, shown_condition(condition), title_of(metric, unit=True), *rates)
                    rows.append((names, only(record)))
    heads = ("system", "condition", "metric", "kbit/s, nominal", "kbit/s, order 1")
    fields = (("number ± 95 %", "", estimate_cell), ("counted", "", counted_cell), ("chance ± sd", "", null_cell))
    note = "original: the recordings themselves, scored by the same models"
    return record_table("table-recon", "Reconstruction against bit rate", heads, fields, rows, note)


def _figure(rate: float) -> str:
    return f"{rate:.3f}" if math.isfinite(rate) else ""


def information(runs: Runs, missing: list[str]) -> list[Chart]:
    """PNMI of the first stream of each level against the bits per second that it takes."""
    found = runs.of("pnmi")
    panels = []
    for stream in first_of_levels(all_streams(found)):
        known = [(run, run.by_id.get(f"{stream}.pnmi")) for run in found if stream in run.results.streams]
        series = tuple(
            Series(run.system, (Point.of(record, run.results.streams[stream].kbps),))
            for run, record in known
            if record and math.isfinite(record.estimate)
        )
        if series:
            panels.append(Panel(stream, series, x_title="kbit/s of the stream, nominal", y_title=headed("pnmi")))
    if not panels:
        missing.append("Information against bit rate needs a run of hac-analyze pnmi.")
        return []
    note = "upright line: 95 % interval; short line across: chance"
    title = "Information on phones against bit rate"
    return [Chart("chart-information", title, "lines", tuple(panels), note, joined=False)]
