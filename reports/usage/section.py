"""How streams use their codebooks: ranks of codes, entropies and rates."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from analysis.results.schema import Record
from analysis.usage.scores import BITS
from hac.errors import HacError
from reports.document.cells import EMPTY, chance_cell, estimate_cell, interval_cell, null_cell
from reports.document.order import first_of_levels, more_streams, shown_streams
from reports.document.parts import Cell, Chart, Panel, Point, Section, Series, Table, no_run
from reports.document.result_table import record_table, records_of
from reports.document.runs import ReportRun, Runs
from reports.document.titles import headed
from reports.listen.section import Listening
from reports.render.csv_files import plain

MOST_POINTS = 60
"""Ranks of a curve: evenly spread over the logarithm, so that a large codebook takes no more room."""
TITLE = "Usage"
BIT_RATES = ("nominal", "0,miller-madow", "1,held-out", "lzma-9")


def sections(runs: Runs, _: Listening) -> tuple[Section, ...]:
    """The sections of this measure on a page."""
    return (usage_section(runs),)


def usage_section(runs: Runs) -> Section:
    """Ranks, entropies and rates."""
    found = runs.of("usage")
    if not found:
        return Section("usage", TITLE, "", missing=(no_run("usage"),))
    lists = {run.system: read_ranks(path) for run in found if (path := run.folder / "ranks.csv").is_file()}
    chart = (_rank_chart(lists),) if any(lists.values()) else ()
    lead = "How many codes are in use, how evenly, at what cost."
    return Section("usage", TITLE, lead, (*chart, _table(found)))


def read_ranks(path: Path) -> dict[str, list[int]]:
    """Frames of each code by stream, most frequent first.

    Raises:
        HacError: the file is not one of ours.
    """
    found: dict[str, list[int]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.reader(stream)
            names = next(rows, [])
            of, frames = names.index("stream"), names.index("frames")
            for row in rows:
                found.setdefault(plain(row[of]), []).append(int(row[frames]))
    except (OSError, ValueError, LookupError, csv.Error) as error:
        raise HacError(f"{path}: not a ranks.csv of hac-analyze ({error!r}); run hac-analyze usage again") from error
    return found


def _rank_chart(lists: dict[str, dict[str, list[int]]]) -> Chart:
    streams = first_of_levels(stream for ranks in lists.values() for stream in ranks)
    panels = []
    for stream in streams:
        series = tuple(Series(system, _spread(ranks[stream])) for system, ranks in lists.items() if ranks.get(stream))
        panels.append(Panel(stream, series, x_title="rank of the code", y_title="share of frames, log10"))
    return Chart("chart-usage", "How often codes occur, by rank", "lines", tuple(panels), x_log=True)


def _spread(counts: list[int]) -> tuple[Point, ...]:
    total, n = sum(counts), len(counts)
    steps = sorted({round(n ** (i / (MOST_POINTS - 1))) for i in range(MOST_POINTS)}) if n > 1 else [1]
    return tuple(Point(math.log10(counts[rank - 1] / total), x=float(rank)) for rank in steps if counts[rank - 1])


def _table(found: tuple[ReportRun, ...]) -> Table:
    fields = (
        (headed("perplexity"), "perplexity", estimate_cell),
        (headed("zipf_exponent"), "zipf_exponent", estimate_cell),
        (headed("run_frames"), "run_frames", estimate_cell),
        ("shuffled ± sd", "run_frames", null_cell),
        ("H1 held out, bits a frame", "cross_entropy[1]", _bits),
        ("shuffled ± sd", "cross_entropy[1]", _bits_null),
        *((f"bit/s, {name}", f"bitrate[{name}]", estimate_cell) for name in BIT_RATES),
    )
    rows = (
        ((run.system, stream, info.codebook_size, info.used_codes), records_of(run.by_id, stream))
        for run in found
        for stream, info in ((stream, run.results.streams[stream]) for stream in shown_streams(run.results.streams))
    )
    note = "; ".join(part for part in ("H1 held out: Kneser-Ney, an upper bound", more_streams(found)) if part)
    return record_table("table-usage", "Codebooks", ("system", "stream", "codes", "used"), fields, rows, note)


def _bits(record: Record | None) -> Cell:
    if record is None:
        return EMPTY
    value, low, high = (x * BITS for x in (record.estimate, record.ci_low, record.ci_high))
    return interval_cell(value, low, high)


def _bits_null(record: Record | None) -> Cell:
    if record is None:
        return EMPTY
    return chance_cell(record.null_mean * BITS, record.null_sd * BITS)
