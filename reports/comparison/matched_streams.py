"""Streams of one system held against streams of another name of an earlier one, as `--match` says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from analysis.comparison.runs import Run
from analysis.comparison.streams import matched
from reports.comparison.comparable_runs import alike, as_run
from reports.document.runs import ReportRun, Runs


@dataclass(frozen=True)
class MatchedStreams:
    """A run some of whose streams stand for streams of an earlier system's run of the same command.

    Attributes:
        base: the earlier one.
        other: the later one, as it is.
        run: the later one with the names of the base's streams, and no other streams.
        pairs: its streams, and those of the base that they stand for.
    """

    base: ReportRun
    other: ReportRun
    run: Run
    pairs: dict[str, str]


def matches_of(runs: Runs, command: str) -> Iterator[MatchedStreams]:
    """The matches of a command: every run with a stream to hold, against the first run with that to hold it against."""
    found = runs.of(command)
    for place, other in enumerate(found):
        for base in found[:place]:
            here, there = set(other.results.streams), set(base.results.streams)
            pairs = {theirs: own for theirs, own in runs.match.items() if theirs in here and own in there}
            if pairs and alike(base, other).comparable:
                run = matched([as_run(base), as_run(other)], pairs)[1]
                yield MatchedStreams(base, other, replace(run, name=other.system), pairs)
                break
