"""The files that a run leaves behind: tables as CSV and Parquet, figures, and last results.json."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from analysis import parallel
from analysis.results.left_out import write_left_out
from analysis.results.records import NOTE_JOINER
from analysis.results.schema import FILE, Results, write_results
from hac.files.atomic import atomic_path, distinct, write_text
from reports.render.csv_files import csv_text

Drawing: TypeAlias = Callable[[Path], None]
Content: TypeAlias = "str | pa.Table | Drawing"
"""What a file holds: a text, a Parquet table, or what draws the figure at a path."""
CSV_FIELDS = (
    *("id", "stream", "group", "estimate", "ci_low", "ci_high", "is_corrected", "value", "null_mean", "null_sd"),
    *("n_nulls", "n", "protocol", "ci_method", "note", "nulls"),
)


def write_run(results: Results, contents: Mapping[str, Content], folder: Path, jobs: int = 1) -> list[Path]:
    """Write everything of a run; `results.json` last, so that it being there means that all is there.

    Args:
        results: of the run.
        contents: of the analysis' own files, by path within the folder.
        folder: where the files go.
        jobs: processes that draw; 0 or less: one per core.

    Returns:
        The files written.
    """
    drawings: list[tuple[Drawing, Path]] = []
    for name, content in contents.items():
        if isinstance(content, str):
            write_text(folder / name, content)
        elif isinstance(content, pa.Table):
            with atomic_path(folder / name) as temporary:
                pq.write_table(content, temporary, compression="zstd")
        else:
            drawings.append((content, folder / name))
    parallel.run(_draw, drawings, jobs=jobs, what="drawing")
    return [*(folder / name for name in contents), *write_numbers(results, folder)]


def _draw(drawing: Drawing, path: Path) -> None:
    drawing(path)


def write_numbers(results: Results, folder: Path) -> list[Path]:
    """Write `metrics.csv`, `jackknife.parquet` and, last, `results.json`; returns their paths."""
    table = folder / "metrics.csv"
    write_text(table, metrics_csv(results))
    left_out = write_left_out(results, folder)
    written = folder / FILE
    write_results(results, written)
    return [table, left_out, written]


def metrics_csv(results: Results) -> str:
    """Every record as CSV, empty where a number could not be had."""
    rows = []
    for record in results.metrics:
        data = record.model_dump(mode="json")
        data["nulls"] = NOTE_JOINER.join(f"{name} {null['mean']} {null['sd']}" for name, null in data["nulls"].items())
        rows.append([data[field] for field in CSV_FIELDS])
    return csv_text(CSV_FIELDS, rows)


def file_names(texts: Iterable[str]) -> list[str]:
    """A file name for each text, no two alike even where capitals do not count."""
    return distinct(file_name(text) for text in texts)


def file_name(text: str) -> str:
    """Text from a token file as a file name: letters, digits and `._+-` stay, all else becomes `_`."""
    return re.sub(r"[^A-Za-z0-9._+-]", "_", text)[:100].lstrip(".") or "_"
