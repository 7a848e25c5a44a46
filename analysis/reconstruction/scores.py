"""From measurements to records: every metric of every condition beside its null, and what must be warned of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from analysis.metrics.registry import METRICS
from analysis.reconstruction.inputs import REFERENCE, Condition
from analysis.results import ratios
from analysis.results.ratios import Ratios, Sample
from analysis.results.schema import Record

PROTOCOL_OF = {
    "wer": "words",
    "cer": "words",
    "speaker_similarity": "voices",
    "mos": "opinions",
    "kbps": "rates",
    "versa": "versa",
    **dict.fromkeys(("f0_corr", "f0_rmse_cents", "gross_pitch_error", "voicing_error"), "pitch"),
}
"""Protocol of a metric; the others are of `signal`."""
NO_NULL = {
    "mos": "no null: the predictor judges one recording alone, so another reference changes nothing",
    "kbps": "no null: a description",
    "versa": "no null: VERSA gives none",
}


@dataclass(frozen=True)
class Measured:
    """One metric of one condition on all utterances.

    Attributes:
        condition: its name.
        metric: name in `analysis.metrics.registry`.
        value: by utterance.
        nulls: the same of each null draw.
        part: what stands in brackets after the metric's name, such as a scale of opinions.
        note: a remark for the record.
    """

    condition: str
    metric: str
    value: Ratios
    nulls: Sequence[Ratios] = ()
    part: str = ""
    note: str = ""

    @property
    def id(self) -> str:
        """`rvq-3.stoi`, `rvq-3.mos[ovrl]`."""
        return f"{self.condition}.{self.metric}" + (f"[{self.part}]" if self.part else "")


def records(measured: Sequence[Measured], samples: Sequence[Sample]) -> list[Record]:
    """Records of everything measured, on the whole corpus and its parts."""
    made = []
    for each in measured:
        notes = [note for note in (each.note, NO_NULL.get(each.metric, "")) if note]
        protocol = PROTOCOL_OF.get(each.metric, "signal")
        for sample in samples:
            made += ratios.records(
                each.id, each.condition, each.metric, protocol, each.value, sample, each.nulls, notes
            )
    return made


def worse_with_more(measured: Sequence[Measured], conditions: Sequence[Condition], whole: Sample) -> list[str]:
    """Warnings where a metric gets significantly worse from one number of quantizers to the next larger one."""
    ordered = sorted((c for c in conditions if c.n_quantizers is not None), key=lambda c: c.n_quantizers or 0)
    by_id = {each.id: each for each in measured}
    steps: dict[str, list[str]] = {}
    for fewer, more in pairwise(ordered):
        for one in (each for each in measured if each.condition == fewer.name):
            direction = METRICS[one.metric].better
            other = by_id.get(replace(one, condition=more.name).id)
            if direction == "none" or other is None:
                continue
            change = ratios.difference(other.value, one.value, whole)
            gain = change.value if direction == "higher" else -change.value
            low, high = change.interval.low, change.interval.high
            if gain < 0 and math.isfinite(low) and not low <= 0 <= high:
                name = METRICS[one.metric].title + (f" ({one.part})" if one.part else "")
                step = f"{more.name} minus {fewer.name} is {change.value:+.4f} [{low:+.4f}, {high:+.4f}]"
                steps.setdefault(name, []).append(step)
    return [f"{name} is worse with more quantizers: {'; '.join(listed)}" for name, listed in steps.items()]


def undefined_everywhere(measured: Sequence[Measured]) -> list[str]:
    """Warnings of metrics that no utterance has, and of those that many lack."""
    warnings = []
    for each in measured:
        n, missing = len(each.value.reasons), each.value.undefined()
        lacking = sum(missing.values())
        if each.condition == REFERENCE and each.metric in ("wer", "cer"):
            continue  # said of the conditions
        if lacking * 5 > n:
            reasons = ", ".join(f"{count} x {reason}" for reason, count in missing.items())
            warnings.append(f"{each.id} is undefined in {lacking} of {n} utterances ({reasons})")
    return warnings
