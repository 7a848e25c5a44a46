"""From what was counted to records: shares of information with nulls and intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from analysis.leakage.information import InformationOf, Vector
from analysis.metrics.registry import METRICS
from analysis.results.builder import jackknifed, joined, make_record, undefined_record
from analysis.results.records import beyond_nulls, nulls_of
from analysis.results.schema import Record
from probes.clusters import Clusters


def share_record(
    stream: str,
    metric: str,
    tags: Sequence[str],
    measured: InformationOf,
    clusters: Clusters,
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
    scored = [null.share_without for null in measured.chance if len(null.share_without)]
    estimate = jackknifed(metric, value, actual.share_without, nulls, np.array(scored))
    return make_record(
        f"{stream}.{metric}[{','.join(tags)}]",
        stream,
        metric,
        estimate,
        n=actual.n,
        protocol=f"{metric}[{tags[0]}]",
        about=clusters.counted,
        undefined=f"{METRICS[metric].undefined} ({constant})" if constant else "",
        # the record's own is the largest
        nulls=shares if len(shares) > 1 else None,
    )


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
) -> Record:
    """What a stream repeats: the largest share of what it tells, less chance, that another one tells too.

    Args:
        stream: its name.
        factor: the factor's name.
        own: what the stream tells alone.
        added: what it adds, by given stream.
        own_record: the record of what it tells alone.
    """
    id, metric, protocol = f"{stream}.leakage_repeats[{factor}]", "leakage_repeats", f"leakage_adds[{factor}]"
    if not math.isfinite(own_record.value) or within_null(own_record):
        return undefined_record(id, stream, metric, protocol=protocol, n=own.actual.n)
    alone, alone_without = _above_chance(own)
    shares = {given: 1 - _above_chance(one)[0] / alone for given, one in added.items()}
    given, value = max(shares.items(), key=lambda item: (item[1], item[0]))
    left_out = 1 - _above_chance(added[given])[1] / np.where(alone_without > 0, alone_without, np.nan)
    made = make_record(id, stream, metric, jackknifed(metric, value, left_out), n=own.actual.n, protocol=protocol)
    return made.model_copy(update={"note": joined([f"given {given}, the choice held fixed", made.note])})


def _above_chance(measured: InformationOf) -> tuple[float, Vector]:
    """Nats that codes tell beyond the mean null, and the same without each cluster."""
    chance = float(np.mean([null.mutual for null in measured.chance]))
    moved = [null.mutual_without - null.mutual for null in measured.chance if len(null.mutual_without)]
    return measured.actual.mutual - chance, measured.actual.mutual_without - chance - np.mean(moved, axis=0)
