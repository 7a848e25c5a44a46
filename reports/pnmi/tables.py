"""A PNMI run as tables: for a terminal, and P(phone | code) as CSV."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType
from rich.text import Text

from analysis.results.records import DROPPED, KEPT
from analysis.results.schema import Results
from reports.document.cells import EMPTY
from reports.document.number_format import (
    alone,
    counted,
    fixed,
    null_spread,
    number,
    number_in,
    shown,
    spanned,
    value_and_null,
)
from reports.document.parts import Cell, Table
from reports.document.result_table import only, record_table, records_of, whole_corpus
from reports.pnmi.levels import levels_table
from reports.render.csv_files import csv_text
from reports.render.tables import clusters_of, printed

FRAMES = ("frames", "pnmi", shown(lambda record: f"{record.n:,}"))
SCORES = (
    ("PNMI, corrected ± 95 %", "pnmi", spanned()),
    ("counted", "pnmi", counted(number)),
    ("chance ± sd", "pnmi", null_spread),
)
PURITIES = (
    ("H(phone)", "h_phone", alone(number)),
    ("phone pur.", "phone_purity", value_and_null()),
    ("cluster pur.", "cluster_purity", value_and_null()),
)


def pnmi_table(results: Results) -> RenderableType:
    """What `hac-analyze pnmi` prints: every stream with silence kept and dropped, then parts, lags and warnings."""
    convention = results.protocols[KEPT]["convention"]
    over = clusters_of(results.get(f"{next(iter(results.streams))}.pnmi"), results)
    title = f"{results.system}: PNMI under the convention '{convention}', 95 % intervals over {over}"
    whole = whole_corpus(results)
    scores, counts = [], []
    for stream, info in results.streams.items():
        for silence, tag in (("kept", ""), ("dropped", f"[{DROPPED}]")):
            find = records_of(whole, stream, tag)
            scores.append(((stream, silence), find))
            frames, hours = FRAMES[2](find("pnmi")), EMPTY if tag else number_in(fixed(3), info.hours)
            codes = Cell(f"{info.codebook_size} ({info.used_codes})", info.codebook_size)
            counts.append(((stream, silence, codes, frames, hours), find))
    heads = ("stream", "silence", "K (used)", "frames", "hours")
    tables = (
        record_table("scores", title, ("stream", "silence"), SCORES, scores),
        record_table("counts", "Counts and purities (counted / chance)", heads, PURITIES, counts),
        _languages(results),
        levels_table(results),
    )
    return printed(results, tables, lines=_lines(results))


def _languages(results: Results) -> Table:
    """A row for each language of each stream, where there are several."""
    names = dict.fromkeys(record.group for record in results.metrics if record.group.startswith("language="))
    rows = (
        ((stream, group.split("=", 1)[1]), only(results.get(f"{stream}.pnmi", group)))
        for stream in results.streams
        for group in (names if len(names) > 1 else ())
    )
    title = "PNMI by language, silence kept"
    return record_table("languages", title, ("stream", "language"), (FRAMES, *SCORES), rows)


def _lines(results: Results) -> Iterator[Text]:
    if results.lags and not any(lag.best_lag_frames for lag in results.lags):
        yield Text("lag scan: best at zero in every stream")


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
