"""The files of a usage run."""

from __future__ import annotations

from functools import partial

from analysis.usage.run import Outcome
from reports.render.result_files import Content
from reports.usage.figures import rank_frequency, run_lengths, shared_information
from reports.usage.tables import entropy_csv, ranks_csv, runs_csv


def usage_files(outcome: Outcome) -> dict[str, Content]:
    """Entropies, ranks and runs as CSV, and their figures."""
    results, streams = outcome.results, outcome.streams
    files: dict[str, Content] = {
        "entropies.csv": entropy_csv(results),
        "ranks.csv": ranks_csv(results, streams),
        "runs.csv": runs_csv(results, streams),
        "figures/rank_frequency.png": partial(rank_frequency, results, streams),
        "figures/run_lengths.png": partial(run_lengths, results, streams),
    }
    if len(results.streams) > 1:
        files["figures/stream_mi.png"] = partial(shared_information, results)
    return files
