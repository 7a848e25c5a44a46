"""Stability of tokens as tables: for a terminal, as CSV, and every utterance as Parquet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from analysis.results.schema import Record, Results
from analysis.stability.run import METRICS, PROTOCOL, Compared
from hac.files.atomic import atomic_path
from reports.document.number_format import number, short
from reports.render.csv_files import csv_text
from reports.render.tables import clusters_of, coverage_line, make_table, trouble_lines

COUNTS = ("units", "unit_edits", "frames", "frame_edits", "compared", "equal")
SHOWN_STREAMS = 3
"""More streams than this are shown side by side, without intervals."""
FIELDS = ("stream", "perturbation", "metric", "value", "ci_low", "ci_high", "null_mean", "null_sd", "n")


def perturbations_of(results: Results) -> list[str]:
    """Names of the perturbations, in the order of tables."""
    return list(results.protocols[PROTOCOL]["perturbations"])


def stability_tables(results: Results) -> RenderableType:
    """What `hac-analyze stability` prints: a table for each stream, or of many streams the distances side by side."""
    parts: list[RenderableType] = []
    if perturbations_of(results):
        many = len(results.streams) > SHOWN_STREAMS
        parts += [_matrix(results, False), _matrix(results, True)] if many else []
        parts += [] if many else [_stream_table(results, stream) for stream in results.streams]
    legend = (
        "UED: edits / clean units, 0: the same tokens; null: as many tokens of other utterances. "
        "Intervals, frames and languages: stability.csv, metrics.csv"
    )
    return Group(*parts, coverage_line(results), Text(legend, style="dim"), *trouble_lines(results))


def _matrix(results: Results, of_null: bool) -> Table:
    what = "unit edit distance as a share of its null" if of_null else "unit edit distance"
    table = make_table(f"{results.system}: {what}", ("perturbation",), tuple(results.streams))
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.overflow = "fold"
    for name in perturbations_of(results):
        found = [results.get(f"{stream}.ued[{name}]") for stream in results.streams]
        values = [r.value / r.null_mean if of_null and r.null_mean else r.value for r in found]
        table.add_row(escape(name), *(_two(value) for value in values))
    return table


def _stream_table(results: Results, stream: str) -> Table:
    first = results.get(f"{stream}.ued[{perturbations_of(results)[0]}]")
    table = make_table(
        f"{results.system}, stream {stream}: clean against perturbed, 95 % over {clusters_of(first, results)}",
        ("perturbation",),
        ("UED [95 %]", "null ± sd", "frames' UED", "null", "frames that agree [95 %]", "null"),
    )
    for name in perturbations_of(results):
        ued, frames, agree = (results.get(f"{stream}.{metric}[{name}]") for metric in METRICS)
        table.add_row(
            escape(name),
            _around(ued),
            f"{short(ued.null_mean)} ± {short(ued.null_sd)}",
            _three(frames.value),
            short(frames.null_mean),
            _around(agree),
            short(agree.null_mean),
        )
    return table


def _around(record: Record) -> str:
    around = f" [{short(record.ci_low)}, {short(record.ci_high)}]" if math.isfinite(record.ci_low) else ""
    return _three(record.value) + around


def _three(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else number(value)


def _two(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else number(value)


def stability_csv(results: Results) -> str:
    """The whole corpus, a row per stream, perturbation and metric."""
    rows = []
    for stream in results.streams:
        for name in perturbations_of(results):
            for metric in METRICS:
                r = results.get(f"{stream}.{metric}[{name}]")
                around = (r.ci_low, r.ci_high, r.null_mean, r.null_sd, r.n)
                rows.append([stream, name, metric, r.value, *around])
    return csv_text(FIELDS, rows)


def write_rows(compared: Sequence[Compared], path: Path) -> None:
    """Every utterance as Parquet: its counts, null (with the reason) where it has none; see `Compared`."""
    columns: dict[str, list[object]] = {
        name: [] for name in ("id", "stream", "perturbation", *COUNTS, "frames_perturbed", "reason")
    }
    for each in compared:
        for id, counts, n, reason in zip(each.ids, each.actual, each.n_perturbed, each.reasons, strict=True):
            columns["id"].append(id)
            columns["stream"].append(each.stream)
            columns["perturbation"].append(each.perturbation)
            for name in COUNTS:
                known = counts is not None and (each.keeps_time or name not in ("compared", "equal"))
                columns[name].append(getattr(counts, name) if known else None)
            columns["frames_perturbed"].append(n)
            columns["reason"].append(reason)
    texts = ("id", "stream", "perturbation", "reason")
    schema = pa.schema([(name, pa.string() if name in texts else pa.int64()) for name in columns])
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(columns, schema=schema), temporary)
