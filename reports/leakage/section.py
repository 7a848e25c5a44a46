"""Information of streams on factors: a matrix a system, hatched where chance explains it; and trained probes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from analysis.leakage.scores import within_null
from analysis.metrics.registry import METRICS, metric_name
from analysis.results.records import reason_of
from analysis.results.schema import Record
from reports.document.cells import counted_cell, estimate_cell, null_cell, text_cell
from reports.document.order import first_of_levels, more_streams, shown_streams
from reports.document.part_ids import part_id
from reports.document.parts import Cell, MatrixChart, Section, Table, no_run
from reports.document.result_table import only, record_table
from reports.document.runs import ReportRun, Runs
from reports.document.titles import headed, metric_title
from reports.listen.section import Listening
from reports.render.matrix import largest_value

TITLE = "Leakage: information on each factor"
PROBE = ".probe_information["
DCI = "dci_"


def sections(runs: Runs, _: Listening) -> tuple[Section, ...]:
    """The sections of this measure on a page."""
    return (leakage_section(runs),)


def leakage_section(runs: Runs) -> Section:
    """A matrix of streams x factors for each system, the numbers, and what streams add beyond the others."""
    found = runs.of("leakage")
    if not found:
        return Section("leakage", TITLE, "", missing=(no_run("leakage"),))
    maps = [_matrix(run, part_id("chart-leakage", run.system)) for run in found if _factors(run)]
    most = largest_value(record for one in maps for records in one.cells for record in records if record)
    parts: list[MatrixChart | Table] = [replace(one, most=most) for one in maps]
    parts += [_table(found), *_added(found), *_probes(found), *_disentangled(found)]
    lead = (
        f"Chance-corrected share of each factor's entropy that a stream's codes explain: {METRICS['leakage'].title}. "
        "Hatched with a number: no more than chance; hatched with a dash: not defined, for the reason below. "
        "Information that a stream should not carry is a leak."
    )
    shown = tuple(part for part in parts if isinstance(part, MatrixChart) or part.rows)
    return Section("leakage", TITLE, lead, shown, tuple(_undefined(found)))


def _undefined(found: tuple[ReportRun, ...]) -> Iterator[str]:
    """Factors that no stream could be asked for, each with the reason, once a system."""
    for run in found:
        for factor in _factors(run):
            records = [record for stream in run.results.streams if (record := _record(run, stream, factor))]
            if records and not any(math.isfinite(record.value) for record in records):
                yield f"{run.system}, {factor}: not measured; {reason_of(records[0])}."


def _record(run: ReportRun, stream: str, factor: str) -> Record | None:
    return run.by_id.get(f"{stream}.leakage[{factor}]")


def _factors(run: ReportRun) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_factor(r) for r in run.by_id.values() if f"{r.stream}.leakage[" in r.id))


def _factor(record: Record) -> str:
    return record.id.partition("[")[2].rstrip("]").split("|")[0].split(",")[0]


def _matrix(run: ReportRun, id: str) -> MatrixChart:
    factors, streams = _factors(run), shown_streams(run.results.streams)
    cells = tuple(tuple(_record(run, stream, factor) for factor in factors) for stream in streams)
    note = "; ".join(
        part for part in ("hatched: no more than chance; hatched with a dash: not defined", more_streams([run])) if part
    )
    return MatrixChart(id, f"{run.system}: information of each stream on each factor", streams, factors, cells, note)


def _table(found: tuple[ReportRun, ...]) -> Table:
    fields = (
        (headed("leakage"), "", estimate_cell),
        ("counted", "", counted_cell),
        ("chance ± sd", "", null_cell),
        ("beyond chance", "", _judged),
    )
    rows = (
        ((run.system, stream, factor), only(record))
        for run in found
        for factor in _factors(run)
        for stream in first_of_levels(run.results.streams)
        if (record := _record(run, stream, factor))
    )
    title = "Leakage"
    return record_table("table-leakage", title, ("system", "stream", "factor"), fields, rows)


def _judged(record: Record | None) -> Cell:
    """Whether a number is beyond chance; one that is not defined is neither."""
    if record is None or not math.isfinite(record.value):
        return text_cell("not defined", "warn")
    chance = within_null(record)
    return text_cell("no" if chance else "yes", "null" if chance else "")


def _note(record: Record | None) -> Cell:
    return text_cell(record.note if record else "")


def _added(found: tuple[ReportRun, ...]) -> list[Table]:
    """What a stream adds beyond the best single other one."""
    fields = (
        (headed("leakage_adds"), "", estimate_cell),
        ("beyond chance", "", _judged),
        ("given", "", _note),
    )
    rows = [
        ((run.system, stream, factor), only(record))
        for run in found
        for factor in _factors(run)
        for stream in first_of_levels(run.results.streams)
        if (record := run.by_id.get(f"{stream}.leakage_adds[{factor}]"))
    ]
    title = "What a stream adds beyond the best single other stream"
    note = (
        "conservative: the larger of two chance levels is taken off, so a stream that adds nothing lies below 0, and a "
        "small addition cannot be seen"
    )
    return [record_table("table-adds", title, ("system", "stream", "factor"), fields, rows, note)] if rows else []


def _probes(found: tuple[ReportRun, ...]) -> list[Table]:
    """Usable information of trained probes, where there were any."""
    fields = ((headed("probe_information"), "", estimate_cell), ("chance ± sd", "", null_cell))
    rows = [
        ((run.system, record.stream, record.id.partition("[")[2].rstrip("]")), only(record))
        for run in found
        for record in run.by_id.values()
        if PROBE in record.id
    ]
    heads = ("system", "stream", "factor and features")
    return [record_table("table-probes", "Trained probes", heads, fields, rows)] if rows else []


def _disentangled(found: tuple[ReportRun, ...]) -> list[Table]:
    """Whether each stream is informative about one factor, and each factor is explained by one stream (DCI)."""
    fields = (
        ("chance-corrected ± 95 %", "", estimate_cell),
        ("counted", "", counted_cell),
        ("chance ± sd", "", null_cell),
    )
    rows = [
        (
            (run.system, "all streams" if record.stream == "all" else record.stream, metric_title(record.id)),
            only(record),
        )
        for run in found
        for record in run.by_id.values()
        if metric_name(record.id).startswith(DCI)
    ]
    title = "Disentanglement and completeness (DCI)"
    note = "disentanglement: a stream explains one factor; completeness: one stream explains a factor; 1 is best"
    return [record_table("table-dci", title, ("system", "of", "measure"), fields, rows, note)] if rows else []
