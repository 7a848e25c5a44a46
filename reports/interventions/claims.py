"""What interventions claim: that a level carries what it is meant to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from analysis.interventions.effects import CHANGE
from analysis.metrics.registry import METRICS
from reports.document.claim_rule import Claim, chance_claim
from reports.document.runs import ReportRun

DROP_EFFECTS = {"phonetic": "phone_kept", "lexical": "own_wer", "acoustic": "source_similarity"}
"""What dropping a level is meant to make worse, by name of the effect; of others, what is kept of phones."""


def claims(run: ReportRun) -> Iterator[Claim]:
    """That dropping a level makes worse what it is meant to carry."""
    for record in run.by_id.values():
        effect, _, intervention = record.id.removeprefix(f"{record.stream}.").partition("[")
        name = effect.removesuffix(CHANGE)
        if effect == name or intervention != "drop]" or name != DROP_EFFECTS.get(record.stream, "phone_kept"):
            continue
        worse: Literal["higher", "lower"] = "higher" if METRICS[name].better == "lower" else "lower"
        text = f"dropping {record.stream} {'raises' if worse == 'higher' else 'lowers'} {METRICS[name].title}"
        yield chance_claim(run, f"{text} beyond chance", record, worse, zero=True)
