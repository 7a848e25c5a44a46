"""The files that a boundary run leaves behind: results.json, tables as CSV, figures."""

from __future__ import annotations

from pathlib import Path

from analysis import parallel
from analysis.boundaries.run import Outcome
from hac.files.atomic import write_text
from reports.boundaries.figures import run_histogram, tolerance_curves
from reports.boundaries.tables import curve_csv, histogram_csv, segments_csv
from reports.render.result_files import file_names, write_numbers


def write_boundaries(outcome: Outcome, folder: Path, jobs: int = 1) -> list[Path]:
    """Write everything of a boundary run; `results.json` last, so that it being there means that all is there.

    Args:
        outcome: the run.
        folder: where the files go.
        jobs: processes that draw; 0 or less: one per core.

    Returns:
        The files written.
    """
    results = outcome.results
    summaries = [*outcome.labels, *outcome.runs]
    tables = {
        "boundaries.csv": curve_csv(results),
        "segments.csv": segments_csv(summaries),
        "segment_histogram.csv": histogram_csv(summaries),
    }
    for name, text in tables.items():
        write_text(folder / name, text)
    figures, written = folder / "figures", [folder / name for name in tables]
    curves, histograms = [], []
    for name, stream, runs in zip(file_names(results.streams), results.streams, outcome.runs, strict=True):
        curves.append((results, stream, figures / f"tolerance.{name}.png"))
        histograms.append((runs, outcome.labels, results.system, figures / f"runs.{name}.png"))
        written += [curves[-1][-1], histograms[-1][-1]]
    parallel.run(tolerance_curves, curves, jobs=jobs, what="drawing curves")
    parallel.run(run_histogram, histograms, jobs=jobs, what="drawing histograms")
    return [*written, *write_numbers(results, folder)]
