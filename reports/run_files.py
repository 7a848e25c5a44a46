"""The files that a run leaves behind: results.json, tables as CSV, figures."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from analysis import engine
from analysis.draws import write_draws
from analysis.pnmi import Outcome
from analysis.results import FILE, Results, write_results
from hac.files import distinct, write_text
from reports.figures import heat_map, pnmi_bars
from reports.tables import metrics_csv, phone_given_code_csv


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
    engine.run(heat_map, drawings, jobs=jobs, what="drawing")
    return [*written, *write_numbers(results, folder)]


def write_numbers(results: Results, folder: Path) -> list[Path]:
    """Write `metrics.csv`, `draws.parquet` and, last, `results.json`; returns their paths."""
    table = folder / "metrics.csv"
    write_text(table, metrics_csv(results))
    draws = write_draws(results, folder)
    written = folder / FILE
    write_results(results, written)
    return [table, draws, written]


def file_names(texts: Iterable[str]) -> list[str]:
    """A file name for each text, no two alike even where capitals do not count."""
    return distinct(file_name(text) for text in texts)


def file_name(text: str) -> str:
    """Text from a token file as a file name: letters, digits and `._+-` stay, all else becomes `_`."""
    return re.sub(r"[^A-Za-z0-9._+-]", "_", text)[:100].lstrip(".") or "_"
