"""Results as tables: for a terminal, and as CSV for other tools."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from analysis.results.records import NOTE_JOINER
from analysis.results.schema import Record, Results
from reports.render.csv_files import csv_text

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


def make_table(title: str, names: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    """An empty table: columns of names to the left, of numbers to the right."""
    table = Table(title=escape(title), box=box.SIMPLE_HEAD, title_justify="left")
    for name in names:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


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


def clusters_of(record: Record, results: Results) -> str:
    """What was resampled for a record's interval: `12 speakers`, `128 groups of utterances`, ..."""
    n, _, unit = record.note.split(NOTE_JOINER)[0].removeprefix("clusters: ").partition(" ")
    return resampled_units(int(n), unit.strip("()"), results) if unit else "clusters"


def resampled_units(n: int, unit: str, results: Results) -> str:
    """So many units: utterances that were dealt into fewer are groups of utterances."""
    permuted = unit == "utterance" and n < results.coverage["utterances"]["counted"]
    return f"{n} groups of utterances" if permuted else f"{n} {unit}s"


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
