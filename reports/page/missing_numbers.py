"""Numbers that a run should have and lacks: what its other streams and the other systems have."""

from __future__ import annotations

import math
from collections.abc import Iterator

from analysis.metrics.registry import headlines_of, metric_name
from analysis.results.records import DROPPED, reason_of
from analysis.results.schema import Record
from analysis.slices import COMMANDS
from reports.document.order import first_of_levels
from reports.document.runs import ReportRun, Runs

NAMED = 4
"""Numbers that are named; of more, how many there are."""


def gaps_of(runs: Runs) -> Iterator[str]:
    """A line for each run that lacks numbers, and for each reason why numbers of it are not defined."""
    for command in (command for command, one in COMMANDS.items() if one.by_stream):
        found = runs.of(command)
        known = {tail for run in found for record in run.by_id.values() if (tail := _tail(run, record))}
        for run in found:
            streams = first_of_levels(run.results.streams)
            ids = [f"{stream}.{tail}" for stream in streams for tail in sorted(known)]
            if lacking := [id for id in ids if id not in run.by_id]:
                yield (
                    f"{run.system}, {command}: its results lack {_listed(lacking)}, which its other streams or other "
                    "systems have."
                )
            yield from _undefined(run, [run.by_id[id] for id in ids if id in run.by_id])


def _tail(run: ReportRun, record: Record) -> str:
    """What follows the stream in the id of a headline number; empty for all others."""
    if record.stream not in run.results.streams or DROPPED in record.id or ",given=" in record.id:
        return ""
    shown = map(metric_name, headlines_of(run.command).differences)
    return record.id[len(record.stream) + 1 :] if metric_name(record.id) in shown else ""


def _undefined(run: ReportRun, records: list[Record]) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for record in records:
        if not math.isfinite(record.estimate):
            reasons.setdefault(reason_of(record), []).append(record.id)
    for reason, ids in reasons.items():
        yield f"{run.system}, {run.command}: {_listed(ids)} not defined ({reason})."


def _listed(ids: list[str]) -> str:
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return f"{len(ids)} number{'s' * (len(ids) > 1)} ({', '.join(ids[:NAMED])}{more})"
