"""What a sweep of trainings found: the differences of its variants to its reference, over their seeds."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from analysis.comparison.differences import Difference
from analysis.metrics.registry import METRICS, metric_name
from hac.errors import HacError
from reports.comparison.parts import difference_chart, difference_table, stream_of
from reports.comparison.tables import CLEAR
from reports.document.order import first_of_levels
from reports.document.part_ids import part_id
from reports.document.parts import Chart, Table
from reports.document.runs import ReportRun, Runs
from reports.render.csv_files import plain

NAME = "differences.csv"
TEXTS = ("id", "group", "run", "of", "method", "verdict", "note", "analysis")
NUMBERS = ("base", "other", "difference", "low", "high", "p", "p_holm", "error")
Wanted = Callable[[Difference, Sequence[str]], bool]
"""Whether a difference is shown, given the first streams of each level."""


def read_differences(path: Path) -> list[Difference]:
    """The differences of a sweep, those of metrics that this program knows.

    Raises:
        HacError: the file is not one of ours.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        found = [_difference(row) for row in rows]
    except (OSError, ValueError, LookupError, TypeError, csv.Error) as error:
        raise HacError(f"{path}: not the {NAME} of hac-analyze ablate ({error!r}); compare the sweep again") from error
    return [one for one in found if metric_name(one.id) in METRICS]


def _difference(row: dict[str, str]) -> Difference:
    fields: dict[str, Any] = {name: plain(row[name]) for name in TEXTS}
    fields.update({name: float(row[name] or "nan") for name in NUMBERS})
    return Difference(n_seeds=int(row["n_seeds"]), **fields)


def sweeps(runs: Runs) -> Iterator[tuple[ReportRun, list[Difference]]]:
    """Each sweep of the report with its differences; without any where the file is missing."""
    for run in runs.of("ablate"):
        path = run.folder / NAME
        yield run, read_differences(path) if path.is_file() else []


def _headlines(found: Sequence[Difference], wanted: Wanted) -> list[Difference]:
    streams = first_of_levels(stream_of(one.id) for one in found)
    return [one for one in found if wanted(one, streams)]


def reference_of(run: ReportRun) -> str:
    """The variant that the others of a sweep are held against."""
    return next((str(one["reference"]) for one in run.results.protocols.values() if "reference" in one), "reference")


def ablation_parts(runs: Runs, wanted: Wanted, missing: list[str]) -> Iterator[Table | Chart]:
    """A table and a figure for each analysis of each sweep.

    Args:
        runs: of the report.
        wanted: which differences.
        missing: takes up what is not there.
    """
    for run, found in sweeps(runs):
        if not found:
            missing.append(f"{run.system}: {NAME} is not in the sweep's folder, so its differences are not shown.")
        headlines = _headlines(found, wanted)
        for analysis in dict.fromkeys(one.analysis for one in headlines):
            shown = [one for one in headlines if one.analysis == analysis]
            base, seeds = reference_of(run), max(one.n_seeds for one in shown)
            title = f"{run.system}, {analysis}: variants against {base}"
            n_tests = sum(math.isfinite(one.p) for one in found)
            note = f"means over {seeds} seed{'s' * (seeds > 1)}; p by Holm over {n_tests} differences of the sweep"
            yield difference_table(part_id("ablation", run.system, analysis), title, base, shown, note)
            yield difference_chart(part_id("chart-ablation", run.system, analysis), title, shown)


def clear_ones(runs: Runs, wanted: Wanted) -> Iterator[Table | str]:
    """For the verdict: of each sweep, the differences beyond noise and how many are not, or that there are none."""
    for run, found in sweeps(runs):
        headline = _headlines(found, wanted)
        shown = [one for one in headline if one.verdict in CLEAR]
        base = reference_of(run)
        note = f"{len(headline) - len(shown)} of {len(headline)} headline differences are within noise or unknown"
        title = f"{run.system}: what differs from {base} beyond noise"
        if shown:
            yield difference_table(part_id("verdict-ablation", run.system), title, base, shown, note)
        elif headline:
            yield f"{run.system}: none of {len(headline)} headline differences to {base} is beyond noise."
