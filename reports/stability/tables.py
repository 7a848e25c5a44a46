"""Stability of tokens as tables: for a terminal, as CSV, and every utterance as Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product

import pyarrow as pa
from rich.console import RenderableType

from analysis.results.schema import Record, Results
from analysis.stability.run import METRICS, PROTOCOL, Compared
from reports.document.number_format import alone, counted, fixed, null_mean, short, shown, spanned
from reports.document.parts import Table
from reports.document.result_table import record_table, records_of, whole_corpus
from reports.render.csv_files import csv_text
from reports.render.tables import clusters_of, printed

COUNTS = ("units", "unit_edits", "frames", "frame_edits", "compared", "equal")
TEXTS = ("id", "stream", "perturbation", "reason")
SCHEMA = pa.schema(
    (name, pa.string() if name in TEXTS else pa.int64())
    for name in ("id", "stream", "perturbation", *COUNTS, "frames_perturbed", "reason")
)
SHOWN_STREAMS = 3
"""More streams than this are shown side by side, without intervals."""
FIELDS = ("stream", "perturbation", "metric", "estimate", "ci_low", "ci_high", "value", "null_mean", "null_sd", "n")
AROUND = spanned(fixed(3))
COLUMNS = (
    ("UED ± 95 %", METRICS[0], AROUND),
    ("chance ± sd", METRICS[0], shown(lambda r: f"{short(r.null_mean)} ± {short(r.null_sd)}")),
    ("frames' UED", METRICS[1], alone(fixed(3))),
    ("chance", METRICS[1], null_mean(short)),
    ("frames that agree, corrected ± 95 %", METRICS[2], AROUND),
    ("counted", METRICS[2], counted(fixed(3))),
    ("chance", METRICS[2], null_mean(short)),
)


def perturbations_of(results: Results) -> list[str]:
    """Names of the perturbations, in the order of tables."""
    return list(results.protocols[PROTOCOL]["perturbations"])


def stability_tables(results: Results) -> RenderableType:
    """What `hac-analyze stability` prints: a table for each stream, or of many streams the distances side by side."""
    legend = (
        "UED: edits / clean units, 0: the same tokens; chance: as many tokens of other utterances. "
        "Intervals, frames and languages: stability.csv, metrics.csv"
    )
    many = len(results.streams) > SHOWN_STREAMS
    tables = _matrices(results) if many else [_stream_table(results, stream) for stream in results.streams]
    return printed(results, tables, legend)


def _matrices(results: Results) -> list[Table]:
    """Distances of all streams side by side: as they are, and as shares of what chance gives."""
    two = fixed(2)
    shares = shown(lambda r: two(r.value / r.null_mean if r.null_mean else r.value))
    whole, tables = whole_corpus(results), []
    for what, cell in (("unit edit distance", alone(two)), ("unit edit distance as a share of chance", shares)):
        fields = [(stream, stream, cell) for stream in results.streams]
        rows = (((name,), partial(_distance, whole, name)) for name in perturbations_of(results))
        tables.append(record_table(what, f"{results.system}: {what}", ("perturbation",), fields, rows))
    return tables


def _distance(whole: Mapping[str, Record], perturbation: str, stream: str) -> Record:
    return whole[f"{stream}.ued[{perturbation}]"]


def _stream_table(results: Results, stream: str) -> Table:
    names, whole = perturbations_of(results), whole_corpus(results)
    over = clusters_of(whole[f"{stream}.ued[{names[0]}]"], results) if names else "clusters"
    title = f"{results.system}, stream {stream}: clean against perturbed, 95 % over {over}"
    rows = (((name,), records_of(whole, stream, f"[{name}]")) for name in names)
    return record_table(stream, title, ("perturbation",), COLUMNS, rows)


def stability_csv(results: Results) -> str:
    """The whole corpus, a row per stream, perturbation and metric."""
    rows = []
    for stream, name, metric in product(results.streams, perturbations_of(results), METRICS):
        r = results.get(f"{stream}.{metric}[{name}]")
        rows.append((stream, name, metric, r.estimate, r.ci_low, r.ci_high, r.value, r.null_mean, r.null_sd, r.n))
    return csv_text(FIELDS, rows)


def rows_table(compared: Sequence[Compared]) -> pa.Table:
    """Every utterance: its counts, null (with the reason) where it has none; see `Compared`."""
    rows = []
    for each in compared:
        for id, counts, n, reason in zip(each.ids, each.actual, each.n_perturbed, each.reasons, strict=True):
            known = COUNTS if each.keeps_time else COUNTS[:4]
            of = {name: getattr(counts, name) for name in known} if counts is not None else {}
            rows.append(
                {"id": id, "stream": each.stream, "perturbation": each.perturbation, **of}
                | {"frames_perturbed": n, "reason": reason}
            )
    return pa.Table.from_pylist(rows, schema=SCHEMA)
