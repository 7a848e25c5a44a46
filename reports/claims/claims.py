"""All claims of a report, which each measure brings in its `claims.py`: against chance, and of differences.

`claims(run)` are those against chance. `differences_within(run)` are sentences with differences between streams of a
run, `differences_between(runs)` with those between systems. All are judged together: see `reports.document.claim_rule`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from analysis.comparison.differences import Difference
from analysis.metrics.registry import metric_of
from reports.comparison.parts import measured, stream_of
from reports.document.cells import interval_text
from reports.document.claim_rule import NO_INTERVAL, Claim, judged
from reports.document.runs import Runs
from reports.document.slice_modules import slice_modules


def claims_of(runs: Runs) -> list[Claim]:
    """All claims, those of each system together: against chance, then its differences."""
    found = judged([*_against_chance(runs), *_differences(runs)])
    return sorted(found, key=lambda claim: runs.systems.index(claim.system))


def _against_chance(runs: Runs) -> Iterator[Claim]:
    for measure, module in slice_modules("claims"):
        for run in runs.of(measure.command):
            yield from module.claims(run)


def _differences(runs: Runs) -> Iterator[Claim]:
    modules = list(slice_modules("claims"))
    for measure, module in modules:
        if find := getattr(module, "differences_within", None):
            for run in runs.of(measure.command):
                yield from (difference_claim(text, one, 1) for text, one in find(run))
    for _, module in modules:
        if find := getattr(module, "differences_between", None):
            yield from (difference_claim(text, one, 2) for text, one in find(runs))


def difference_claim(text: str, one: Difference, place: int) -> Claim:
    """The claim that a number is better than another; `place`: among the claims on that question."""
    metric = metric_of(one.id)
    doubt = "" if math.isfinite(one.p) and math.isfinite(one.low) else one.note or NO_INTERVAL
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
        one.p,
        -one.difference if metric.better == "lower" else one.difference,
        doubt,
        one.method,
        stream=stream_of(one.id),
        rank=(metric.rank, place),
    )
