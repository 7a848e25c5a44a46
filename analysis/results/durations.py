"""How long segments last: runs of equal tokens beside phones and words."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.results.builder import Estimate, make_record
from analysis.results.schema import Record
from analysis.statistics.jackknife import Interval, no_interval, ratio
from probes.boundaries.durations import DurationCounts

if TYPE_CHECKING:
    from analysis.statistics.row_samples import RowSample

PROTOCOL = "segments"
PERCENTS = (10, 50, 90)


@dataclass(frozen=True)
class Summary:
    """Durations of the segments of one stream or tier.

    Attributes:
        name: of the stream or tier.
        kind: `stream` (runs of equal codes) or `tier` (phones or words, silence left out).
        n: count of segments.
        mean_ms, per_s: mean duration, and segments per second of all the time there is (silence too); NaN for none.
        percentiles_ms: the least duration that 10, 50 and 90 % of the segments do not exceed, NaN for none.
        mean_interval, per_s_interval: 95 %.
        durations_ms: float64 [n_distinct], ascending.
        counts: int64 [n_distinct], segments of each duration.
        histogram: int64 [101], segments by duration in bins of 10 ms, the last all from 1 s on.
    """

    name: str
    kind: Literal["stream", "tier"]
    n: int
    mean_ms: float
    per_s: float
    percentiles_ms: tuple[float, float, float]
    mean_interval: Interval
    per_s_interval: Interval
    durations_ms: NDArray[np.float64]
    counts: NDArray[np.int64]
    histogram: NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """The numbers that people read, for results and tables; NaN where there are no segments."""
        return {
            "n": self.n,
            "mean_ms": self.mean_ms,
            "mean_ci_low": self.mean_interval.low,
            "mean_ci_high": self.mean_interval.high,
            "p10_ms": self.percentiles_ms[0],
            "median_ms": self.percentiles_ms[1],
            "p90_ms": self.percentiles_ms[2],
            "per_s": self.per_s,
        }


def summarize(name: str, kind: Literal["stream", "tier"], durations: DurationCounts, sample: RowSample) -> Summary:
    """Statistics of the segments of one sample.

    Args:
        name: of the stream or tier.
        kind: which of them.
        durations: counts of durations.
        sample: rows and clusters.
    """
    here = durations.of_rows(sample.rows)
    values, counts = here.pooled()
    of_row = np.zeros((2, len(durations.time)), np.int64)
    counted = durations.counts
    np.add.at(of_row[0], counted.row, counted.a * counted.n)
    np.add.at(of_row[1], counted.row, counted.n)
    lasting, n, time = (sample.by_cluster(x, 0) for x in (*of_row, durations.time))
    unit_ms = durations.unit_s * 1000
    mean = ratio(lasting, n, float(unit_ms))
    rate = ratio(n, time, float(1 / durations.unit_s))
    return Summary(
        name,
        kind,
        int(n.sum()),
        mean[0],
        rate[0],
        _percentiles(values, counts, unit_ms),
        mean[1],
        rate[1],
        values.astype(np.float64) * float(unit_ms),
        counts,
        here.histogram(),
    )


def _percentiles(values: NDArray[np.int64], counts: NDArray[np.int64], unit_ms: Fraction) -> tuple[float, float, float]:
    """The least duration that so many percent do not exceed: one that occurs, found without rounding."""
    if not len(values):
        return (np.nan, np.nan, np.nan)
    reached = np.cumsum(counts)
    low, middle, high = (int(values[np.searchsorted(reached * 100, reached[-1] * p)]) for p in PERCENTS)
    return float(low * unit_ms), float(middle * unit_ms), float(high * unit_ms)


def records(summary: Summary, sample: RowSample) -> list[Record]:
    """The records of a stream's runs; percentiles have no interval, since they move in whole frames."""
    measured = (
        ("run_ms", summary.mean_ms, summary.mean_interval),
        *zip(("run_p10_ms", "run_median_ms", "run_p90_ms"), summary.percentiles_ms, [None] * 3, strict=True),
        ("runs_per_s", summary.per_s, summary.per_s_interval),
    )
    without = no_interval("no interval: percentiles of runs move in whole frames")
    return [
        make_record(
            f"{summary.name}.{metric}",
            summary.name,
            metric,
            Estimate(value, interval or without),
            n=summary.n,
            protocol=PROTOCOL,
            about=sample.note,
        )
        for metric, value, interval in measured
    ]
