"""A PNMI run as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from analysis.results.records import DROPPED, KEPT
from analysis.results.schema import Record, Results
from reports.document.number_format import beside_null, number, with_interval, with_null
from reports.render.csv_files import csv_text
from reports.render.tables import clusters_of, coverage_line, make_table, trouble_lines


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


def _clusters(results: Results) -> str:
    return clusters_of(_record(results, next(iter(results.streams)), "pnmi", KEPT), results)


def _record(results: Results, stream: str, metric: str, protocol: str) -> Record:
    return results.get(f"{stream}.{metric}" + ("" if protocol == KEPT else f"[{protocol}]"))


def _groups(results: Results, prefix: str) -> list[str]:
    names = list(dict.fromkeys(record.group for record in results.metrics if record.group.startswith(prefix)))
    return names if len(names) > 1 else []


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
