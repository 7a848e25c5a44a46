"""What streams tell of factors: a matrix a system, hatched where chance explains it; and trained probes."""

from __future__ import annotations

from analysis.leakage_scores import within_null
from analysis.metrics import METRICS
from analysis.results import Record
from reports.leakage_tables import shown_value
from reports.view.parts import (
    Cell,
    Column,
    MatrixChart,
    Section,
    Table,
    interval_cell,
    no_run,
    null_cell,
    text_cell,
    value_cell,
)
from reports.view.runs import ReportRun, Runs
from reports.view.streams import first_of_levels
from reports.view.titles import headed

TITLE = "Leakage: what each stream tells"
PROBE = ".probe_information["


def leakage_section(runs: Runs) -> Section:
    """A matrix of streams x factors for each system, the numbers, and what streams add beyond the others."""
    found = runs.of("leakage")
    if not found:
        return Section("leakage", TITLE, "", missing=(no_run("leakage"),))
    parts: list[MatrixChart | Table] = [
        _matrix(run, f"chart-leakage-{i}") for i, run in enumerate(found) if _factors(run)
    ]
    parts += [_table(found), *_added(found), *_probes(found)]
    lead = (
        f"Null-corrected share of each factor that a stream's codes tell: {METRICS['leakage'].title}. Hatched: no more "
        "than chance. What a stream should not tell is a leak."
    )
    return Section("leakage", TITLE, lead, tuple(part for part in parts if isinstance(part, MatrixChart) or part.rows))


def _factors(run: ReportRun) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_factor(r) for r in run.by_id.values() if f"{r.stream}.leakage[" in r.id))


def _factor(record: Record) -> str:
    return record.id.partition("[")[2].rstrip("]").split("|")[0].split(",")[0]


def _matrix(run: ReportRun, id: str) -> MatrixChart:
    factors, streams = _factors(run), tuple(run.results.streams)
    cells = tuple(tuple(run.by_id.get(f"{stream}.leakage[{factor}]") for factor in factors) for stream in streams)
    return MatrixChart(id, f"{run.system}: what streams tell", streams, factors, cells, "hatched: within the null")


def _table(found: tuple[ReportRun, ...]) -> Table:
    heads = (
        *(Column(name) for name in ("system", "stream", "factor")),
        *(Column(name, True) for name in (headed("leakage"), "null ± sd", "null-corrected [95 %]")),
        Column("beyond chance"),
    )
    shown = {run.system: first_of_levels(run.results.streams) for run in found}
    rows = tuple(
        _row(run, r)
        for run in found
        for r in run.by_id.values()
        if f"{r.stream}.leakage[" in r.id and r.stream in shown[run.system]
    )
    return Table("table-leakage", "Leakage as counted and beyond chance", heads, rows)


def _row(run: ReportRun, record: Record) -> tuple[Cell, ...]:
    corrected = interval_cell(*shown_value(record))
    chance = within_null(record)
    return (
        *(text_cell(text) for text in (run.system, record.stream, _factor(record))),
        value_cell(record),
        null_cell(record),
        corrected,
        text_cell("no" if chance else "yes", "null" if chance else ""),
    )


def _added(found: tuple[ReportRun, ...]) -> list[Table]:
    """What a stream adds beyond the best single other one."""
    heads = (
        *(Column(name) for name in ("system", "stream", "factor")),
        Column(f"{headed('leakage_adds')}, null-corrected [95 %]", True),
        Column("beyond chance"),
        Column("given"),
    )
    rows = []
    for run in found:
        shown = first_of_levels(run.results.streams)
        for record in run.by_id.values():
            if record.stream in shown and f"{record.stream}.leakage_adds[" in record.id and ",given=" not in record.id:
                chance = within_null(record)
                rows.append(
                    (
                        *(text_cell(text) for text in (run.system, record.stream, _factor(record))),
                        interval_cell(*shown_value(record)),
                        text_cell("no" if chance else "yes", "null" if chance else ""),
                        text_cell(record.note),
                    )
                )
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
