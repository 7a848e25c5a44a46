"""From decoded and judged audio to records: every condition against keep, the recordings and other utterances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from analysis.audio_quality.pairs import Measure
from analysis.inputs.corpus import voices_of
from analysis.interventions.judged import Judgements, Judges
from analysis.interventions.measures import References, measures
from analysis.interventions.phone_content import PhoneClassifiers, PhonePredictions, predict_all
from analysis.interventions.plan import Condition, Plan, Setting, files_of
from analysis.interventions.scores import Scored, condition_records, phone_accuracy, phone_estimate
from analysis.interventions.signal import compare
from analysis.results import ratios
from analysis.results.schema import Record
from hac.data.manifest.manifest import Manifest
from hac.data.timeline import US_PER_S
from probes.nulls.circular_shift import Rings, speaker_rings
from probes.nulls.derangement import derangement
from probes.tokens.interventions import ALL, INTERVENTIONS, KEEP, ORIGINAL, SWAP


@dataclass(frozen=True)
class Protocol:
    """How it is to be measured.

    Attributes:
        levels: as given on the command line; empty: all.
        interventions: names, in order.
        limit: utterances to decode; None: all.
        judges: who judges.
        n_nulls: null draws.
        seed: of utterances, orders, partners, nulls and draws.
        phone_policy: of the labels.
    """

    levels: tuple[str, ...] = ()
    interventions: tuple[str, ...] = INTERVENTIONS
    limit: int | None = None
    judges: Judges = field(default_factory=Judges)
    n_nulls: int = 10
    seed: int = 0
    phone_policy: str = "auto"


@dataclass(frozen=True)
class Job:
    """Everything that was decoded and judged, ready to be measured.

    Attributes:
        setting: tokens, manifest and partners of the chosen utterances.
        plan: the conditions.
        protocol: how it is measured.
        judgements: what judges said.
        classifiers: of phones, or why there are none.
        audio: of each condition.
    """

    setting: Setting
    plan: Plan
    protocol: Protocol
    judgements: Judgements
    classifiers: PhoneClassifiers | str
    audio: Mapping[str, Manifest]

    @property
    def ids(self) -> tuple[str, ...]:
        """The utterances."""
        return self.setting.tokens.ids

    @cached_property
    def rings(self) -> Rings:
        """Each speaker's utterances end to end, for circular shifts."""
        return speaker_rings(self.ids, *zip(*voices_of(self.ids, self.setting.manifest), strict=True))

    @cached_property
    def samples(self) -> list[ratios.Sample]:
        """The whole corpus and its languages, with what is drawn of each."""
        languages, speakers = zip(*voices_of(self.ids, self.setting.manifest), strict=True)
        return ratios.without_speakers(ratios.samples_of(self.ids, languages, speakers))

    def scored(self) -> list[Scored]:
        """Every condition measured; the original and `keep` are first."""
        references = self._references()
        conditions = (Condition(ALL, ORIGINAL), *self.plan.conditions)
        made = [self._measured(condition, references) for condition in conditions]
        return [_with_share(one, made[0]) for one in made]

    def records(self, scored: Sequence[Scored]) -> list[Record]:
        """The records of every condition, references first."""
        keep = scored[1]
        return [
            record
            for one in scored
            for record in condition_records(one, keep, self.samples, one.condition.level == ALL)
        ]

    def _references(self) -> References:
        stream = next(iter(self.setting.tokens.streams.values()))
        periods = [round(US_PER_S * int(n) / stream.frame_rate) for n in stream.lengths]
        original = self.judgements.audio[ORIGINAL]
        partners = self.setting.partners
        # one utterance has nobody to be compared with
        n_nulls = self.protocol.n_nulls if len(self.ids) > 1 else 0
        return References(
            texts=self.judgements.normalized([self.setting.manifest.by_id[id].text for id in self.ids]),
            voices=original.voices,
            f0=original.f0,
            periods_us=np.array(periods, np.int64),
            partners=None if partners is None else partners.of,
            nulls=tuple(derangement(self.ids, draw, self.protocol.seed) for draw in range(1, n_nulls + 1)),
        )

    def _measured(self, condition: Condition, references: References) -> Scored:
        """Everything that is measured of one condition."""
        files, keep = files_of(self.audio[condition.name]), files_of(self.audio[KEEP])
        with_partner = condition.level == ALL or condition.intervention == SWAP
        found = measures(references, self.judgements.audio[condition.name], with_partner)
        if condition.intervention == ORIGINAL:
            # a recording is like itself, and nothing was learned by measuring it
            found = {effect: one for effect, one in found.items() if not effect.startswith("source_")}
        else:
            folder = self.setting.folder / "signals"
            what = f"against keep: {condition.name}"
            found |= compare(self.ids, files, keep, references.nulls, folder, self.setting.jobs, what)
        if isinstance(self.classifiers, str):
            return Scored(condition, found, {}, ())
        predictions = predict_all(self.classifiers, self.ids, files, self.setting.jobs, f"phones: {condition.name}")
        return self._with_phones(condition, found, predictions)

    def _with_phones(self, condition: Condition, found: Mapping[str, Measure], predictions: PhonePredictions) -> Scored:
        n_nulls, seed = self.protocol.n_nulls, self.protocol.seed
        accuracy = phone_accuracy(predictions, self.rings, n_nulls, seed)
        estimates = [phone_estimate(predictions, self.rings, sample, n_nulls, seed) for sample in self.samples]
        n_phones = [int(accuracy.value.sums()[1][sample.picks].sum()) for sample in self.samples]
        return Scored(condition, {**found, "phone_accuracy": accuracy}, {"phone_information": estimates}, n_phones)


def _with_share(one: Scored, original: Scored) -> Scored:
    """The condition with its phone information as a share of the recordings'."""
    if "phone_information" not in one.estimates:
        return one
    pairs = zip(one.estimates["phone_information"], original.estimates["phone_information"], strict=True)
    kept = [mine.over(whole) for mine, whole in pairs]
    return Scored(one.condition, one.measures, {**one.estimates, "phone_kept": kept}, one.n_phones)
