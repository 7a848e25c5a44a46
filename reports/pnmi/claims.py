"""What PNMI claims: that streams carry information on phones, and which carries more."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.comparison.differences import Difference
from reports.comparison.comparable_runs import alike, unlike_streams
from reports.comparison.matched_streams import matches_of
from reports.document.claim_rule import Claim, of_whom, stream_claims
from reports.document.order import first_of_levels, level_of
from reports.document.reservations import held_against
from reports.document.runs import ReportRun, Runs


def claims(run: ReportRun) -> Iterator[Claim]:
    """That a stream of each level carries information on phones."""
    return stream_claims(run, "phones", "pnmi")


def differences_within(run: ReportRun) -> Iterator[tuple[str, Difference]]:
    """The levels that must carry information on phones against the acoustic one."""
    streams = {level_of(stream): stream for stream in reversed(first_of_levels(run.results.streams))}
    records = run.drawn_by_id
    if not (base := records.get(f"{streams.get('acoustic', '')}.pnmi")):
        return
    for level in ("phonetic", "lexical"):
        if other := records.get(f"{streams.get(level, '')}.pnmi"):
            text = f"{other.stream} carries more information on phones than {base.stream}"
            yield of_whom(text, run, base), held_against(run, base, run, other, paired=True)


def differences_between(runs: Runs) -> Iterator[tuple[str, Difference]]:
    """Each level's first stream against that of the first system that has it, then streams matched by name."""
    bases: dict[str, ReportRun] = {}
    for run in runs.of("pnmi"):
        for stream in first_of_levels(run.results.streams):
            base = bases.setdefault(id := f"{stream}.pnmi", run)
            if base is run or stream in unlike_streams(base, run) or not (how := alike(base, run)).comparable:
                continue
            ours, theirs = run.drawn_by_id, base.drawn_by_id
            if id in ours and id in theirs:
                text = f"{stream} carries more information on phones than {stream} of {base.system}"
                yield of_whom(text, run, ours[id]), held_against(base, theirs[id], run, ours[id], how.paired)
    for match in matches_of(runs, "pnmi"):
        base, other = match.base, match.other
        theirs, ours = base.drawn_by_id, {record.id: record for record in match.run.results.metrics}
        for stream, own in match.pairs.items():
            if (id := f"{own}.pnmi") in theirs and id in ours:
                text = f"{stream} carries more information on phones than {own} of {base.system}"
                one = held_against(base, theirs[id], other, ours[id], alike(base, other).paired)
                yield of_whom(text, other, ours[id]), one
