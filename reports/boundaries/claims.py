"""What boundaries claim: that tokens change where phones or words begin."""

from __future__ import annotations

from collections.abc import Iterator

from reports.document.boundary_scores import find_boundary
from reports.document.claim_rule import Claim, chance_claim
from reports.document.order import first_of_levels, level_of
from reports.document.runs import ReportRun

LEVELS = ("phonetic", "lexical")
"""Levels that are claimed to change at boundaries."""


def claims(run: ReportRun) -> Iterator[Claim]:
    """That a stream of each of these levels changes at boundaries, a lexical one at those of words."""
    scores = run.scores
    streams = first_of_levels(run.results.streams)
    for stream in [stream for stream in streams if level_of(stream) in LEVELS] or streams[:1]:
        tier = "words" if level_of(stream) == "lexical" and "words" in scores.tiers else scores.tiers[0]
        if record := find_boundary(scores, stream, "f1", tier):
            yield chance_claim(run, f"{stream} changes where {tier} begin, beyond chance", record)
