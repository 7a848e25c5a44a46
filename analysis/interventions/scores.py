"""Records of what each intervention does: the value, and its difference to `keep` over the same utterances.

Ids are `<level>.<effect>[<intervention>]`; the references stand under the level `all`, as `all.own_wer[keep]` and
`all.own_wer[original]`. A difference, `<level>.<effect>_change[<intervention>]`, is paired: on the utterances where
both are defined, without the same clusters, and on the same null draws. So an intervention that changes no audio
changes no number, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.audio_quality.pairs import Measure
from analysis.interventions.effects import CHANGE, EFFECTS
from analysis.interventions.phone_content import PhonePredictions
from analysis.interventions.plan import Condition
from analysis.results import builder, ratios
from analysis.results.ratios import Sample
from analysis.results.schema import Record
from probes.nulls.circular_shift import Rings

PROTOCOL = "interventions"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number that is no ratio of sums, on one part of the corpus.

    Attributes:
        value: on all of it.
        left_out: float64 [n_clusters], without each cluster.
        nulls: float64 [n_nulls], on each null draw.
        nulls_left_out: float64 [n_nulls, n_clusters].
    """

    value: float
    left_out: Floats
    nulls: Floats
    nulls_left_out: Floats

    def over(self, other: Estimate) -> Estimate:
        """This as a share of another's value, without the same clusters; the nulls as a share of that value too."""
        with np.errstate(divide="ignore", invalid="ignore"):
            whole = other.value if other.value > 0 else math.nan
            each = np.where(other.left_out > 0, other.left_out, np.nan)
            return Estimate(self.value / whole, self.left_out / each, self.nulls / whole, self.nulls_left_out / each)

    def minus(self, other: Estimate) -> Estimate:
        """The difference, paired."""
        return Estimate(
            self.value - other.value,
            self.left_out - other.left_out,
            self.nulls - other.nulls,
            self.nulls_left_out - other.nulls_left_out,
        )


def phone_estimate(predictions: PhonePredictions, rings: Rings, sample: Sample, n_nulls: int, seed: int) -> Estimate:
    """I(phone; prediction) / H(phone) of a part of the corpus with its nulls."""
    value, left_out = predictions.pnmi(sample)
    found = [predictions.shifted(rings, draw, seed).pnmi(sample) for draw in range(1, n_nulls + 1)]
    return Estimate(value, left_out, np.array([v for v, _ in found]), np.array([each for _, each in found]))


def phone_accuracy(predictions: PhonePredictions, rings: Rings, n_nulls: int, seed: int) -> Measure:
    """Frames predicted right, with the nulls of circular shifts."""
    nulls = tuple(predictions.shifted(rings, draw, seed).accuracy() for draw in range(1, n_nulls + 1))
    return Measure(predictions.accuracy(), nulls)


@dataclass(frozen=True)
class Scored:
    """One condition with all that was measured of it.

    Attributes:
        condition: which.
        measures: ratios by effect.
        estimates: by effect, in the order of the samples.
        n_phones: phone frames behind the estimates, in the order of the samples.
    """

    condition: Condition
    measures: Mapping[str, Measure]
    estimates: Mapping[str, Sequence[Estimate]]
    n_phones: Sequence[int]


def condition_records(one: Scored, keep: Scored, samples: Sequence[Sample], is_reference: bool) -> list[Record]:
    """Values of a condition, and for an intervention the differences to the reference.

    Args:
        one: the condition.
        keep: the reference.
        samples: parts of the corpus, the first is the whole.
        is_reference: whether `one` is a reference itself.
    """
    made: list[Record] = []
    for effect in EFFECTS:
        for place, sample in enumerate(samples):
            if measure := one.measures.get(effect):
                made += _values(one.condition, effect, measure, sample)
                if not is_reference and effect in keep.measures:
                    made += _changes(one.condition, effect, measure, keep.measures[effect], sample)
            elif effect in one.estimates:
                estimate, n = one.estimates[effect][place], one.n_phones[place]
                made += _estimated(one.condition, effect, estimate, sample, n)
                if not is_reference and effect in keep.estimates:
                    change = estimate.minus(keep.estimates[effect][place])
                    made += _estimated(one.condition, effect + CHANGE, change, sample, n)
    return made


def id_of(condition: Condition, effect: str) -> str:
    """`<level>.<effect>[<intervention>]`."""
    return f"{condition.level}.{effect}[{condition.intervention}]"


def _values(condition: Condition, effect: str, measure: Measure, sample: Sample) -> list[Record]:
    id = id_of(condition, effect)
    return ratios.records(id, condition.level, effect, PROTOCOL, measure.value, sample, measure.nulls)


def _changes(condition: Condition, effect: str, one: Measure, keep: Measure, sample: Sample) -> list[Record]:
    found = ratios.difference(one.value, keep.value, sample)
    pairs = [ratios.both_defined(*pair) for pair in zip(one.nulls, keep.nulls, strict=True)]
    nulls = np.array([a.value(sample.picks) - b.value(sample.picks) for a, b in pairs])
    estimate = builder.Estimate(found.value, found.interval, nulls[np.isfinite(nulls)])
    return _named(condition, effect + CHANGE, estimate, sample, found.n)


def _estimated(condition: Condition, effect: str, one: Estimate, sample: Sample, n: int) -> list[Record]:
    known = np.isfinite(one.nulls)
    estimate = builder.jackknifed(effect, one.value, one.left_out, one.nulls[known], one.nulls_left_out[known])
    return _named(condition, effect, estimate, sample, n)


def _named(condition: Condition, effect: str, one: builder.Estimate, sample: Sample, n: int) -> list[Record]:
    """The record under each name of its sample."""
    id = id_of(condition, effect)
    record = builder.make_record(id, condition.level, effect, one, n=n, protocol=PROTOCOL, about=sample.note)
    return builder.named(record, sample.names)
