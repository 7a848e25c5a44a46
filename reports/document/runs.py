"""The finished runs that a report is made of: found in folders, read once, grouped by the system they measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from analysis.results.left_out import with_left_out
from analysis.results.schema import FILE, Record, Results, read_results, runs_below
from analysis.slices import COMMANDS
from hac.errors import HacError
from reports.document.boundary_scores import Scores

DEEPEST = 4
"""Folders within folders that are looked into: runs/<system>/<split>/<command> and one more."""
OF_TRAININGS = ("history", "ablate")
"""Commands whose runs are called by a training or a sweep, not by a system."""
ORDER = (*COMMANDS, *OF_TRAININGS)


@dataclass(frozen=True)
class ReportRun:
    """A finished run.

    Attributes:
        system: what it is called in the report.
        folder: where its files lie.
        results: its numbers.
    """

    system: str
    folder: Path
    results: Results

    @property
    def command(self) -> str:
        """Which analysis it is of."""
        return self.results.command

    @cached_property
    def drawn(self) -> Results:
        """The numbers of the whole corpus and without each cluster, read when they are first asked for."""
        return with_left_out(self.results.model_copy(update={"metrics": list(self.by_id.values())}), self.folder)

    @cached_property
    def drawn_by_id(self) -> dict[str, Record]:
        """The same by id."""
        return {record.id: record for record in self.drawn.metrics}

    @property
    def conditions(self) -> tuple[str, ...]:
        """Conditions of decoding, those of most bits last; none of a run that decodes nothing."""
        return tuple(self.results.coverage.get("conditions", {}))

    @cached_property
    def scores(self) -> Scores:
        """The records of a run of boundaries, by their protocol."""
        return Scores(self.results)

    @cached_property
    def by_id(self) -> dict[str, Record]:
        """The records of the whole corpus."""
        return {record.id: record for record in self.results.metrics if not record.group}


@dataclass(frozen=True)
class Runs:
    """All runs of a report, in the order in which systems were given.

    Attributes:
        all: by system, then by command.
        match: streams of later systems that are held against streams of the first system that has these, such as
            `units` against `phonetic`.
    """

    all: tuple[ReportRun, ...]
    match: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems, each once; a sweep of trainings and the checkpoints of one are none."""
        return tuple(dict.fromkeys(run.system for run in self.all if run.command not in OF_TRAININGS))

    def of(self, command: str) -> tuple[ReportRun, ...]:
        """The runs of a command, one a system at most."""
        return tuple(run for run in self.all if run.command == command)

    def get(self, system: str, command: str) -> ReportRun | None:
        """The run of a system and a command."""
        return next((run for run in self.of(command) if run.system == system), None)


def read_runs(paths: Iterable[Path], match: Mapping[str, str] | None = None) -> Runs:
    """Read the runs at these places: a run's folder, its results.json, or a folder that holds such folders.

    Args:
        paths: the places.
        match: see `Runs`.

    Raises:
        HacError: a place holds no run, a file is not one of ours, two runs cannot be told apart, or `match` names a
            stream that no run has.
    """
    folders = list(dict.fromkeys(folder.resolve() for path in paths for folder in run_folders(Path(path))))
    if not folders:
        raise HacError("no run was given; expected folders that hac-analyze wrote, such as results/pnmi")
    read = [ReportRun("", folder, read_results(folder / FILE)) for folder in folders]
    named = _named(read)
    order = {system: i for i, system in enumerate(dict.fromkeys(run.system for run in named))}
    rank = {command: i for i, command in enumerate(ORDER)}
    ordered = sorted(named, key=lambda run: (order[run.system], rank.get(run.command, len(rank))))
    known = dict.fromkeys(stream for run in ordered for stream in run.results.streams)
    for stream in (stream for pair in (match or {}).items() for stream in pair):
        if stream not in known:
            raise HacError(f"--match: no run has a stream {stream!r}; there are {', '.join(known) or 'none'}")
    return Runs(tuple(ordered), match or {})


def run_folders(path: Path) -> list[Path]:
    """The folders of finished runs at or below a place, by name.

    Raises:
        HacError: there is none.
    """
    if path.is_file() and path.name == FILE:
        return [path.parent]
    if (path / FILE).is_file():
        return [path]
    found = list(runs_below(path, DEEPEST)) if path.is_dir() else []
    if not found:
        what = "holds no results.json" if path.is_dir() else "is no folder of a run"
        raise HacError(f"{path}: {what}; expected a finished run of hac-analyze, or a folder of such runs")
    return found


def _named(runs: Sequence[ReportRun]) -> list[ReportRun]:
    """Runs with the names of their systems; where two runs of one command share a name, their folders tell them apart.

    Raises:
        HacError: not even the folders do.
    """
    plain = [replace(run, system=run.results.system) for run in runs]
    twice = {name for (name, _), n in Counter(_key(run) for run in plain).items() if n > 1}
    by_parent = [
        replace(run, system=f"{run.system} ({run.folder.parent.name})") if run.system in twice else run for run in plain
    ]
    still = {name for (name, _), n in Counter(_key(run) for run in by_parent).items() if n > 1}
    named = [
        replace(run, system=f"{old.system} ({run.folder.name})") if run.system in still else run
        for run, old in zip(by_parent, plain, strict=True)
    ]
    for (name, command), n in Counter(_key(run) for run in named).items():
        if n > 1:
            raise HacError(
                f"{n} runs of 'hac-analyze {command}' are all called '{name}'; name them with --name when they are "
                "made, or keep them in folders of different names"
            )
    return named


def _key(run: ReportRun) -> tuple[str, str]:
    return run.system, run.command
