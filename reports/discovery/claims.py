"""What word discovery claims: that segments are words."""

from __future__ import annotations

from collections.abc import Iterator

from reports.document.claim_rule import Claim, chance_claim
from reports.document.runs import ReportRun


def claims(run: ReportRun) -> Iterator[Claim]:
    """That the segments of each stream are words."""
    for record in run.by_id.values():
        if record.id == f"{record.stream}.discovery_token_f1":
            yield chance_claim(run, f"segments of {record.stream} are words beyond chance", record)
