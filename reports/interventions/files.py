"""The files of `hac-analyze intervene`, beside the audio that it keeps."""

from __future__ import annotations

import math
from functools import partial

import pyarrow as pa

from analysis.interventions.run import Outcome
from reports.interventions.figures import intervention_bars
from reports.render.result_files import Content

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


def intervene_files(outcome: Outcome) -> dict[str, Content]:
    """Every measure of every utterance, and the figure."""
    return {
        "rows.parquet": rows_table(outcome),
        "figures/interventions.png": partial(intervention_bars, outcome.results),
    }


def rows_table(outcome: Outcome) -> pa.Table:
    """Every measure of every utterance in every condition; what is undefined is null and has a reason."""
    rows = []
    partners = outcome.partners or (None,) * len(outcome.ids)
    for condition in outcome.conditions:
        of = {"level": condition.level, "intervention": condition.intervention}
        for effect, measure in outcome.measures[condition.name].items():
            found = measure.value
            numbers = (found.numerators.tolist(), found.denominators.tolist(), found.reasons)
            for id, partner, above, below, reason in zip(outcome.ids, partners, *numbers, strict=True):
                row = {**of, "id": id, "partner": partner, "effect": effect}
                if math.isfinite(above) and math.isfinite(below):
                    row |= {"value": above / below if below else None, "numerator": above, "denominator": below}
                else:
                    row["reason"] = reason
                rows.append(row)
    return pa.Table.from_pylist(rows, schema=SCHEMA)
