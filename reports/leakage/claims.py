"""What leakage claims: that streams carry information on the speaker."""

from __future__ import annotations

from collections.abc import Iterator

from reports.document.claim_rule import Claim, stream_claims
from reports.document.runs import ReportRun


def claims(run: ReportRun) -> Iterator[Claim]:
    """That a stream of each level carries information on the speaker, or on the session: which one cannot be said."""
    return stream_claims(run, "the speaker or the recording session", "leakage[speaker]")
