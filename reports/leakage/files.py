"""The files that a leakage analysis leaves behind: results.json, tables as CSV, figures."""

from __future__ import annotations

from pathlib import Path

from analysis.leakage.run import Outcome
from hac.files.atomic import write_text
from reports.leakage.figures import added_maps
from reports.leakage.probing_tables import probes_csv
from reports.leakage.tables import matrix, matrix_csv, summary_csv
from reports.render.matrix import leakage_map
from reports.render.result_files import write_numbers


def write_leakage(outcome: Outcome, folder: Path) -> list[Path]:
    """Write everything of a leakage analysis; `results.json` last, so that it being there means that all is there.

    Args:
        outcome: the analysis.
        folder: where the files go.

    Returns:
        The files written.
    """
    written = []
    texts = {"leakage": matrix_csv(outcome), "summary": summary_csv(outcome)}
    if any(".probe_" in record.id for record in outcome.results.metrics):
        texts["probes"] = probes_csv(outcome.results)
    for name, text in texts.items():
        written.append(folder / f"{name}.csv")
        write_text(written[-1], text)
    system = outcome.results.system
    written.append(folder / "figures" / "leakage.png")
    leakage_map(matrix(outcome, "leakage"), f"{system}: what streams tell", written[-1])
    if outcome.given:
        written.append(folder / "figures" / "adds.png")
        shown = {given: matrix(outcome, "leakage_adds", given) for given in outcome.given}
        added_maps(shown, f"{system}: what a stream adds to each other one", written[-1])
        written.append(folder / "figures" / "adds_least.png")
        title = f"{system}: what a stream adds beyond the best single other stream"
        leakage_map(matrix(outcome, "leakage_adds"), title, written[-1])
    return [*written, *write_numbers(outcome.results, folder)]
