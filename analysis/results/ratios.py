"""Corpus values as ratios: numerators and denominators by utterance, added up and divided once.

A mean over utterances has the denominator 1 in each; a word error rate has edits over reference words; an error in
cents has squares over frames, and a root at the end. What is undefined in an utterance is NaN there, with a reason;
it is left out and counted, never replaced. Intervals leave out one cluster at a time (`probes.clusters`: speakers where
there are enough, else utterances) and compute the ratio of the others; the null of a ratio is the same ratio on pairs
that have nothing to do with each other.

The number is (value - null) / (1 - null) where the metric's scale ends at 1 (`Metric.is_corrected`), as it tells how
much of the way from chance to perfection was gone. Other scales (PESQ, decibels, opinion scores, error rates) have no
such end: there the number is the value.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.results.builder import jackknifed, make_record, named
from analysis.results.schema import Record
from analysis.statistics import groups
from analysis.statistics.jackknife import Interval, jackknife, without_each
from probes.clusters import Clusters, assign_rows, clusters_of

Floats = NDArray[np.float64]
NO_REASON = "unknown"


@dataclass(frozen=True)
class Ratios:
    """One metric on all utterances.

    Attributes:
        numerators: float64 [n_utterances], NaN where undefined.
        denominators: float64 [n_utterances], at least 0, NaN where undefined.
        reasons: why, for each utterance that is undefined; empty for the others.
        root: the value is the square root of the ratio.
    """

    numerators: Floats
    denominators: Floats
    reasons: tuple[str, ...]
    root: bool = False

    @property
    def is_defined(self) -> NDArray[np.bool_]:
        """Which utterances count: bool [n_utterances]."""
        return np.isfinite(self.numerators) & np.isfinite(self.denominators)

    def undefined(self, picks: NDArray[np.int64] | None = None) -> dict[str, int]:
        """Count of undefined utterances per reason, sorted by reason; of these utterances only, where given."""
        missing = ~self.is_defined
        places = range(len(missing)) if picks is None else picks.tolist()
        return dict(sorted(Counter(self.reasons[i] or NO_REASON for i in places if missing[i]).items()))

    def value(self, picks: NDArray[np.int64] | None = None) -> float:
        """Sum of numerators over sum of denominators; NaN where nothing is defined or the denominators are 0."""
        numerators, denominators = self.sums()
        if picks is not None:
            numerators, denominators = numerators[picks], denominators[picks]
        return float(self.divide(np.array([math.fsum(numerators)]), np.array([math.fsum(denominators)]))[0])

    def sums(self) -> tuple[Floats, Floats]:
        """Numerators and denominators with 0 where undefined, so that they add."""
        there = self.is_defined
        return np.where(there, self.numerators, 0.0), np.where(there, self.denominators, 0.0)

    def divide(self, numerators: Floats, denominators: Floats) -> Floats:
        """The value of each pair of sums; NaN where the denominator is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.where(denominators > 0, numerators / denominators, np.nan)
            return np.sqrt(values) if self.root else values


def ratios(
    numerators: Sequence[float] | Floats,
    denominators: Sequence[float] | Floats,
    reasons: Sequence[str] = (),
    root: bool = False,
) -> Ratios:
    """Ratios of these parts; see `Ratios`.

    Raises:
        ValueError: the lengths differ.
    """
    above, below = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    why = tuple(reasons) or ("",) * len(above)
    if not len(above) == len(below) == len(why):
        raise ValueError(f"{len(above)} numerators, {len(below)} denominators and {len(why)} reasons")
    return Ratios(above, below, why, root)


def means(values: Sequence[float] | Floats, reasons: Sequence[str] = ()) -> Ratios:
    """The mean over utterances: every defined value counts once."""
    array = np.asarray(values, np.float64)
    return ratios(array, np.where(np.isfinite(array), 1.0, np.nan), reasons)


def both_defined(one: Ratios, other: Ratios) -> tuple[Ratios, Ratios]:
    """The same ratios on the utterances where both are defined, so that their difference compares like with like."""
    there = one.is_defined & other.is_defined
    return _only(one, there), _only(other, there)


def _only(one: Ratios, there: NDArray[np.bool_]) -> Ratios:
    return replace(one, numerators=np.where(there, one.numerators, np.nan))


