"""Results as tables: for a terminal, and as CSV for other tools."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from analysis.records import DROPPED, KEPT, NOTE_JOINER
from analysis.results import Record, Results
from reports.csv_files import csv_text

CSV_FIELDS = (
    "id",
    "stream",
    "group",
    "value",
    "ci_low",
    "ci_high",
    "null_mean",
    "null_sd",
    "corrected",
    "corrected_ci_low",
    "corrected_ci_high",
    "n",
    "protocol",
    "ci_method",
    "note",
    "nulls",
)


def pnmi_table(results: Results) -> RenderableType:
    """What `hac-analyze pnmi` prints: every stream with silence kept and dropped, then parts, lags and warnings."""
    parts: list[RenderableType] = [_pnmi_table(results), _count_table(results)]
    if languages := _groups(results, "language="):
        parts.append(_group_table(results, "language", languages))
    parts += list(_lines(results))
    return Group(*parts)


def _pnmi_table(results: Results) -> Table:
    convention = results.protocols[KEPT]["convention"]
    table = make_table(
        f"{results.system}: PNMI under the convention '{convention}', 95 % intervals over {_clusters(results)}",
        ("stream", "silence"),
        ("PNMI [95 %]", "null ± sd", "null-corrected [95 %]"),
    )
    for stream, protocol in _rows(results):
        record = _record(results, stream, "pnmi", protocol)
        table.add_row(escape(stream), _silence(protocol), *_pnmi_cells(record))
    return table


def _count_table(results: Results) -> Table:
    table = make_table(
        "Counts and purities (value / null)",
        ("stream", "silence"),
        ("K (used)", "frames", "hours", "H(phone)", "phone pur.", "cluster pur."),
    )
    for stream, protocol in _rows(results):
        info = results.streams[stream]
        table.add_row(
            escape(stream),
            _silence(protocol),
            f"{info.codebook_size} ({info.used_codes})",
            f"{_record(results, stream, 'pnmi', protocol).n:,}",
            f"{info.hours:.3f}" if protocol == KEPT else "",
            number(_record(results, stream, "h_phone", protocol).value),
            beside_null(_record(results, stream, "phone_purity", protocol)),
            beside_null(_record(results, stream, "cluster_purity", protocol)),
        )
    return table


def _group_table(results: Results, kind: str, groups: list[str]) -> Table:
    table = make_table(
        f"PNMI by {kind}, silence kept",
        ("stream", kind),
        ("frames", "PNMI [95 %]", "null ± sd", "null-corrected [95 %]"),
    )
    for stream in results.streams:
        for group in groups:
            record = results.get(f"{stream}.pnmi", group)
            table.add_row(escape(stream), escape(group.split("=", 1)[1]), f"{record.n:,}", *_pnmi_cells(record))
    return table


def make_table(title: str, names: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    """An empty table: columns of names to the left, of numbers to the right."""
    table = Table(title=escape(title), box=box.SIMPLE_HEAD, title_justify="left")
    for name in names:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _rows(results: Results) -> list[tuple[str, str]]:
    return [(stream, protocol) for stream in results.streams for protocol in (KEPT, DROPPED)]


def _silence(protocol: str) -> str:
    return "kept" if protocol == KEPT else "dropped"


def _pnmi_cells(record: Record) -> tuple[str, str, str]:
    return (
        with_interval(record.value, record.ci_low, record.ci_high),
        with_null(record.null_mean, record.null_sd),
        with_interval(record.corrected, record.corrected_ci_low, record.corrected_ci_high),
    )


def _lines(results: Results) -> Iterator[Text]:
    yield coverage_line(results)
    yield Text(
        "intervals are bias-corrected: with many codes and little speech the value itself can lie above its interval",
        style="dim",
    )
    if not any(lag.best_lag_frames for lag in results.lags):
        yield Text("lag scan: best at zero in every stream" if results.lags else "")
    yield from trouble_lines(results)


def coverage_line(results: Results) -> Text:
    """How much of the corpus was counted."""
    counted = results.coverage["utterances"]
    total = counted["in_manifest"]
    return Text(
        f"coverage: {counted['counted']} utterances"
        + (f" of {total} in the manifest" if total is not None else "")
        + f", {results.coverage['hours']['counted']:.3f} h"
    )


def trouble_lines(results: Results) -> Iterator[Text]:
    """What was left out, and the warnings."""
    for reason, n in results.failures.items():
        yield Text(f"left out: {n} x {reason}", style="yellow")
    for warning in results.warnings:
        yield Text(f"warning: {warning}", style="yellow")


def _clusters(results: Results) -> str:
    return clusters_of(_record(results, next(iter(results.streams)), "pnmi", KEPT), results)


def clusters_of(record: Record, results: Results) -> str:
    """What was resampled for a record's interval: `12 speakers`, `128 groups of utterances`, ..."""
    n, _, unit = record.note.split(NOTE_JOINER)[0].removeprefix("clusters: ").partition(" ")
    return resampled_units(int(n), unit.strip("()"), results) if unit else "clusters"


