"""The files of a PNMI run."""

from __future__ import annotations

from functools import partial

from analysis.pnmi.run import Outcome
from reports.pnmi.figures import heat_map, pnmi_bars
from reports.pnmi.tables import phone_given_code_csv
from reports.render.result_files import Content, file_names


def pnmi_files(outcome: Outcome) -> dict[str, Content]:
    """The bars, and P(phone | code) of each stream as CSV and as a heat-map."""
    results = outcome.results
    files: dict[str, Content] = {"figures/pnmi.png": partial(pnmi_bars, results)}
    names = file_names(results.streams)
    for name, stream, scores in zip(names, results.streams, outcome.streams, strict=True):
        title = f"{results.system}, stream {stream}"
        files[f"phone_given_code.{name}.csv"] = phone_given_code_csv(scores.table, scores.labels, scores.codes)
        files[f"figures/phone_given_code.{name}.png"] = partial(
            heat_map, scores.table, scores.labels, outcome.classes, title
        )
    return files
