"""How streams use their codebooks, as tables: for a terminal, and as CSV for other tools."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import RenderableType

from analysis.results.schema import Record, Results
from analysis.usage.scores import BITS, StreamUsage
from reports.document.cells import EMPTY
from reports.document.number_format import alone, fixed, number_in, shown, spanned, value_and_null, with_interval
from reports.document.parts import Cell, Table
from reports.document.result_table import Cells, record_table, records_of, result_table, whole_corpus
from reports.render.csv_files import csv_text
from reports.render.tables import clusters_of, printed

ENTROPY_FIELDS = (
    *("stream", "group", "measure", "nats_per_frame", "ci_low", "ci_high", "null_mean", "null_sd"),
    *("bits_per_frame", "bits_per_s"),
)
IN_NATS = ("entropy", "conditional_entropy", "cross_entropy", "frame_mi")
WHOLE, TWO = fixed(0), fixed(2)
CODES = (
    ("share", "used_share", alone(fixed(3))),
    ("perplexity ± 95 %", "perplexity", spanned(WHOLE, WHOLE)),
    ("Zipf ± 95 %", "zipf_exponent", spanned(TWO, TWO)),
    (
        "run, frames ± 95 % / shuffled",
        "run_frames",
        shown(lambda r: f"{with_interval(r.estimate, r.ci_low, r.ci_high, TWO, TWO)} / {TWO(r.null_mean)}"),
    ),
    ("ms", "run_ms", alone(WHOLE)),
    ("90 %", "run_p90_ms", alone(WHOLE)),
)
FRAME_BITS = (
    ("H0", "entropy[miller-madow]", alone(TWO, BITS)),
    ("H1 plug-in", "conditional_entropy[1,plug-in]", value_and_null(TWO, BITS)),
    ("H1 held-out", "cross_entropy[1]", value_and_null(TWO, BITS)),
    ("H2 plug-in", "conditional_entropy[2,plug-in]", value_and_null(TWO, BITS)),
    ("H2 held-out", "cross_entropy[2]", value_and_null(TWO, BITS)),
    ("I(next)", "frame_mi[plug-in]", value_and_null(TWO, BITS)),
    ("lzma-9", "compressed[lzma-9]", value_and_null(TWO)),
)


def usage_tables(results: Results) -> RenderableType:
    """What `hac-analyze usage` prints: codes and runs, bits per frame, bits per second, what streams share."""
    legend = (
        "number / of shuffled frames; held-out: Kneser-Ney, an upper bound; plug-in: too low. By language: metrics.csv"
    )
    first = results.get(f"{next(iter(results.streams))}.perplexity")
    title = f"{results.system}: codes and runs, 95 % intervals over {clusters_of(first, results)}"
    whole = whole_corpus(results)
    used = [
        ((name, Cell(f"{info.codebook_size} ({info.used_codes})", info.codebook_size)), records_of(whole, name))
        for name, info in results.streams.items()
    ]
    sizes = [
        ((name, number_in(TWO, math.log2(info.codebook_size))), records_of(whole, name))
        for name, info in results.streams.items()
    ]
    tables = (
        record_table("codes", title, ("stream", "K (used)"), CODES, used),
        record_table("bits", "Bits per frame (number / of shuffled frames)", ("stream", "log2 K"), FRAME_BITS, sizes),
        _rates(results),
        _pairs(results),
    )
    return printed(results, tables, legend)


def _rates(results: Results) -> Table:
    rows: list[Cells] = []
    for stream, info in results.streams.items():
        nominal, zero, lzma = (results.get(f"{stream}.bitrate[{n}]") for n in ("nominal", "0,miller-madow", "lzma-9"))
        ends = [
            [results.get(f"{stream}.bitrate[{order},{bias}]").value for bias in ("plug-in", "held-out")]
            for order in (1, 2)
        ]
        spans = (Cell(f"{WHOLE(low)} to {WHOLE(high)}", low) for low, high in ends)
        around = spanned(WHOLE, WHOLE)
        rate = Cell(info.frame_rate, info.frames_per_second)
        rows.append((stream, rate, alone(fixed(1))(nominal), around(zero), *spans, around(lzma)))
    heads = ("stream", "frames/s", "nominal", "order 0", "order 1", "order 2", "lzma-9")
    return result_table("rates", "Bits per second: orders 1 and 2 from plug-in to held-out", heads, rows)


def _pairs(results: Results) -> Table:
    excess = {(r.stream, other_of(r)): (r.value - r.null_mean) * BITS for r in results.metrics if ".stream_mi[" in r.id}
    names = list(results.streams)
    rows: list[Cells] = [
        (name, *(number_in(TWO, excess[name, other]) if j > i else EMPTY for j, other in enumerate(names) if j))
        for i, name in enumerate(names[:-1])
    ]
    title = "What streams share in the same frame, bits (plug-in, less chance)"
    return result_table("pairs", title, ("stream", *names[1:]), rows)


def other_of(record: Record) -> str:
    """The second stream of a `stream_mi` record."""
    return record.id.removeprefix(f"{record.stream}.stream_mi[").removesuffix("]")


def entropy_csv(results: Results) -> str:
    """Every entropy in nats with interval and null, and its value in bits per frame and per second."""
    rows = []
    for r in results.metrics:
        measure = r.id.removeprefix(f"{r.stream}.")
        if measure.split("[")[0] in IN_NATS:
            bits = r.value * BITS
            nats = (r.value, r.ci_low, r.ci_high, r.null_mean, r.null_sd)
            rows.append((r.stream, r.group, measure, *nats, bits, bits * results.streams[r.stream].frames_per_second))
    return csv_text(ENTROPY_FIELDS, rows)


def ranks_csv(results: Results, streams: Sequence[StreamUsage]) -> str:
    """Codes by frequency, a row per code that occurs."""
    rows = (
        (name, rank, code, n)
        for name, each in zip(results.streams, streams, strict=True)
        for rank, (code, n) in enumerate(zip(each.codes.tolist(), each.counts.tolist(), strict=True), start=1)
    )
    return csv_text(("stream", "rank", "code", "frames"), rows)


def runs_csv(results: Results, streams: Sequence[StreamUsage]) -> str:
    """Runs of equal codes by length, a row per length that occurs."""
    rows = (
        (name, round(ms * info.frames_per_second / 1000), ms, n)
        for (name, info), each in zip(results.streams.items(), streams, strict=True)
        for ms, n in zip(each.runs.durations_ms.tolist(), each.runs.counts.tolist(), strict=True)
    )
    return csv_text(("stream", "frames", "ms", "runs"), rows)
