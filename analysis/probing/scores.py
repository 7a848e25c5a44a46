"""From what probes got right and lost to records: corpus values, nulls and intervals.

The probes are held fixed in the intervals: what these probes would score on other speakers, not what others would.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analysis.results import ratios
from analysis.results.builder import jackknifed, make_record, undefined_record
from analysis.results.ratios import Ratios, Sample
from analysis.results.schema import Null, Record
from analysis.statistics.jackknife import without_each
from probes.classifiers.crossfit import HeldOut

PROTOCOL = "probe"
MAJORITY = "majority"
"""Null beside the shuffled labels: the shares of the classes in the training part, the most frequent one predicted."""
SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "loss", "information")
GIVEN_OTHERS = "given=others"
EMBEDDING = "embedding"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Probed:
    """What probes say of a factor from one stream.

    Attributes:
        stream, factor: names.
        variant: empty for codes, `embedding` for vectors.
        held: the probe; None where none could be trained.
        prior: what knows no features.
        nulls: probes trained on shuffled labels.
        note: remarks, or why there is none.
    """

    stream: str
    factor: str
    variant: str = ""
    held: HeldOut | None = None
    prior: HeldOut | None = None
    nulls: tuple[HeldOut, ...] = ()
    note: str = ""

    @property
    def bracket(self) -> str:
        """What stands behind the metric in the ids."""
        return f"[{'|'.join(part for part in (self.factor, self.variant) if part)}]"


@dataclass(frozen=True)
class Conditional:
    """What a stream adds to all others.

    Attributes:
        stream, factor: names.
        others, every: probes on the other streams, and on all.
        prior: what knows no features.
        nulls: probes on all streams, this one's codes replaced by some that know nothing.
        note: remarks, or why there is none.
    """

    stream: str
    factor: str
    others: HeldOut | None = None
    every: HeldOut | None = None
    prior: HeldOut | None = None
    nulls: tuple[HeldOut, ...] = field(default=())
    note: str = ""


def probe_records(probed: Probed, sample: Sample) -> list[Record]:
    """Every score of one probe, beside shuffled labels (`null_mean`) and the majority (`nulls`).

    Args:
        probed: the probe.
        sample: the corpus and its clusters.
    """
    if probed.held is None or probed.prior is None:
        return [
            undefined_record(
                f"{probed.stream}.probe_{score}{probed.bracket}",
                probed.stream,
                f"probe_{score}",
                protocol=PROTOCOL,
                why=probed.note,
            )
            for score in SCORES
        ]
    made = []
    remarks = [probed.note, _unconverged(probed.held)]
    for score, of in _RATIOS.items():
        value, majority = of(probed.held, probed.prior), of(probed.prior, probed.prior)
        chance = [of(null, probed.prior) for null in probed.nulls]
        id = f"{probed.stream}.probe_{score}{probed.bracket}"
        named = f"probe_{score}"
        (record,) = ratios.records(id, probed.stream, named, PROTOCOL, value, sample, chance, remarks)[:1]
        beside = {MAJORITY: Null(mean=majority.value(sample.picks), sd=math.nan, n=1)}
        made.append(record.model_copy(update={"n": int(probed.held.n.sum()), "nulls": beside}))
    made += [_macro_record(probed, score, sample, remarks) for score in _MACROS]
    return made


def conditional_record(one: Conditional, sample: Sample) -> Record:
    """Usable information that a stream adds to all others, as a share of the factor's entropy."""
    id = f"{one.stream}.probe_information[{one.factor}|{GIVEN_OTHERS}]"
    if one.others is None or one.every is None or one.prior is None:
        return undefined_record(id, one.stream, "probe_information", protocol=PROTOCOL, why=one.note)
    value = _gain(one.others, one.every, one.prior)
    chance = [_gain(one.others, null, one.prior) for null in one.nulls]
    remarks = [one.note, _unconverged(one.every)]
    (record,) = ratios.records(id, one.stream, "probe_information", PROTOCOL, value, sample, chance, remarks)[:1]
    return record.model_copy(update={"n": int(one.every.n.sum())})


def information_of(held: HeldOut, prior: HeldOut) -> Ratios:
    """(H - log-loss) / H, utterance by utterance."""
    return ratios.ratios(prior.loss - held.loss, prior.loss)


def _gain(others: HeldOut, every: HeldOut, prior: HeldOut) -> Ratios:
    return ratios.ratios(others.loss - every.loss, prior.loss)


def _accuracy(held: HeldOut, prior: HeldOut) -> Ratios:
    return ratios.ratios(held.hits.sum(axis=1), held.n.sum(axis=1))


def _loss(held: HeldOut, prior: HeldOut) -> Ratios:
    return ratios.ratios(held.loss, held.n.sum(axis=1))


_RATIOS: dict[str, Callable[[HeldOut, HeldOut], Ratios]] = {
    "accuracy": _accuracy,
    "loss": _loss,
    "information": information_of,
}


def _recall(n: Floats, hits: Floats, predicted: Floats) -> Floats:
    return _mean_over_classes(hits, n, n)


def _f1(n: Floats, hits: Floats, predicted: Floats) -> Floats:
    return _mean_over_classes(2 * hits, n + predicted, n)


_MACROS: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {"balanced_accuracy": _recall, "macro_f1": _f1}


def _mean_over_classes(above: Floats, below: Floats, n: Floats) -> Floats:
    """Mean of above / below over the classes that have frames; NaN where none has."""
    there = n > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(there, above / below, 0).sum(axis=-1) / there.sum(axis=-1))


def _macro_record(probed: Probed, score: str, sample: Sample, remarks: Sequence[str]) -> Record:
    assert probed.held is not None and probed.prior is not None
    of, metric = _MACROS[score], f"probe_{score}"
    value = _macro(of, probed.held, sample)
    nulls = np.array([_macro(of, null, sample) for null in probed.nulls])
    left_out = np.array([_macro_without_each(of, one, sample) for one in probed.nulls])
    return make_record(
        f"{probed.stream}.{metric}{probed.bracket}",
        probed.stream,
        metric,
        jackknifed(metric, value, _macro_without_each(of, probed.held, sample), nulls, left_out),
        n=int(probed.held.n.sum()),
        protocol=PROTOCOL,
        about=sample.note,
        remarks=remarks,
        nulls={MAJORITY: np.array([_macro(of, probed.prior, sample)])},
    )


def _macro(of: Callable[[Floats, Floats, Floats], Floats], held: HeldOut, sample: Sample) -> float:
    tables = held.n, held.hits, held.predicted
    n, hits, predicted = (table[sample.picks].sum(axis=0).astype(np.float64) for table in tables)
    return float(of(n, hits, predicted))


def _macro_without_each(of: Callable[[Floats, Floats, Floats], Floats], held: HeldOut, sample: Sample) -> Floats:
    """The score without each cluster."""
    left_out = []
    for table in (held.n, held.hits, held.predicted):
        by_cluster = np.zeros((sample.clusters.n, table.shape[1]))
        np.add.at(by_cluster, sample.clusters.of_row, table[sample.picks])
        left_out.append(without_each(by_cluster))
    return of(*left_out)


def _unconverged(held: HeldOut) -> str:
    return f"{held.unconverged} fits ended before the optimum" if held.unconverged else ""
