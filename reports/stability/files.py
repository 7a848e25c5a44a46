"""The files that a stability run leaves behind: results.json, tables, every utterance, a figure."""

from __future__ import annotations

from pathlib import Path

from analysis.stability.run import Outcome
from hac.files.atomic import write_text
from reports.render.result_files import write_numbers
from reports.stability.figures import distance_bars
from reports.stability.tables import perturbations_of, stability_csv, write_rows


def write_stability(outcome: Outcome, folder: Path) -> list[Path]:
    """Write everything of a stability run; `results.json` last, so that it being there means that all is there.

    Args:
        outcome: the run.
        folder: where the files go.

    Returns:
        The files written.
    """
    results = outcome.results
    written = [folder / "stability.csv", folder / "rows.parquet"]
    write_text(written[0], stability_csv(results))
    write_rows(outcome.compared, written[-1])
    if perturbations_of(results):
        written.append(folder / "figures" / "stability.png")
        distance_bars(results, written[-1])
    return [*written, *write_numbers(results, folder)]
