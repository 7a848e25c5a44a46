"""Finished runs, as they are read to be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.results.left_out import with_left_out
from analysis.results.schema import Record, Results, read_results


@dataclass(frozen=True)
class Run:
    """A finished run: what to call it, where it lies, its results."""

    name: str
    path: Path
    results: Results


def read_run(path: Path, name: str = "") -> Run:
    """Read a finished run: a folder of `hac-analyze`, or its `results.json`."""
    path = Path(path)
    results = read_results(path)
    folder = path if path.is_dir() else path.parent
    return Run(name or results.system, folder, with_left_out(results, folder))


def with_distinct_names(runs: Sequence[Run]) -> list[Run]:
    """The runs with names that differ: where systems share a name, the folder's follows it."""
    names = [run.name for run in runs]
    return [
        run if names.count(run.name) == 1 else replace(run, name=f"{run.name} ({run.path.name or run.path})")
        for run in runs
    ]


def whole_corpus(record: Record) -> bool:
    """Whether a record is of the whole corpus: what is compared where nothing else is asked for."""
    return not record.group
