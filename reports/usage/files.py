"""The files that a usage run leaves behind: results.json, tables as CSV, figures."""

from __future__ import annotations

from pathlib import Path

from analysis.usage.run import Outcome
from hac.files.atomic import write_text
from reports.render.result_files import write_numbers
from reports.usage.figures import rank_frequency, run_lengths, shared_information
from reports.usage.tables import entropy_csv, ranks_csv, runs_csv


def write_usage(outcome: Outcome, folder: Path) -> list[Path]:
    """Write everything of a usage run; `results.json` last, so that it being there means that all is there.

    Args:
        outcome: the run.
        folder: where the files go.

    Returns:
        The files written.
    """
    results = outcome.results
    tables = {
        "entropies.csv": entropy_csv(results),
        "ranks.csv": ranks_csv(results, outcome.streams),
        "runs.csv": runs_csv(results, outcome.streams),
    }
    for name, text in tables.items():
        write_text(folder / name, text)
    figures, written = folder / "figures", [folder / name for name in tables]
    written += [figures / "rank_frequency.png", figures / "run_lengths.png"]
    rank_frequency(results, outcome.streams, written[-2])
    run_lengths(results, outcome.streams, written[-1])
    if len(results.streams) > 1:
        written.append(figures / "stream_mi.png")
        shared_information(results, written[-1])
    return [*written, *write_numbers(results, folder)]
