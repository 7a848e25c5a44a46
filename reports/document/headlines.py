"""Which records are the headlines of an analysis, as its `metrics.yaml` names them: `analysis.metrics.headlines`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from analysis.metrics.registry import metric_name
from analysis.results.records import DROPPED
from analysis.results.schema import Record
from reports.document.runs import ReportRun


def is_headline(id: str, entries: Iterable[str]) -> bool:
    """Whether an id is of one of these metrics and has its tags; numbers without silence are where that is one."""
    name, tags = _parts(id)
    return any(
        name == wanted and tags >= least and (DROPPED in least or DROPPED not in tags)
        for wanted, least in map(_parts, entries)
    )


def entries_of(run: ReportRun, entries: Iterable[str]) -> tuple[str, ...]:
    """Entries with the settings of a run's first protocol, such as the rule and the tolerance of boundaries.

    Raises:
        KeyError: the protocol lacks a setting.
    """
    protocol = next(iter(run.results.protocols.values()), {})
    return tuple(entry.format(**protocol) for entry in entries)


def headline_record(run: ReportRun, stream: str, entry: str) -> Record | None:
    """The first record of a stream, or of a condition of decoding, that an entry names; None where there is none."""
    wanted = entries_of(run, (entry,))
    start = f"{stream}.{metric_name(entry)}"
    found = (record for id, record in run.by_id.items() if id == start or id.startswith(f"{start}["))
    return next((record for record in found if is_headline(record.id, wanted)), None)


@cache
def _parts(id: str) -> tuple[str, frozenset[str]]:
    tags = id.partition("[")[2].removesuffix("]")
    return metric_name(id), frozenset(tags.split(",") if tags else ())
