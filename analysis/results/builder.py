"""The one place where a number, what chance scores and its interval become a record, and records become results."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.registry import METRICS
from analysis.results.records import NOTE_JOINER
from analysis.results.schema import Lag, Null, Record, Results, StreamInfo
from analysis.statistics import bootstrap
from analysis.statistics.bootstrap import Interval, corrected, corrected_draws

Floats = NDArray[np.float64]
NO_NULLS: Floats = np.empty(0)
NOTHING = bootstrap.no_interval("")
"""The interval of what has none, where the record says why anyway."""


@dataclass(frozen=True)
class Estimate:
    """A number beside what chance scores.

    Attributes:
        value: the number.
        interval: of it.
        nulls: float64 [n_nulls], what each null draw scores; empty without a null.
        corrected: interval of (value - null) / (1 - null), `fixed null` for that of the value with the mean null taken
            off, or None where there is no 1 to be perfect at.
    """

    value: float
    interval: Interval
    nulls: Floats = field(default_factory=lambda: NO_NULLS)
    corrected: Interval | Literal["fixed null"] | None = None

    def scaled(self, factor: float) -> Estimate:
        """The number in another unit, `factor` (above 0) times as many; it has no corrected value."""
        return Estimate(self.value * factor, self.interval.scaled(factor), self.nulls * factor)


def resampled_estimate(
    value: float,
    draws: Floats,
    n_clusters: int,
    nulls: Floats = NO_NULLS,
    null_draws: Floats | None = None,
    interval: Callable[[float, Floats, int], Interval] = bootstrap.basic,
) -> Estimate:
    """A number with intervals from resampled clusters; the corrected value takes off the mean null of each resample.

    Args:
        value: on all clusters.
        draws: float64 [n_draws], on each resample of the clusters; NaN where undefined.
        n_clusters: what is resampled.
        nulls: float64 [n_nulls], of the null draws on all clusters.
        null_draws: float64 [n_draws], mean null on the same resamples; None: the value is not corrected.
        interval: makes an interval of a value and its resamples.
    """
    around = interval(value, draws, n_clusters)
    if null_draws is None:
        return Estimate(value, around, nulls)
    chance = corrected(value, mean_sd(nulls)[0])
    return Estimate(value, around, nulls, interval(chance, corrected_draws(draws, null_draws), n_clusters))


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
    cut: bool = True,
) -> Record:
    """The record of a number.

    Args:
        id: `<stream>.<metric>` and what follows it in brackets.
        stream: stream name.
        metric: its name in `analysis.metrics.registry`, whose range cuts the interval.
        estimate: the number.
        n: counted units behind it.
        protocol: which protocol of `Results.protocols` made it.
        group: part of the corpus, empty for all of it.
        about: begins the note, such as the clusters; why there is no value or no interval follows.
        remarks: end the note.
        undefined: why there is no value; empty: as the metric says.
        nulls: draws of further nulls by name.
        cut: whether the interval is cut to the metric's range.
    """
    value, (mean, sd) = estimate.value, mean_sd(estimate.nulls)
    interval = within_range(metric, estimate.interval) if cut else estimate.interval
    reason = interval.reason if math.isfinite(value) else f"undefined: {undefined or METRICS[metric].undefined}"
    if isinstance(estimate.corrected, Interval):
        around = bootstrap.at_most_one(estimate.corrected) if METRICS[metric].high == 1 else estimate.corrected
    else:
        around = _without_null(interval, mean) if estimate.corrected else NOTHING
    return Record(
        id=id,
        stream=stream,
        group=group,
        value=value,
        ci_low=interval.low,
        ci_high=interval.high,
        null_mean=mean,
        null_sd=sd,
        corrected=corrected(value, mean) if estimate.corrected else math.nan,
        corrected_ci_low=around.low,
        corrected_ci_high=around.high,
        n=n,
        protocol=protocol,
        ci_method=interval.method,
        note=joined([about, reason, *remarks]),
        nulls={name: _null(draws) for name, draws in (nulls or {}).items()},
        resamples=interval.resamples,
        resamples_corrected=around.resamples,
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


def within_range(metric: str, interval: Interval) -> Interval:
    """The interval cut to the metric's range; one that lies beyond an end of it shrinks to that end."""
    if not math.isfinite(interval.low):
        return interval
    ends = METRICS[metric]
    least = -math.inf if ends.low is None else ends.low
    most = math.inf if ends.high is None else ends.high
    return replace(interval, low=min(max(interval.low, least), most), high=min(max(interval.high, least), most))


def joined(notes: Iterable[str]) -> str:
    """The note that these remarks make; empty ones are left out."""
    return NOTE_JOINER.join(note for note in notes if note)


def _without_null(interval: Interval, mean: float) -> Interval:
    """The interval of the corrected value that the value's own gives, the mean null held fixed."""
    drawn = interval.resamples
    return Interval(
        corrected(interval.low, mean),
        corrected(interval.high, mean),
        interval.method,
        resamples=replace(drawn, values=(drawn.values - mean) / (1 - mean)) if drawn and mean < 1 else None,
    )


def _null(draws: Floats) -> Null:
    mean, sd = mean_sd(draws)
    return Null(mean=mean, sd=sd)
