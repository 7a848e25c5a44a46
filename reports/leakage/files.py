"""The files of a leakage analysis."""

from __future__ import annotations

from functools import partial

from analysis.leakage.run import Outcome
from reports.leakage.figures import added_maps
from reports.leakage.probing_tables import probes_csv
from reports.leakage.tables import matrix, matrix_csv, summary_csv
from reports.render.matrix import leakage_map
from reports.render.result_files import Content


def leakage_files(outcome: Outcome) -> dict[str, Content]:
    """Cells, summary and probes as CSV, and the maps of what streams tell and add."""
    files: dict[str, Content] = {"leakage.csv": matrix_csv(outcome), "summary.csv": summary_csv(outcome)}
    if any(".probe_" in record.id for record in outcome.results.metrics):
        files["probes.csv"] = probes_csv(outcome.results)
    system = outcome.results.system
    title = f"{system}: information of each stream on each factor"
    files["figures/leakage.png"] = partial(leakage_map, matrix(outcome, "leakage"), title)
    if outcome.given:
        shown = {given: matrix(outcome, "leakage_adds", given) for given in outcome.given}
        files["figures/adds.png"] = partial(added_maps, shown, f"{system}: what a stream adds to each other one")
        title = f"{system}: what a stream adds beyond the best single other stream"
        files["figures/adds_least.png"] = partial(leakage_map, matrix(outcome, "leakage_adds"), title)
    return files
