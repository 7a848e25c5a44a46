"""The order of streams, and which stand for a system where there is no room for all: the first of each level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.document.runs import ReportRun

LEVELS = ("phonetic", "lexical", "acoustic")
"""The levels of a factorized codec, those that must carry speech's content first."""


def perturbations_of(run: ReportRun) -> list[str]:
    """Names of the perturbations of a run; `reports.stability.tables` has the same, and loads half of scipy."""
    return list(run.results.protocols.get("stability", {}).get("perturbations", []))


MOST_LEVELS = 6
"""Levels that a page shows of a system, the first ones."""
MOST_STREAMS = 16
"""Streams that a page shows of a system, where it has all of them."""


def level_of(stream: str) -> str:
    """The level of a stream: `acoustic` of `acoustic.3`."""
    return stream.split(".", 1)[0]


def level_rank(stream: str) -> int:
    """Place of a stream's level: phonetic, lexical, acoustic; streams of no known level come last."""
    level = level_of(stream)
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def in_order(streams: Iterable[str]) -> tuple[str, ...]:
    """The streams, each once, by their level; those of one level in the order given."""
    return tuple(sorted(dict.fromkeys(streams), key=level_rank))


def first_of_levels(streams: Iterable[str]) -> tuple[str, ...]:
    """The first stream of each level, of the first levels."""
    found: dict[str, str] = {}
    for stream in in_order(streams):
        found.setdefault(level_of(stream), stream)
    return tuple(found.values())[:MOST_LEVELS]


def shown_streams(streams: Iterable[str]) -> tuple[str, ...]:
    """The streams of which a page has rows, the first ones; see `more_streams`."""
    return in_order(streams)[:MOST_STREAMS]


def more_streams(runs: Iterable[ReportRun]) -> str:
    """How many streams of which system a page leaves out, as a note; empty where it has all of them."""
    left = {run.system: len(run.results.streams) - MOST_STREAMS for run in runs}
    return "; ".join(f"{system}: {n} more streams in its metrics.csv" for system, n in left.items() if n > 0)


def all_streams(runs: Sequence[ReportRun]) -> tuple[str, ...]:
    """Streams that are shown of all runs, each once."""
    return in_order(stream for run in runs for stream in shown_streams(run.results.streams))
