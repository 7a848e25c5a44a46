"""The files that a run leaves behind: results.json, tables as CSV, figures."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from analysis.results.bootstrap_draws import write_draws
from analysis.results.schema import FILE, Results, write_results
from hac.files.atomic import distinct, write_text
from reports.render.tables import metrics_csv


def write_numbers(results: Results, folder: Path) -> list[Path]:
    """Write `metrics.csv`, `draws.parquet` and, last, `results.json`; returns their paths."""
    table = folder / "metrics.csv"
    write_text(table, metrics_csv(results))
    draws = write_draws(results, folder)
    written = folder / FILE
    write_results(results, written)
    return [table, draws, written]


def file_names(texts: Iterable[str]) -> list[str]:
    """A file name for each text, no two alike even where capitals do not count."""
    return distinct(file_name(text) for text in texts)


def file_name(text: str) -> str:
    """Text from a token file as a file name: letters, digits and `._+-` stay, all else becomes `_`."""
    return re.sub(r"[^A-Za-z0-9._+-]", "_", text)[:100].lstrip(".") or "_"
