"""All claims of a report: against chance, between streams of a system, and between systems."""

from __future__ import annotations

import math
from collections.abc import Iterator

from analysis.comparison.differences import Difference, difference, with_verdicts
from reports.claims.above_chance import against_chance
from reports.comparison.comparable_runs import alike
from reports.comparison.matched_streams import matches_of
from reports.comparison.parts import measured, p_text, stream_of
from reports.document.cells import interval_text
from reports.document.claim_rule import NO_INTERVAL, Claim, Verdict
from reports.document.order import first_of_levels, level_of
from reports.document.runs import ReportRun, Runs


def claims_of(runs: Runs) -> list[Claim]:
    """All claims, those of each system together, its differences corrected together with all others'."""
    by_system = {system: list(against_chance(runs, system)) for system in runs.systems}
    within = [(system, text, one) for system in runs.systems for text, one in _within(runs, system)]
    differences = [*within, *_between(runs)]
    verdicts = with_verdicts([one for _, _, one in differences])
    gaps: dict[str, list[Claim]] = {}
    for place, ((system, text, _), one) in enumerate(zip(differences, verdicts, strict=True)):
        gaps.setdefault(system, []).append(_of_difference(system, text, one, 1 if place < len(within) else 2))
    return [claim for system in runs.systems for claim in (*by_system[system], *gaps.get(system, []))]


def _within(runs: Runs, system: str) -> Iterator[tuple[str, Difference]]:
    """Differences between streams of one run: the levels that must tell of phones against the acoustic one."""
    if not (run := runs.get(system, "pnmi")):
        return
    streams = {level_of(stream): stream for stream in reversed(first_of_levels(run.results.streams))}
    records = {record.id: record for record in run.drawn.metrics}
    if not (base := records.get(f"{streams.get('acoustic', '')}.pnmi")):
        return
    for level in ("phonetic", "lexical"):
        if other := records.get(f"{streams.get(level, '')}.pnmi"):
            text = f"{other.stream} tells more of phones than {base.stream}"
            yield text, difference(base, other, system, paired=True)


def _between(runs: Runs) -> Iterator[tuple[str, str, Difference]]:
    """Differences between systems: PNMI of each level's first stream against the first system that has it."""
    bases: dict[str, ReportRun] = {}
    for run in runs.of("pnmi"):
        for stream in first_of_levels(run.results.streams):
            base = bases.setdefault(id := f"{stream}.pnmi", run)
            if base is run or not (how := alike(base, run)).comparable:
                continue
            ours, theirs = ({r.id: r for r in one.drawn.metrics} for one in (run, base))
            if id in ours and id in theirs:
                text = f"{stream} tells more of phones than {stream} of {base.system}"
                yield run.system, text, difference(theirs[id], ours[id], run.system, how.paired)
    yield from _matched(runs)


def _matched(runs: Runs) -> Iterator[tuple[str, str, Difference]]:
    """Differences between streams of two systems that are held against each other by name."""
    for match in matches_of(runs, "pnmi"):
        base, other = match.base, match.other
        theirs, ours = ({r.id: r for r in records} for records in (base.drawn.metrics, match.run.results.metrics))
        for stream, own in match.pairs.items():
            if (id := f"{own}.pnmi") in theirs and id in ours:
                text = f"{stream} tells more of phones than {own} of {base.system}"
                yield other.system, text, difference(theirs[id], ours[id], other.system, alike(base, other).paired)


def _of_difference(system: str, text: str, one: Difference, rank: int) -> Claim:
    verdict: Verdict = "cannot be judged"
    if one.verdict != "unknown" and math.isfinite(one.low):
        verdict = "stands" if one.verdict == "better" else "does not stand"
    opposite = "the opposite holds; " if one.verdict == "worse" else ""
    return Claim(
        system,
        text,
        measured(one),
        interval_text(one.difference, one.low, one.high),
        "0",
        one.difference,
        one.low,
        one.high,
        0.0,
        verdict,
        one.note or NO_INTERVAL if verdict == "cannot be judged" else f"{opposite}p {p_text(one)}, {one.method}",
        stream_of(one.id),
        rank,
    )
