"""Records: one number with its null and its interval, in the form that results hold."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.registry import METRICS as RECORDS
from analysis.results.schema import Record
from analysis.statistics.bootstrap import Interval
from analysis.statistics.information import corrected
from hac.data.timeline import US_PER_S
from probes.joint_counts.counts import JointCounts

KEPT, DROPPED = "silence-kept", "silence-dropped"
"""The two protocols of every number: silence counted as a phone, or left out."""
NOTE_JOINER = "; "
"""Between the remarks of a record's note."""
IN_NULL_SD = 2.0
"""A value that is less than this many standard deviations beyond the mean null is within the null."""


def units_of(actual: JointCounts, frame_rate: Fraction) -> Fraction:
    """Counted units per frame of the stream (or per grid point, where the convention counts those)."""
    # exact overlap counts ticks, at least one a microsecond; every other convention counts frames or grid points
    ticks = actual.units_per_s >= US_PER_S
    return actual.units_per_s / frame_rate if ticks else Fraction(1)


def interval_fields(interval: Interval) -> dict[str, Any]:
    """What a record says of the interval of its value."""
    return {
        "ci_low": interval.low,
        "ci_high": interval.high,
        "ci_method": interval.method,
        "resamples": interval.resamples,
    }


def corrected_fields(value: float, interval: Interval) -> dict[str, Any]:
    """What a record says of its null-corrected value."""
    return {
        "corrected": value,
        "corrected_ci_low": interval.low,
        "corrected_ci_high": interval.high,
        "resamples_corrected": interval.resamples,
    }


def make_record(
    stream: str,
    metric: str,
    protocol: str,
    group: str,
    value: float,
    interval: Interval,
    null: tuple[float, float],
    total: int,
    units: Fraction,
) -> Record:
    """A record without its null-corrected value.

    Args:
        stream: stream name.
        metric: name of the metric.
        protocol: `silence-kept` or `silence-dropped`.
        group: part of the corpus, empty for all of it.
        value: the metric.
        interval: of the value.
        null: mean and standard deviation of the null.
        total: sum of the table behind the value.
        units: from `units_of`.
    """
    suffix = "" if protocol == KEPT else f"[{protocol}]"
    return Record(
        id=f"{stream}.{metric}{suffix}",
        stream=stream,
        group=group,
        value=value,
        **interval_fields(interval),
        null_mean=null[0],
        null_sd=null[1],
        n=round(total / units),
        protocol=protocol,
        note=interval.reason if math.isfinite(value) else f"undefined: {RECORDS[metric].undefined}",
    )


def with_fixed_null(record: Record) -> Record:
    """The record with its null-corrected value; its interval is the value's, the null held fixed."""
    mean = record.null_mean
    drawn = record.resamples
    update = {
        "resamples_corrected": replace(drawn, values=(drawn.values - mean) / (1 - mean)) if drawn and mean < 1 else None,
        "corrected": corrected(record.value, mean),
        "corrected_ci_low": corrected(record.ci_low, mean),
        "corrected_ci_high": corrected(record.ci_high, mean),
    }
    return record.model_copy(update=update)


def within_range(metric: str, interval: Interval) -> Interval:
    """The interval cut to the metric's range; one that lies beyond an end of it shrinks to that end."""
    if not math.isfinite(interval.low):
        return interval
    record = RECORDS[metric]
    least = -math.inf if record.low is None else record.low
    most = math.inf if record.high is None else record.high
    return replace(interval, low=min(max(interval.low, least), most), high=min(max(interval.high, least), most))


def nulls_of(record: Record) -> list[tuple[float, float]]:
    """Mean and standard deviation of each null that a record has."""
    return [(record.null_mean, record.null_sd), *((null.mean, null.sd) for null in record.nulls.values())]


def beyond_nulls(value: float, nulls: Iterable[tuple[float, float]], sign: int = 1) -> bool:
    """Whether a value is clear of every null.

    Args:
        value: the number.
        nulls: mean and standard deviation of each; NaN for one without deviation.
        sign: 1 for above, -1 for below.
    """
    return all(sign * (value - mean) > IN_NULL_SD * (sd if math.isfinite(sd) else 0) for mean, sd in nulls)


def mean_sd(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and sample standard deviation; NaN for too few."""
    mean = float(values.mean()) if len(values) else math.nan
    return mean, float(values.std(ddof=1)) if len(values) > 1 else math.nan
