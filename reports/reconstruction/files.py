"""The files that a reconstruction run leaves behind: rows.parquet, metrics.csv, the figure, results.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.reconstruction.run import Outcome
from hac.files.atomic import atomic_path
from reports.reconstruction.figures import quality_curves
from reports.render.result_files import write_numbers

TEXT_COLUMNS = ("id", "condition", "speaker", "language", "text", "heard")
COUNT_COLUMNS = ("reference_samples", "estimate_samples")


def write_recon(outcome: Outcome, folder: Path) -> list[Path]:
    """Write everything of a run; `results.json` last, so that it being there means that all is there.

    Returns:
        The files written.
    """
    written = [folder / name for name in ("rows.parquet", "figures/quality.png")]
    write_rows(outcome.rows, written[0])
    quality_curves(outcome.results, written[1])
    return [*written, *write_numbers(outcome.results, folder)]


def write_rows(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """A Parquet table of rows: text, counts, else float64: NaN is undefined, null no such column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: pa.array([row.get(name) for row in rows], _type(name)) for name in names})
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _type(name: str) -> Any:
    import pyarrow as pa

    if name in COUNT_COLUMNS:
        return pa.int64()
    return pa.string() if name in TEXT_COLUMNS or name.endswith(".reason") else pa.float64()
