"""Leakage as tables: streams x factors, for a terminal and as CSV."""

from __future__ import annotations

import math
from functools import partial

from rich.console import Group, RenderableType

from analysis.leakage.run import Outcome
from analysis.leakage.scores import within_null
from analysis.results.schema import Record
from reports.document.number_format import CellOf, short, shown, with_interval
from reports.document.parts import Table
from reports.document.result_table import record_table, whole_corpus
from reports.leakage.probing_tables import probing_tables, undefined_probes
from reports.render.csv_files import csv_text
from reports.render.matrix import Matrix
from reports.render.tables import printed, terminal_table

IN_NULL = "·"
"""Before a value that is no more than chance."""
MATRIX_CSV = ("stream", "factor", "given", "share", "low", "high", "counted", "null", "within_null")
IN_MATRIX = ("estimate", "ci_low", "ci_high", "value", "null_mean")
ADDED = {
    "leakage_adds": "What a stream adds: share of what the best other stream leaves open ± 95 %",
    "leakage_repeats": "What it repeats: largest share of its information that another stream has too",
}


def matrix(outcome: Outcome, metric: str, given: str = "") -> Matrix:
    """The records of a metric, `given` a stream or none."""
    whole = whole_corpus(outcome.results)
    tag = f",given={given}" if given else ""
    cells = {}
    for stream in outcome.streams:
        for factor in outcome.factors:
            if record := whole.get(f"{stream}.{metric}[{factor}{tag}]"):
                cells[stream, factor] = record
    return Matrix(outcome.streams, outcome.factors, cells)


def leakage_table(outcome: Outcome) -> RenderableType:
    """What `hac-analyze leakage` prints: information of streams, what they add and repeat, coverage and probes."""
    results = outcome.results
    share = matrix(outcome, "leakage")
    title = f"{results.system}: chance-corrected share of each factor's entropy that the codes explain, ± 95 %"
    by_chance = shown(lambda record: f"{short(record.value)} / {short(record.null_mean)}")
    tables = [
        _table("share", share, title, shown(cell_text)),
        _table("by-chance", share, "The share as counted / by chance", by_chance),
    ]
    for metric, heading in ADDED.items() if outcome.given else ():
        tables.append(_table(metric, matrix(outcome, metric), heading, shown(cell_text)))
    legend = f"{IN_NULL}: no more than chance; -: undefined, see the notes in metrics.csv"
    probes = map(terminal_table, probing_tables(results))
    return Group(printed(results, tables, legend), *probes, *undefined_probes(results))


def _table(id: str, of: Matrix, title: str, cell: CellOf) -> Table:
    fields = [(factor, factor, cell) for factor in of.factors]
    return record_table(id, title, ("stream",), fields, (((stream,), partial(of.get, stream)) for stream in of.streams))


def cell_text(record: Record) -> str:
    """Number and interval of a cell on two lines; a dot before what is no more than chance."""
    if not math.isfinite(record.estimate):
        return "-"
    mark = IN_NULL if math.isfinite(record.null_mean) and within_null(record) else ""
    return mark + with_interval(record.estimate, record.ci_low, record.ci_high, short).replace(" ±", "\n±")


def matrix_csv(outcome: Outcome) -> str:
    """Every cell, alone and given each other stream: chance-corrected, as counted, and by chance."""
    conditions = [("", "leakage"), *((given, "leakage_adds") for given in outcome.given)]
    rows = (
        (stream, factor, given, *(getattr(r, name) for name in IN_MATRIX), int(within_null(r)))
        for given, metric in conditions
        for (stream, factor), r in matrix(outcome, metric, given).cells.items()
        if stream != given or not given
    )
    return csv_text(MATRIX_CSV, rows)


def summary_csv(outcome: Outcome) -> str:
    """What each stream adds beyond the best single other stream, and what it repeats."""
    rows = (
        (stream, metric, factor, r.estimate, r.ci_low, r.ci_high, r.note)
        for metric in ADDED
        for (stream, factor), r in matrix(outcome, metric).cells.items()
    )
    return csv_text(("stream", "metric", "factor", "share", "low", "high", "note"), rows)
