"""The files of a stability run."""

from __future__ import annotations

from functools import partial

from analysis.stability.run import Outcome
from reports.render.result_files import Content
from reports.stability.figures import distance_bars
from reports.stability.tables import perturbations_of, rows_table, stability_csv


def stability_files(outcome: Outcome) -> dict[str, Content]:
    """The numbers as CSV, every utterance, and the figure."""
    files: dict[str, Content] = {
        "stability.csv": stability_csv(outcome.results),
        "rows.parquet": rows_table(outcome.compared),
    }
    if perturbations_of(outcome.results):
        files["figures/stability.png"] = partial(distance_bars, outcome.results)
    return files
