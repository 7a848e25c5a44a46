"""How streams use their codebooks, as tables: for a terminal, and as CSV for other tools."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from analysis.results.schema import Record, Results
from analysis.usage.scores import BITS, StreamUsage
from reports.document.number_format import number
from reports.render.csv_files import csv_text
from reports.render.tables import clusters_of, coverage_line, make_table, trouble_lines

ENTROPY_FIELDS = (
    *("stream", "group", "measure", "nats_per_frame", "ci_low", "ci_high", "null_mean", "null_sd"),
    *("bits_per_frame", "bits_per_s"),
)
IN_NATS = ("entropy", "conditional_entropy", "cross_entropy", "frame_mi")


def usage_tables(results: Results) -> RenderableType:
    """What `hac-analyze usage` prints: codes and runs, bits per frame, bits per second, what streams share."""
    parts: list[RenderableType] = [_codes(results), _bits(results), _rates(results)]
    if pairs := [record for record in results.metrics if ".stream_mi[" in record.id]:
        parts.append(_pairs(results, pairs))
    legend = (
        "value / mean of the null; held-out: Kneser-Ney, an upper bound; plug-in: too low. By language: metrics.csv"
    )
    return Group(*parts, coverage_line(results), Text(legend, style="dim"), *trouble_lines(results))


def _codes(results: Results) -> Table:
    first = results.get(f"{next(iter(results.streams))}.perplexity")
    table = make_table(
        f"{results.system}: codes and runs, 95 % intervals over {clusters_of(first, results)}",
        ("stream",),
        ("K (used)", "share", "perplexity [95 %]", "Zipf [95 %]", "run, frames [95 %] / null", "ms", "90 %"),
    )
    for stream, info in results.streams.items():
        run = results.get(f"{stream}.run_frames")
        table.add_row(
            escape(stream),
            f"{info.codebook_size} ({info.used_codes})",
            f"{results.get(f'{stream}.used_share').value:.3f}",
            _around(results.get(f"{stream}.perplexity"), 0),
            _around(results.get(f"{stream}.zipf_exponent"), 2),
            f"{_around(run, 2)} / {_fixed(run.null_mean, 2)}",
            *(_fixed(results.get(f"{stream}.{name}").value, 0) for name in ("run_ms", "run_p90_ms")),
        )
    return table


def _bits(results: Results) -> Table:
    table = make_table(
        "Bits per frame (value / null)",
        ("stream",),
        ("log2 K", "H0", "H1 plug-in", "H1 held-out", "H2 plug-in", "H2 held-out", "I(next)", "lzma-9"),
    )
    for stream, info in results.streams.items():
        shown = (
            *("conditional_entropy[1,plug-in]", "cross_entropy[1]", "conditional_entropy[2,plug-in]"),
            *("cross_entropy[2]", "frame_mi[plug-in]"),
        )
        table.add_row(
            escape(stream),
            f"{math.log2(info.codebook_size):.2f}",
            _fixed(results.get(f"{stream}.entropy[miller-madow]").value * BITS, 2),
            *(_beside(results.get(f"{stream}.{name}"), BITS) for name in shown),
            _beside(results.get(f"{stream}.compressed[lzma-9]"), 1),
        )
    return table


def _rates(results: Results) -> Table:
    table = make_table(
        "Bits per second: orders 1 and 2 from plug-in to held-out",
        ("stream",),
        ("frames/s", "nominal", "order 0", "order 1", "order 2", "lzma-9"),
    )
    for stream, info in results.streams.items():
        ends = (f"{order},{bias}" for order in (1, 2) for bias in ("plug-in", "held-out"))
        shown = ("nominal", "0,miller-madow", "lzma-9", *ends)
        rates = {name: results.get(f"{stream}.bitrate[{name}]") for name in shown}
        spans = [
            f"{_fixed(rates[f'{o},plug-in'].value, 0)} to {_fixed(rates[f'{o},held-out'].value, 0)}" for o in (1, 2)
        ]
        whole = (_fixed(rates["nominal"].value, 1), _around(rates["0,miller-madow"], 0))
        table.add_row(escape(stream), info.frame_rate, *whole, *spans, _around(rates["lzma-9"], 0))
    return table


def _pairs(results: Results, pairs: Sequence[Record]) -> Table:
    table = make_table("What streams share in the same frame, bits (plug-in, less the null)", ("stream",), ())
    names = list(results.streams)
    for name in names[1:]:
        table.add_column(escape(name), justify="right")
    by_pair = {(record.stream, other_of(record)): record for record in pairs}
    for i, name in enumerate(names[:-1]):
        cells = [_excess(by_pair[name, other]) if j > i else "" for j, other in enumerate(names) if j]
        table.add_row(escape(name), *cells)
    return table


def other_of(record: Record) -> str:
    """The second stream of a `stream_mi` record."""
    return record.id.removeprefix(f"{record.stream}.stream_mi[").removesuffix("]")


def _fixed(value: float, places: int) -> str:
    return f"{value:.{places}f}" if math.isfinite(value) else number(value)


def _around(record: Record, places: int) -> str:
    if not math.isfinite(record.ci_low):
        return _fixed(record.value, places)
    return f"{_fixed(record.value, places)} [{_fixed(record.ci_low, places)}, {_fixed(record.ci_high, places)}]"


def _excess(record: Record) -> str:
    return _fixed((record.value - record.null_mean) * BITS, 2)


def _beside(record: Record, factor: float) -> str:
    return f"{_fixed(record.value * factor, 2)} / {_fixed(record.null_mean * factor, 2)}"


def entropy_csv(results: Results) -> str:
    """Every entropy in nats with interval and null, and its value in bits per frame and per second."""
    rows: list[list[Any]] = []
    for record in results.metrics:
        measure = record.id.removeprefix(f"{record.stream}.")
        if measure.split("[")[0] not in IN_NATS:
            continue
        rate = results.streams[record.stream].frames_per_second
        around = (record.ci_low, record.ci_high, record.null_mean, record.null_sd)
        bits = record.value * BITS
        rows.append([record.stream, record.group, measure, record.value, *around, bits, bits * rate])
    return csv_text(ENTROPY_FIELDS, rows)


def ranks_csv(results: Results, streams: Sequence[StreamUsage]) -> str:
    """Codes by frequency, a row per code that occurs."""
    rows = []
    for name, each in zip(results.streams, streams, strict=True):
        counts = zip(each.codes.tolist(), each.counts.tolist(), strict=True)
        rows += [[name, rank, code, n] for rank, (code, n) in enumerate(counts, start=1)]
    return csv_text(("stream", "rank", "code", "frames"), rows)


def runs_csv(results: Results, streams: Sequence[StreamUsage]) -> str:
    """Runs of equal codes by length, a row per length that occurs."""
    rows = []
    for (name, info), each in zip(results.streams.items(), streams, strict=True):
        lengths = zip(each.runs.durations_ms.tolist(), each.runs.counts.tolist(), strict=True)
        rows += [[name, round(ms * info.frames_per_second / 1000), ms, n] for ms, n in lengths]
    return csv_text(("stream", "frames", "ms", "runs"), rows)
