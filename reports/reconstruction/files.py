"""The files of a reconstruction run."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa

from analysis.reconstruction.run import Outcome
from reports.reconstruction.figures import quality_curves
from reports.render.result_files import Content

TEXT_COLUMNS = ("id", "condition", "speaker", "language", "text", "heard")
COUNT_COLUMNS = ("reference_samples", "estimate_samples")


def recon_files(outcome: Outcome) -> dict[str, Content]:
    """Every utterance of every condition, and the figure.

    The columns are texts, counts, else float64: NaN is undefined, null no such column.
    """
    names = dict.fromkeys(name for row in outcome.rows for name in row)
    schema = pa.schema([(name, _type(name)) for name in names])
    return {
        "rows.parquet": pa.Table.from_pylist(outcome.rows, schema=schema),
        "figures/quality.png": partial(quality_curves, outcome.results),
    }


def _type(name: str) -> Any:
    if name in COUNT_COLUMNS:
        return pa.int64()
    return pa.string() if name in TEXT_COLUMNS or name.endswith(".reason") else pa.float64()
