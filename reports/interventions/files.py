"""The files that `hac-analyze intervene` leaves behind, beside the audio that it keeps."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.interventions.run import Outcome
from hac.files.atomic import atomic_path
from reports.interventions.figures import intervention_bars
from reports.render.result_files import write_numbers

SCHEMA = pa.schema(
    [
        ("level", pa.string()),
        ("intervention", pa.string()),
        ("id", pa.string()),
        ("partner", pa.string()),
        ("effect", pa.string()),
        ("value", pa.float64()),
        ("numerator", pa.float64()),
        ("denominator", pa.float64()),
        ("reason", pa.string()),
    ]
)
"""Columns of `rows.parquet`: numerators and denominators are what is added up; `value` is one over the other."""


def write_intervene(outcome: Outcome, folder: Path) -> list[Path]:
    """Write everything of a run; `results.json` last, so that it being there means that all is there.

    Args:
        outcome: the run.
        folder: where the files go.

    Returns:
        The files written.
    """
    written = [folder / "rows.parquet", folder / "figures" / "interventions.png"]
    with atomic_path(written[0]) as temporary:
        pq.write_table(rows_table(outcome), temporary)
    intervention_bars(outcome.results, written[1])
    return [*written, *write_numbers(outcome.results, folder)]


def rows_table(outcome: Outcome) -> pa.Table:
    """Every measure of every utterance in every condition; what is undefined is null and has a reason."""
    rows: list[tuple[Any, ...]] = []
    partners = outcome.partners or (None,) * len(outcome.ids)
    for condition in outcome.conditions:
        for effect, measure in outcome.measures[condition.name].items():
            found = measure.value
            columns = zip(
                outcome.ids,
                partners,
                found.numerators.tolist(),
                found.denominators.tolist(),
                found.reasons,
                strict=True,
            )
            for id, partner, above, below, reason in columns:
                there = math.isfinite(above) and math.isfinite(below)
                value = above / below if there and below else None
                numbers = (value, above, below, None) if there else (None, None, None, reason)
                rows.append((condition.level, condition.intervention, id, partner, effect, *numbers))
    return pa.table([pa.array([row[i] for row in rows], kind) for i, kind in enumerate(SCHEMA.types)], SCHEMA)
