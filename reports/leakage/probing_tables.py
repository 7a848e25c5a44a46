"""Probes as tables: for a terminal, and as CSV for other tools."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.text import Text

from analysis.probing.disentanglement import ALL
from analysis.probing.scores import EMBEDDING, GIVEN_OTHERS, MAJORITY, PROTOCOL, SCORES
from analysis.results.schema import Record, Results
from reports.document.number_format import counted, null_spread, short, shown, spanned, value_and_null
from reports.document.parts import Table
from reports.document.result_table import only, record_table, records_of, whole_corpus
from reports.render.csv_files import csv_text
from reports.render.tables import clusters_of

PROBES_CSV = (
    *("stream", "factor", "features", "given", "metric", "estimate", "ci_low", "ci_high"),
    *("value", "null_mean", "null_sd", "majority", "n", "note"),
)
CODES = "codes"
_SOURCES = {PROTOCOL: "probes", "leakage": "counts"}


def majority_of(record: Record) -> float:
    """What always naming the most frequent label scores."""
    return record.nulls[MAJORITY].mean if MAJORITY in record.nulls else math.nan


PROBES = (
    ("information ± 95 %", "probe_information", spanned()),
    ("shuffled ± sd", "probe_information", null_spread),
    ("accuracy, corrected ± 95 %", "probe_accuracy", spanned()),
    ("accuracy", "probe_accuracy", counted(short)),
    ("majority", "probe_accuracy", shown(lambda r: short(majority_of(r)))),
    ("balanced / chance", "probe_balanced_accuracy", value_and_null()),
    ("log-loss / majority", "probe_loss", shown(lambda r: f"{short(r.value)} / {short(majority_of(r))}")),
)
ADDED = (("added ± 95 %", "", spanned()), ("chance ± sd", "", null_spread))
SUMMARY = (("corrected ± 95 %", "", spanned()), ("counted", "", counted(short)), ("chance ± sd", "", null_spread))


def probing_tables(results: Results) -> list[Table]:
    """What probes say, where there were any, what streams add, and the summary of streams and factors."""
    found = probed(results)
    added = [record for record in results.metrics if GIVEN_OTHERS in record.id]
    summary = [record for record in results.metrics if ".dci_" in record.id]
    tables = [_probe_table(results, found)] if found else []
    if added:
        title = "What a stream adds to all others: usable information, share of the factor's entropy"
        rows = (((_parts(record)[0], record.stream), only(record)) for record in added)
        tables.append(record_table("added", title, ("factor", "stream"), ADDED, rows))
    if summary:
        title = "Disentanglement, completeness and informativeness (Eastwood and Williams 2018)"
        scores = ((_summarized(record), only(record)) for record in summary)
        tables.append(record_table("summary", title, ("from", "of", "score"), SUMMARY, scores))
    return tables


def undefined_probes(results: Results) -> Iterator[Text]:
    """Why a probe has no number, a line each."""
    for record in probed(results):
        if not math.isfinite(record.value):
            yield Text(f"{record.stream}, {_parts(record)[0]}: {record.note}", style="yellow")


def probed(results: Results) -> list[Record]:
    """The accuracy of every probe."""
    return [record for record in results.metrics if ".probe_accuracy[" in record.id and not record.group]


def _parts(record: Record) -> tuple[str, str]:
    """The factor, and what was looked at."""
    factor, _, variant = record.id.partition("[")[2].rstrip("]").partition("|")
    return factor, EMBEDDING if variant == EMBEDDING else CODES


def _probe_table(results: Results, found: Sequence[Record]) -> Table:
    over = clusters_of(next((record for record in found if math.isfinite(record.ci_low)), found[0]), results)
    title = f"{results.system}: linear probes on what they were not trained on, 95 % intervals over {over}"
    whole = whole_corpus(results)
    rows = (
        ((factor, record.stream, features), records_of(whole, record.stream, f"[{record.id.partition('[')[2]}"))
        for record in found
        for factor, features in (_parts(record),)
    )
    return record_table("probes", title, ("factor", "stream", "from"), PROBES, rows)


def _summarized(record: Record) -> tuple[str, str, str]:
    """Made from what, of which stream or factor, and which score."""
    name, _, bracket = record.id.partition("[")
    source, _, factor = bracket.rstrip("]").partition("|")
    of = factor or ("all streams" if record.stream == ALL else record.stream)
    return _SOURCES.get(source, source), of, name.rpartition("dci_")[2]


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
        number = (record.estimate, record.ci_low, record.ci_high)
        chance = (record.value, record.null_mean, record.null_sd, majority_of(record))
        rows.append((record.stream, factor, features, given, metric, *number, *chance, record.n, record.note))
    return csv_text(PROBES_CSV, rows)
