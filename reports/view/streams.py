"""Which streams stand for a system where there is no room for all: the first of each level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.view.runs import ReportRun

LEVELS = ("phonetic", "lexical", "acoustic")
"""The levels of a factorized codec, those that must tell of speech's content first."""


def perturbations_of(run: ReportRun) -> list[str]:
    """Names of the perturbations of a run; `reports.stability_tables` has the same, and loads half of scipy."""
    return list(run.results.protocols.get("stability", {}).get("perturbations", []))


def level_of(stream: str) -> str:
    """The level of a stream: `acoustic` of `acoustic.3`."""
    return stream.split(".", 1)[0]


def first_of_levels(streams: Iterable[str]) -> tuple[str, ...]:
    """The first stream of each level, in the order given."""
    found: dict[str, str] = {}
    for stream in streams:
        found.setdefault(level_of(stream), stream)
    return tuple(found.values())


def all_streams(runs: Sequence[ReportRun]) -> tuple[str, ...]:
    """Streams of all runs, each once."""
    return tuple(dict.fromkeys(stream for run in runs for stream in run.results.streams))
