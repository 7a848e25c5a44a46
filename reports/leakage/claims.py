"""What leakage claims: that streams tell of the speaker."""

from __future__ import annotations

from collections.abc import Iterator

from reports.document.claim_rule import Claim, stream_claims
from reports.document.runs import ReportRun


def claims(run: ReportRun) -> Iterator[Claim]:
    """That a stream of each level tells of the speaker, which cannot be told from the session of the recording."""
    return stream_claims(run, "the speaker or the recording session", "leakage[speaker]")