@dataclass(frozen=True)
class Sample:
    """A part of the corpus and its clusters.

    Attributes:
        names: of the part, empty for the whole corpus; a corpus of one language is that part too.
        picks: int64 [n], its utterances.
        clusters: what is left out in turn; `of_row` is the cluster of each pick.
    """

    names: tuple[str, ...]
    picks: NDArray[np.int64]
    clusters: Clusters

    @property
    def note(self) -> str:
        """How many clusters of what."""
        return self.clusters.counted

    def without_each(self, ratios: Ratios) -> Floats:
        """The value without each cluster, float64 [n_clusters]; NaN where nothing is left."""
        above, below = (
            without_each(np.bincount(self.clusters.of_row, part[self.picks], self.clusters.n)) for part in ratios.sums()
        )
        counted = np.bincount(self.clusters.of_row, ratios.is_defined[self.picks], self.clusters.n)
        # what is left of a difference of sums can be rounding
        return np.where(without_each(counted) > 0, ratios.divide(above, below), np.nan)

    def interval(self, ratios: Ratios) -> Interval:
        """Interval of the value."""
        return jackknife(ratios.value(self.picks), self.without_each(ratios))


def samples_of(
    ids: Sequence[str],
    languages: Sequence[str | None],
    speakers: Sequence[str | None],
) -> list[Sample]:
    """The whole corpus, then its languages and speakers, each with its clusters.

    Args:
        ids: utterance ids, in the order of the ratios.
        languages: language of each, None where unknown.
        speakers: speaker of each, None where unknown.
    """
    permuted = assign_rows(ids, languages, speakers)
    named: dict[bytes, list[groups.Part]] = {}
    for part in (groups.whole(permuted.rows), *groups.languages(permuted.rows), *groups.speakers(permuted.rows)):
        named.setdefault(part.rows.tobytes(), []).append(part)
    made = []
    for parts in named.values():
        rows = parts[0].rows
        picks = np.flatnonzero(np.isin(permuted.of_utterance, rows)).astype(np.int64)
        clusters = clusters_of([permuted.rows[r] for r in rows])
        place = np.zeros(len(permuted.rows), np.int64)
        place[rows] = clusters.of_row
        of_pick = replace(clusters, of_row=place[permuted.of_utterance[picks]])
        made.append(Sample(tuple(part.name for part in parts), picks, of_pick))
    return made


def without_speakers(samples: Sequence[Sample]) -> list[Sample]:
    """The whole corpus and its languages, where speakers are too many for a table."""
    kept = [replace(s, names=tuple(name for name in s.names if not name.startswith("speaker="))) for s in samples]
    return [sample for sample in kept if sample.names]


def records(
    id: str,
    stream: str,
    metric: str,
    protocol: str,
    value: Ratios,
    sample: Sample,
    nulls: Sequence[Ratios] = (),
    notes: Sequence[str] = (),
) -> list[Record]:
    """The record of a ratio under each name of its sample.

    Args:
        id: `<condition>.<metric>`.
        stream: the condition.
        metric: name of the metric in `analysis.metrics.registry`.
        protocol: which protocol of `Results.protocols` made it.
        value: on all utterances of the corpus.
        sample: the part of it.
        nulls: the same ratio of each null draw; utterances that a draw leaves out are NaN. None: no null.
        notes: remarks.
    """
    known = [null for null in nulls if math.isfinite(null.value(sample.picks))]
    estimate = jackknifed(
        metric,
        value.value(sample.picks),
        sample.without_each(value),
        np.array([null.value(sample.picks) for null in known]),
        np.array([sample.without_each(null) for null in known]),
    )
    record = make_record(
        id,
        stream,
        metric,
        estimate,
        n=round(math.fsum(value.sums()[1][sample.picks])),
        protocol=protocol,
        about=sample.note,
        remarks=[_left_out(value.undefined(sample.picks)), *notes],
        undefined="" if value.is_defined[sample.picks].any() else "in every utterance",
    )
    return named(record, sample.names)


def _left_out(undefined: dict[str, int]) -> str:
    """`left out: 2 x too-short, 1 x silent`."""
    return f"left out: {', '.join(f'{n} x {reason}' for reason, n in undefined.items())}" if undefined else ""


@dataclass(frozen=True)
class Difference:
    """How far two ratios of the same utterances lie apart.

    Attributes:
        value: one minus other.
        interval: of the value, from both without the same cluster in turn.
        n: utterances in which both are defined.
    """

    value: float
    interval: Interval
    n: int


def difference(one: Ratios, other: Ratios, sample: Sample) -> Difference:
    """One minus other, paired: on the utterances where both are defined, and without the same clusters."""
    one, other = both_defined(one, other)
    value = one.value(sample.picks) - other.value(sample.picks)
    n = int(one.is_defined[sample.picks].sum())
    return Difference(value, jackknife(value, sample.without_each(one) - sample.without_each(other)), n)
