"""What stability claims: that tokens stay their own when the speech is perturbed."""

from __future__ import annotations

import math
from collections.abc import Iterator

from reports.document.claim_rule import Claim, chance_claim
from reports.document.order import first_of_levels, perturbations_of
from reports.document.runs import ReportRun


def claims(run: ReportRun) -> Iterator[Claim]:
    """That tokens of the first stream stay nearer to their own than to other speech's, under what is hardest."""
    for stream in first_of_levels(run.results.streams)[:1]:
        found = [run.by_id.get(f"{stream}.ued[{name}]") for name in perturbations_of(run)]
        known = [record for record in found if record and math.isfinite(record.estimate)]
        if known:
            hardest = max(known, key=lambda record: record.estimate)
            way = hardest.id.partition("[")[2].rstrip("]")
            text = f"tokens of {stream} stay nearer to their own than to other speech's, even under {way}"
            yield chance_claim(run, text, hardest, "lower")
