"""Probes as tables: for a terminal, and as CSV for other tools."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from analysis.probing.disentanglement import ALL
from analysis.probing.scores import EMBEDDING, GIVEN_OTHERS, MAJORITY, PROTOCOL, SCORES
from analysis.results.schema import Record, Results
from reports.document.number_format import beside_null, short, with_interval, with_null
from reports.render.csv_files import csv_text
from reports.render.tables import clusters_of, make_table

PROBES_CSV = (
    *("stream", "factor", "features", "given", "metric", "value", "ci_low", "ci_high"),
    *("null_mean", "null_sd", "majority", "corrected", "n", "note"),
)
CODES = "codes"
_SOURCES = {PROTOCOL: "probes", "leakage": "counts"}


def probing_tables(results: Results) -> list[RenderableType]:
    """What probes say, where there were any, and the summary of streams and factors, one table after another."""
    found = list(_probes(results))
    tables: list[RenderableType] = [_probe_table(results, found)] if found else []
    if given := [record for record in results.metrics if GIVEN_OTHERS in record.id]:
        tables.append(_given_table(given))
    if summary := [record for record in results.metrics if ".dci_" in record.id]:
        tables.append(_summary_table(summary))
    for stream, factor, _, record in found:
        if not math.isfinite(record.value):
            tables.append(Text(f"{stream}, {factor}: {record.note}", style="yellow"))
    return tables


def _probes(results: Results) -> Iterator[tuple[str, str, str, Record]]:
    """Stream, factor, features and accuracy of every probe."""
    for record in results.metrics:
        if ".probe_accuracy[" in record.id and not record.group:
            factor, features = _parts(record)
            yield record.stream, factor, features, record


def _parts(record: Record) -> tuple[str, str]:
    """The factor, and what was looked at."""
    factor, _, variant = record.id.partition("[")[2].rstrip("]").partition("|")
    return factor, EMBEDDING if variant == EMBEDDING else CODES


def _probe_table(results: Results, found: Sequence[tuple[str, str, str, Record]]) -> Table:
    over = clusters_of(next((r for *_, r in found if math.isfinite(r.ci_low)), found[0][3]), results)
    table = make_table(
        f"{results.system}: linear probes on what they were not trained on, 95 % intervals over {over}",
        ("factor", "stream", "from"),
        (
            "information [95 %]",
            "shuffled ± sd",
            "accuracy [95 %]",
            "majority",
            "balanced / null",
            "log-loss / majority",
        ),
    )
    for stream, factor, features, accuracy in found:
        bracket = f"[{accuracy.id.partition('[')[2]}"
        information, balanced, loss = (
            results.get(f"{stream}.probe_{name}{bracket}") for name in ("information", "balanced_accuracy", "loss")
        )
        table.add_row(
            escape(factor),
            escape(stream),
            features,
            _spanned(information),
            with_null(information.null_mean, information.null_sd),
            _spanned(accuracy),
            short(_majority(accuracy)),
            beside_null(balanced),
            f"{short(loss.value)} / {short(_majority(loss))}",
        )
    return table


def _given_table(records: Sequence[Record]) -> Table:
    table = make_table(
        "What a stream adds to all others: usable information, share of the factor's entropy",
        ("factor", "stream"),
        ("added [95 %]", "null ± sd"),
    )
    for record in records:
        null = with_null(record.null_mean, record.null_sd)
        table.add_row(escape(_parts(record)[0]), escape(record.stream), _spanned(record), null)
    return table


def _summary_table(records: Sequence[Record]) -> Table:
    table = make_table(
        "Disentanglement, completeness and informativeness (Eastwood and Williams 2018)",
        ("from", "of", "score"),
        ("value [95 %]", "null ± sd"),
    )
    for record in records:
        name, _, bracket = record.id.partition("[")
        source, _, factor = bracket.rstrip("]").partition("|")
        of = factor or ("all streams" if record.stream == ALL else record.stream)
        null = with_null(record.null_mean, record.null_sd)
        table.add_row(_SOURCES.get(source, source), escape(of), name.rpartition("dci_")[2], _spanned(record), null)
    return table


def _spanned(record: Record) -> str:
    return with_interval(record.value, record.ci_low, record.ci_high)


def _majority(record: Record) -> float:
    return record.nulls[MAJORITY].mean if MAJORITY in record.nulls else math.nan


def probes_csv(results: Results) -> str:
    """One row for each number of each probe."""
    metrics = {f"probe_{score}" for score in SCORES}
    rows = []
    for record in results.metrics:
        metric = record.id.partition("[")[0].rpartition(".")[2]
        if metric not in metrics or record.group:
            continue
        factor, features = _parts(record)
        given = "others" if GIVEN_OTHERS in record.id else ""
        numbers = (record.value, record.ci_low, record.ci_high, record.null_mean, record.null_sd, _majority(record))
        rows.append((record.stream, factor, features, given, metric, *numbers, record.corrected, record.n, record.note))
    return csv_text(PROBES_CSV, rows)
