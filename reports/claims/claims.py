"""All claims of a report, which each measure brings in its `claims.py`: against chance, and of differences.

`claims(run)` are those against chance. `differences_within(run)` are sentences with differences between streams of a
run, `differences_between(runs)` with those between systems: they are corrected for their number together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from analysis.comparison.differences import Difference, with_verdicts
from analysis.metrics.registry import metric_of
from reports.comparison.parts import measured, p_text, stream_of
from reports.document.cells import interval_text
from reports.document.claim_rule import NO_INTERVAL, Claim, Verdict
from reports.document.runs import ReportRun, Runs
from reports.document.slice_modules import slice_modules

FEW = 10
"""Utterances, or speakers, below which an interval over them says little."""


def claims_of(runs: Runs) -> list[Claim]:
    """All claims, those of each system together: against chance, then its differences."""
    gaps = list(_differences(runs))
    found: list[Claim] = []
    for system in runs.systems:
        found += sorted(_against_chance(runs, system), key=lambda claim: claim.rank)
        found += [claim for claim in gaps if claim.system == system]
    return found


def _against_chance(runs: Runs, system: str) -> Iterator[Claim]:
    for measure, module in slice_modules("claims"):
        if run := runs.get(system, measure.command):
            few = _few(run)
            yield from (replace(claim, why=claim.why or few) for claim in module.claims(run))


def _few(run: ReportRun) -> str:
    """A caution where next to nothing was counted."""
    counted = run.results.coverage.get("utterances", {}).get("counted")
    return f"only {counted} utterances" if counted is not None and counted < FEW else ""


def _differences(runs: Runs) -> Iterator[Claim]:
    within: list[tuple[str, Difference]] = []
    between: list[tuple[str, Difference]] = []
    for measure, module in slice_modules("claims"):
        if find := getattr(module, "differences_within", None):
            own = [run for system in runs.systems if (run := runs.get(system, measure.command))]
            within += (each for run in own for each in find(run))
        if find := getattr(module, "differences_between", None):
            between += find(runs)
    texts = [(text, place) for place, found in ((1, within), (2, between)) for text, _ in found]
    judged = with_verdicts([one for _, one in (*within, *between)])
    for (text, place), one in zip(texts, judged, strict=True):
        yield _of_difference(text, one, place)


def _of_difference(text: str, one: Difference, place: int) -> Claim:
    verdict: Verdict = "cannot be judged"
    if one.verdict != "unknown" and math.isfinite(one.low):
        verdict = "stands" if one.verdict == "better" else "does not stand"
    opposite = "the opposite holds; " if one.verdict == "worse" else ""
    return Claim(
        one.run,
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
        (metric_of(one.id).rank, place),
    )
