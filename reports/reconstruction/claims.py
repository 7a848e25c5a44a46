"""What reconstruction claims: that decoded speech is nearer to its original than to others' speech."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.metrics.registry import METRICS, headlines_of
from reports.document.claim_rule import Claim, chance_claim
from reports.document.runs import ReportRun


def claims(run: ReportRun) -> Iterator[Claim]:
    """That the last condition is near its original, by the first of the headlines that was measured."""
    for condition in run.conditions[-1:]:
        for name in headlines_of(run.command).differences:
            if record := run.by_id.get(f"{condition}.{name}"):
                is_of_text = METRICS[name].question == "intelligibility"
                of, to = ("text spoken in", "texts") if is_of_text else ("sound of", "speech")
                text = f"{of} {condition} is nearer to its original than to others' {to}"
                yield chance_claim(run, text, record, METRICS[name].side)
                return