def resampled_units(n: int, unit: str, results: Results) -> str:
    """So many units: utterances that were dealt into fewer are groups of utterances."""
    dealt = unit == "utterance" and n < results.coverage["utterances"]["counted"]
    return f"{n} groups of utterances" if dealt else f"{n} {unit}s"


def _record(results: Results, stream: str, metric: str, protocol: str) -> Record:
    return results.get(f"{stream}.{metric}" + ("" if protocol == KEPT else f"[{protocol}]"))


def _groups(results: Results, prefix: str) -> list[str]:
    names = list(dict.fromkeys(record.group for record in results.metrics if record.group.startswith(prefix)))
    return names if len(names) > 1 else []


def number(value: float) -> str:
    """Four decimals, or a dash for what could not be had."""
    return f"{value:.4f}" if math.isfinite(value) else "-"


def with_interval(value: float, low: float, high: float) -> str:
    """`0.2578 [.250, .265]`."""
    return number(value) + (f" [{short(low)}, {short(high)}]" if math.isfinite(low) else "")


def with_null(mean: float, sd: float) -> str:
    """`0.0312 ± .0004`."""
    return number(mean) + (f" ± {_no_leading_zero(f'{sd:.4f}')}" if math.isfinite(sd) else "")


def short(value: float) -> str:
    """Three decimals without the zero before them, or a dash for what could not be had."""
    return _no_leading_zero(f"{value:.3f}") if math.isfinite(value) else "-"


def _no_leading_zero(text: str) -> str:
    return re.sub(r"^(-?)0\.", r"\1.", re.sub(r"^-(?=0\.0*$)", "", text))


def beside_null(record: Record) -> str:
    """`0.5012 / 0.4321`: a value and the mean of its null."""
    return f"{number(record.value)} / {number(record.null_mean)}"


def metrics_csv(results: Results) -> str:
    """Every record as CSV, empty where a number could not be had."""
    rows = []
    for record in results.metrics:
        data = record.model_dump(mode="json")
        further = [f"{name} {null['mean']} {null['sd']}" for name, null in data["nulls"].items()]
        data["nulls"] = NOTE_JOINER.join(further)
        rows.append([data[field] for field in CSV_FIELDS])
    return csv_text(CSV_FIELDS, rows)


def phone_given_code_csv(table: NDArray[np.int64], labels: tuple[str, ...], codes: NDArray[np.int64]) -> str:
    """P(phone | code): one row per code that occurs, with its share of the time.

    Args:
        table: counts, int64 [n_labels, n_codes].
        labels: names of the rows.
        codes: values of the columns.
    """
    rows = []
    by_code, total = table.sum(axis=0), table.sum()
    for j, code in enumerate(codes):
        if by_code[j]:
            shares = [f"{value:.6g}" for value in table[:, j] / by_code[j]]
            rows.append([int(code), f"{by_code[j] / total:.6g}", *shares])
    return csv_text(["code", "share", *labels], rows)
