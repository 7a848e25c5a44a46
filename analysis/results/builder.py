"""The one place where a number, what chance scores and its interval become a record, and records become results."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.registry import METRICS
from analysis.results.records import NOTE_JOINER
from analysis.results.schema import Lag, Null, Record, Results, StreamInfo
from analysis.statistics.jackknife import Interval, corrected, corrected_each, jackknife, no_interval

Floats = NDArray[np.float64]
NO_NULLS: Floats = np.empty(0)
NOTHING = no_interval("")
"""The interval of what has none, where the record says why anyway."""


@dataclass(frozen=True)
class Estimate:
    """A number beside what chance scores.

    Attributes:
        value: as counted.
        interval: of the number that the record gives: of the corrected value where it is corrected, else of `value`.
        nulls: float64 [n_nulls], what each null draw scores; empty without a null.
        is_corrected: whether the number is (value - null) / (1 - null), and not `value`.
    """

    value: float
    interval: Interval
    nulls: Floats = field(default_factory=lambda: NO_NULLS)
    is_corrected: bool = False

    def scaled(self, factor: float) -> Estimate:
        """The number in another unit, `factor` (above 0) times as many; none that is corrected."""
        return Estimate(self.value * factor, self.interval.scaled(factor), self.nulls * factor)


def jackknifed(
    metric: str, value: float, left_out: Floats, nulls: Floats = NO_NULLS, nulls_left_out: Floats | None = None
) -> Estimate:
    """A number with its interval; corrected for chance where there are nulls and the metric's scale ends at 1.

    Args:
        metric: its name in `analysis.metrics.registry`.
        value: on all clusters.
        left_out: float64 [n_clusters], without each cluster; NaN where undefined.
        nulls: float64 [n_nulls], of the null draws on all clusters.
        nulls_left_out: float64 [n_nulls, n_clusters], of null draws without each cluster; None: the mean null is held
            fixed. These may be the first of the draws: only their mean's movement counts.
    """
    mean = mean_sd(nulls)[0]
    if not METRICS[metric].is_corrected or not math.isfinite(mean):
        return Estimate(value, jackknife(value, left_out), nulls)
    moved = np.full(len(left_out), mean)
    if nulls_left_out is not None and len(nulls_left_out):
        k = len(nulls_left_out)
        moved = moved + nulls_left_out.mean(axis=0) - nulls[:k].mean()
    number = corrected(value, mean)
    return Estimate(value, jackknife(number, corrected_each(left_out, moved)), nulls, is_corrected=True)


def make_record(
    id: str,
    stream: str,
    metric: str,
    estimate: Estimate,
    *,
    n: int,
    protocol: str,
    group: str = "",
    about: str = "",
    remarks: Iterable[str] = (),
    undefined: str = "",
    nulls: Mapping[str, Floats] | None = None,
) -> Record:
    """The record of a number.

    Args:
        id: `<stream>.<metric>` and what follows it in brackets.
        stream: stream name.
        metric: its name in `analysis.metrics.registry`.
        estimate: the number.
        n: counted units behind it.
        protocol: which protocol of `Results.protocols` made it.
        group: part of the corpus, empty for all of it.
        about: begins the note, such as the clusters; why there is no value or no interval follows.
        remarks: end the note.
        undefined: why there is no value; empty: as the metric says.
        nulls: draws of further nulls by name.
    """
    value, interval, null = estimate.value, estimate.interval, null_of(estimate.nulls)
    number = corrected(value, null.mean) if estimate.is_corrected else value
    reason = interval.reason
    if not math.isfinite(value):
        reason = f"undefined: {undefined or METRICS[metric].undefined}"
    elif not math.isfinite(number):
        reason = "undefined: chance alone is perfect"
    return Record(
        id=id,
        stream=stream,
        group=group,
        estimate=number,
        ci_low=interval.low,
        ci_high=interval.high,
        is_corrected=estimate.is_corrected,
        value=value,
        null_mean=null.mean,
        null_sd=null.sd,
        n_nulls=null.n,
        n=n,
        protocol=protocol,
        ci_method=interval.method,
        note=joined([about, reason, *remarks]),
        nulls={name: null_of(draws) for name, draws in (nulls or {}).items()},
        left_out=interval.left_out,
    )


def undefined_record(
    id: str, stream: str, metric: str, *, protocol: str, why: str = "", n: int = 0, about: str = "", group: str = ""
) -> Record:
    """The record of a number that could not be had, and why; empty: as the metric says."""
    nothing = Estimate(math.nan, NOTHING)
    return make_record(id, stream, metric, nothing, n=n, protocol=protocol, group=group, about=about, undefined=why)


def named(record: Record, names: Iterable[str]) -> list[Record]:
    """The record under each name of its part of the corpus."""
    return [record.model_copy(update={"group": name}) for name in names]


def make_results(
    command: str,
    about: Mapping[str, Any],
    metrics: Sequence[Record],
    protocols: Mapping[str, dict[str, Any]],
    *,
    streams: Mapping[str, StreamInfo] | None = None,
    coverage: Mapping[str, Any] | None = None,
    warnings: Iterable[str] = (),
    lags: Sequence[Lag] = (),
    status: Literal["complete", "partial"] = "complete",
) -> Results:
    """The results of an analysis.

    Args:
        command: which analysis.
        about: system, coverage, failures, failed, warnings and provenance, from `analysis.inputs.request.about_of`.
        metrics: the numbers.
        protocols: what each protocol name of theirs means.
        streams: what was counted of each stream.
        coverage: further facts of it.
        warnings: put behind those of `about`.
        lags: lag scan of each stream.
        status: `partial` where parts failed.
    """
    return Results(
        command=command,
        status=status,
        system=about["system"],
        metrics=list(metrics),
        streams=dict(streams or {}),
        lags=list(lags),
        protocols=dict(protocols),
        coverage={**about["coverage"], **(coverage or {})},
        failures=about["failures"],
        failed=about["failed"],
        warnings=[*about["warnings"], *warnings],
        provenance=about["provenance"],
    )


def mean_sd(values: Floats) -> tuple[float, float]:
    """Mean and sample standard deviation; NaN for too few."""
    mean = float(values.mean()) if len(values) else math.nan
    return mean, float(values.std(ddof=1)) if len(values) > 1 else math.nan


def joined(notes: Iterable[str]) -> str:
    """The note that these remarks make; empty ones are left out."""
    return NOTE_JOINER.join(note for note in notes if note)


def null_of(draws: Floats) -> Null:
    """What chance scores, from its draws; draws that have no number are none."""
    mean, sd = mean_sd(draws)
    return Null(mean=mean, sd=sd, n=len(draws) if math.isfinite(mean) else 0)
