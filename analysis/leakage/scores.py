"""From what was counted to records: shares of information with nulls and intervals.

Intervals are linearized ("infinitesimal jackknife": Davison and Hinkley 1997, section 2.7; Efron 1982, chapter 6):
information is a mean over frames of log n(f, a, b) n(b) / (n(a, b) n(f, b)), and its share of H a ratio of two sums
over clusters; the spread of what clusters put into it gives the standard error, Student's t the width. For the
corrected value, the clusters' parts in the null (the mean of its first draws) are taken off: what they do to the
value they do to the null as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.leakage.information import Information, InformationOf, Vector
from analysis.metrics.registry import METRICS
from analysis.results.builder import Estimate, joined, make_record, mean_sd, undefined_record
from analysis.results.records import beyond_nulls, nulls_of
from analysis.results.schema import Record
from analysis.statistics.jackknife import Interval, corrected, jackknife

METHOD = "cluster-linearized-t"


@dataclass(frozen=True)
class Clustering:
    """What intervals resample: count of clusters, and what they are."""

    n: int
    unit: str


def share_record(
    stream: str,
    metric: str,
    tags: Sequence[str],
    measured: InformationOf,
    clusters: Clustering,
    constant: str = "",
) -> Record:
    """The record of one measurement.

    Args:
        stream: its name.
        metric: `leakage` or `leakage_adds`.
        tags: what stands in brackets behind it; the first is the factor.
        measured: the measurement.
        clusters: behind the interval.
        constant: why the factor is constant, where it is.
    """
    actual = measured.actual
    value = actual.share
    shares = {name: np.array([null.share for null in draws]) for name, draws in measured.nulls.items()}
    nulls = np.array([null.share for null in measured.chance])
    mean, _ = mean_sd(nulls)
    scored = [null for null in measured.chance if len(null.mutual_by)]
    error = _parts(actual)
    moved = np.mean([_parts(null) for null in scored], axis=0) if scored else np.zeros_like(error)
    with np.errstate(divide="ignore", invalid="ignore"):
        shifted = error / (1 - mean) - (1 - value) * moved / (1 - mean) ** 2
    is_corrected = METRICS[metric].is_corrected and math.isfinite(mean)
    around = _around(corrected(value, mean), shifted) if is_corrected else _around(value, error)
    estimate = Estimate(value, around, nulls, is_corrected)
    return make_record(
        f"{stream}.{metric}[{','.join(tags)}]",
        stream,
        metric,
        estimate,
        n=actual.n,
        protocol=f"{metric}[{tags[0]}]",
        about=f"clusters: {clusters.n} ({clusters.unit})",
        undefined=f"{METRICS[metric].undefined} ({constant})" if constant else "",
        # the record's own is the largest
        nulls=shares if len(shares) > 1 else None,
    )


def _parts(one: Information) -> Vector:
    """How far each cluster moves the share, to first order: float64 [n_clusters]; sums to 0."""
    total = one.left_by.sum()
    if not math.isfinite(one.share) or total <= 0:
        return np.full(len(one.left_by), math.nan)
    share = one.mutual_by.sum() / total
    return np.asarray((one.mutual_by - share * one.left_by) / total)


def _around(value: float, parts: Vector) -> Interval:
    """The interval of a value from what each cluster moves it by."""
    n = len(parts)
    # what the value would be without each cluster, to first order
    made = jackknife(value, value - parts * n / max(n - 1, 1))
    return replace(made, method=METHOD) if math.isfinite(made.low) else made


def within_null(record: Record) -> bool:
    """Whether a value is no more than chance: not clear of a null, or the interval of the corrected value reaches 0."""
    above = beyond_nulls(record.value, nulls_of(record))
    return not (above and (record.ci_low > 0 or not math.isfinite(record.ci_low)))


def least_added(factor: str, added: Mapping[str, Record]) -> Record:
    """What a stream adds beyond the best single other stream: the smallest corrected addition.

    Args:
        factor: its name.
        added: what the stream adds, by given stream.
    """
    defined = {given: record for given, record in added.items() if math.isfinite(record.estimate)}
    given, least = min((defined or added).items(), key=lambda item: (item[1].estimate, item[0]))
    note = joined([f"given {given}, the choice held fixed", least.note])
    return least.model_copy(update={"id": f"{least.stream}.leakage_adds[{factor}]", "note": note})


def most_repeated(
    stream: str,
    factor: str,
    own: InformationOf,
    added: Mapping[str, InformationOf],
    own_record: Record,
    frames_by: Vector,
) -> Record:
    """What a stream repeats: the largest share of what it tells, less chance, that another one tells too.

    Args:
        stream: its name.
        factor: the factor's name.
        own: what the stream tells alone.
        added: what it adds, by given stream.
        own_record: the record of what it tells alone.
        frames_by: float64 [n_clusters], frames of the factor in each cluster.
    """
    id, metric, protocol = f"{stream}.leakage_repeats[{factor}]", "leakage_repeats", f"leakage_adds[{factor}]"
    if not math.isfinite(own_record.value) or within_null(own_record):
        return undefined_record(id, stream, metric, protocol=protocol, n=own.actual.n)
    alone = _above_chance(own)
    shares = {given: 1 - _above_chance(one) / alone for given, one in added.items()}
    given, value = max(shares.items(), key=lambda item: (item[1], item[0]))
    estimate = Estimate(value, _around(value, _ratio_parts(added[given], own, 1 - value, frames_by)))
    made = make_record(id, stream, metric, estimate, n=own.actual.n, protocol=protocol)
    return made.model_copy(update={"note": f"given {given}, the choice held fixed"})


def _above_chance(measured: InformationOf) -> float:
    """Nats that codes tell beyond the mean null."""
    return measured.actual.mutual - float(np.mean([null.mutual for null in measured.chance]))


def _ratio_parts(added: InformationOf, own: InformationOf, ratio: float, frames_by: Vector) -> Vector:
    """How far each cluster moves added / own."""
    top, bottom = (_excess_parts(one, frames_by) for one in (added, own))
    return np.asarray((top - ratio * bottom) / _above_chance(own))


def _excess_parts(measured: InformationOf, frames_by: Vector) -> Vector:
    """How far each cluster moves the nats that codes tell beyond chance."""
    n = measured.actual.n
    nulls = [null.mutual_by for null in measured.chance if len(null.mutual_by)]
    excess = measured.actual.mutual_by - np.mean(nulls, axis=0)
    # a mean over frames moves by a cluster's sum less its frames' share of the whole
    return np.asarray((excess - excess.sum() * frames_by / n) / n)
