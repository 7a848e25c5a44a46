"""The files of a boundary run."""

from __future__ import annotations

from functools import partial

from analysis.boundaries.run import Outcome
from reports.boundaries.figures import run_histogram, tolerance_curves
from reports.boundaries.tables import curve_csv, histogram_csv, segments_csv
from reports.render.result_files import Content, file_names


def boundary_files(outcome: Outcome) -> dict[str, Content]:
    """Scores, segments and their durations as CSV, and two figures of each stream."""
    results = outcome.results
    summaries = [*outcome.labels, *outcome.runs]
    files: dict[str, Content] = {
        "boundaries.csv": curve_csv(results),
        "segments.csv": segments_csv(summaries),
        "segment_histogram.csv": histogram_csv(summaries),
    }
    for name, stream, runs in zip(file_names(results.streams), results.streams, outcome.runs, strict=True):
        files[f"figures/tolerance.{name}.png"] = partial(tolerance_curves, results, stream)
        files[f"figures/runs.{name}.png"] = partial(run_histogram, runs, outcome.labels, results.system)
    return files
