"""What streams tell of factors: a matrix a system, hatched where chance explains it; and trained probes."""

from __future__ import annotations

import math
from collections.abc import Iterator

from analysis.leakage.scores import within_null
from analysis.metrics.registry import METRICS, metric_name
from analysis.results.schema import Record
from reports.document.cells import interval_cell, null_cell, reason_of, text_cell, value_cell
from reports.document.order import first_of_levels, in_order
from reports.document.parts import Cell, Column, MatrixChart, Section, Table, no_run
from reports.document.runs import ReportRun, Runs
from reports.document.titles import headed, metric_title
from reports.listen.section import Listening
from reports.render.matrix import shown_value

TITLE = "Leakage: what each stream tells"
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
    parts: list[MatrixChart | Table] = [
        _matrix(run, f"chart-leakage-{i}") for i, run in enumerate(found) if _factors(run)
    ]
    parts += [_table(found), *_added(found), *_probes(found), *_disentangled(found)]
    lead = (
        f"Null-corrected share of each factor that a stream's codes tell: {METRICS['leakage'].title}. Hatched with a "
        "number: no more than chance; hatched with a dash: not defined, for the reason below. What a stream should not "
        "tell is a leak."
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
    factors, streams = _factors(run), in_order(run.results.streams)
    cells = tuple(tuple(_record(run, stream, factor) for factor in factors) for stream in streams)
    note = "hatched: within the null; hatched with a dash: not defined"
    return MatrixChart(id, f"{run.system}: what streams tell", streams, factors, cells, note)


def _table(found: tuple[ReportRun, ...]) -> Table:
    heads = (
        *(Column(name) for name in ("system", "stream", "factor")),
        *(Column(name, True) for name in (headed("leakage"), "null ± sd", "null-corrected [95 %]")),
        Column("beyond chance"),
    )
    rows = tuple(
        _row(run, record)
        for run in found
        for factor in _factors(run)
        for stream in first_of_levels(run.results.streams)
        if (record := _record(run, stream, factor))
    )
    return Table("table-leakage", "Leakage as counted and beyond chance", heads, rows)


def _row(run: ReportRun, record: Record) -> tuple[Cell, ...]:
    return (
        *(text_cell(text) for text in (run.system, record.stream, _factor(record))),
        value_cell(record),
        null_cell(record),
        interval_cell(*shown_value(record)),
        _judged(record),
    )


def _judged(record: Record) -> Cell:
    """Whether a number is beyond chance; one that is not defined is neither."""
    if not math.isfinite(record.value):
        return text_cell("not defined", "warn")
    chance = within_null(record)
    return text_cell("no" if chance else "yes", "null" if chance else "")


def _added(found: tuple[ReportRun, ...]) -> list[Table]:
    """What a stream adds beyond the best single other one."""
    heads = (
        *(Column(name) for name in ("system", "stream", "factor")),
        Column(f"{headed('leakage_adds')}, null-corrected [95 %]", True),
        Column("beyond chance"),
        Column("given"),
    )
    rows = [
        (
            *(text_cell(text) for text in (run.system, record.stream, factor)),
            interval_cell(*shown_value(record)),
            _judged(record),
            text_cell(record.note),
        )
        for run in found
        for factor in _factors(run)
        for stream in first_of_levels(run.results.streams)
        if (record := run.by_id.get(f"{stream}.leakage_adds[{factor}]"))
    ]
    title = "What a stream adds beyond the best single other stream"
    return [Table("table-adds", title, heads, tuple(rows))] if rows else []


def _probes(found: tuple[ReportRun, ...]) -> list[Table]:
    """Usable information of trained probes, where there were any."""
    heads = (
        *(Column(name) for name in ("system", "stream", "factor and features")),
        Column(headed("probe_information"), True),
        Column("null ± sd", True),
    )
    rows = tuple(
        (
            text_cell(run.system),
            text_cell(record.stream),
            text_cell(record.id.partition("[")[2].rstrip("]")),
            value_cell(record),
            null_cell(record),
        )
        for run in found
        for record in run.by_id.values()
        if PROBE in record.id
    )
    return [Table("table-probes", "Trained probes", heads, rows)] if rows else []


def _disentangled(found: tuple[ReportRun, ...]) -> list[Table]:
    """Whether each stream tells of one factor, and each factor is told by one stream (DCI)."""
    heads = (
        *(Column(name) for name in ("system", "of", "measure")),
        *(Column(name, True) for name in ("value [95 %]", "null ± sd")),
    )
    rows = tuple(
        (
            text_cell(run.system),
            text_cell("all streams" if record.stream == "all" else record.stream),
            text_cell(metric_title(record.id)),
            value_cell(record),
            null_cell(record),
        )
        for run in found
        for record in run.by_id.values()
        if metric_name(record.id).startswith(DCI)
    )
    note = "disentanglement: a stream tells of one factor; completeness: one stream tells of a factor; 1 is best"
    return [Table("table-dci", "Disentanglement and completeness (DCI)", heads, rows, note)] if rows else []
