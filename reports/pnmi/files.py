"""The files that a PNMI run leaves behind."""

from __future__ import annotations

from pathlib import Path

from analysis import parallel
from analysis.pnmi.run import Outcome
from hac.files.atomic import write_text
from reports.pnmi.figures import heat_map, pnmi_bars
from reports.pnmi.tables import phone_given_code_csv
from reports.render.result_files import file_names, write_numbers


def write_pnmi(outcome: Outcome, folder: Path, jobs: int = 1) -> list[Path]:
    """Write everything of a PNMI run; `results.json` last, so that it being there means that all is there.

    Args:
        outcome: the run.
        folder: where the files go.
        jobs: processes that draw; 0 or less: one per core.

    Returns:
        The files written.
    """
    results = outcome.results
    written = [folder / "figures" / "pnmi.png"]
    pnmi_bars(results, written[0])
    drawings = []
    names = file_names(results.streams)
    for name, stream, scores in zip(names, results.streams, outcome.streams, strict=True):
        csv, png = folder / f"phone_given_code.{name}.csv", folder / "figures" / f"phone_given_code.{name}.png"
        write_text(csv, phone_given_code_csv(scores.table, scores.labels, scores.codes))
        title = f"{results.system}, stream {stream}"
        drawings.append((scores.table, scores.labels, outcome.classes, title, png))
        written += [csv, png]
    parallel.run(heat_map, drawings, jobs=jobs, what="drawing")
    return [*written, *write_numbers(results, folder)]
