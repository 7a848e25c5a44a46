"""Intervals: in which range a number would lie on as much speech of other speakers, 95 times in 100.

One method: the delete-one-cluster jackknife (Efron and Tibshirani 1993, chapter 11). The number is computed again
without each cluster (speaker) in turn; estimate +/- Student's t times the standard error that these values give. The
interval is symmetric and holds its number. What is resampled is the very number that is printed: a chance-corrected
value is corrected anew without each cluster, by the nulls of the clusters that are left.

In simulations with a known population (`benchmarks.coverage`) it holds the expected value in .93 to .99 of corpora of
10 to 60 minutes, 4 to 40 speakers, 64 and 1,024 codes. A bootstrap of whole clusters does not: a cluster that is drawn
twice adds no new cells to a table of counts, so its draws carry the bias of less speech than there is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

LEVEL = 0.95
MIN_CLUSTERS = 3
"""Fewer clusters than this say nothing of their spread."""
METHOD = "cluster-jackknife-t"
ROUNDING = 1e-12
"""A standard error below this share of the estimate is rounding: the number is the same without each cluster."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class LeftOut:
    """A number without each cluster: what another run's number can be paired with.

    Attributes:
        values: float64 [n_clusters], in the order of the clusters; NaN where the number is undefined there.
    """

    values: Floats

    def __eq__(self, other: object) -> bool:
        """Whether all values are the same, bit by bit."""
        return isinstance(other, LeftOut) and self.values.tobytes() == other.values.tobytes()

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval; NaN with a reason where there is none. `left_out` is what it was made of."""

    low: float
    high: float
    method: str
    reason: str = ""
    left_out: LeftOut | None = None

    def scaled(self, factor: float) -> Interval:
        """The interval in another unit, `factor` (above 0) times as many."""
        left_out = self.left_out and LeftOut(self.left_out.values * factor)
        return replace(self, low=self.low * factor, high=self.high * factor, left_out=left_out)


def no_interval(reason: str, left_out: Floats | None = None) -> Interval:
    """An interval that could not be had, and why."""
    return Interval(math.nan, math.nan, "none", reason, None if left_out is None else LeftOut(left_out))


def without_each(sums: NDArray[Any], axis: int = 0) -> NDArray[Any]:
    """Sums over all clusters but each in turn; `axis` is that of the clusters."""
    return np.asarray(sums.sum(axis=axis, keepdims=True) - sums)


def standard_error(left_out: Floats) -> tuple[float, int]:
    """Jackknife standard error of a number, and the count of clusters without which it is defined.

    Args:
        left_out: float64 [n_clusters], the number without each cluster.
    """
    left_out = left_out[np.isfinite(left_out)]
    n = len(left_out)
    return (math.sqrt((n - 1) / n * float(((left_out - left_out.mean()) ** 2).sum())) if n else math.nan), n


def jackknife(estimate: float, left_out: Floats) -> Interval:
    """The interval of a number from the values without each cluster: float64 [n_clusters]."""
    left_out = np.asarray(left_out, np.float64)
    if not math.isfinite(estimate):
        return no_interval("the number is undefined")
    error, n = standard_error(left_out)
    if n < MIN_CLUSTERS:
        return no_interval(f"no interval: fewer than {MIN_CLUSTERS} clusters", left_out)
    if error <= ROUNDING * max(abs(estimate), 1e-3):
        return no_interval("no interval: the same number without each cluster", left_out)
    half = student_t(n - 1) * error
    return Interval(estimate - half, estimate + half, METHOD, left_out=LeftOut(left_out))


def ratio(above: NDArray[Any], below: NDArray[Any], scale: float = 1.0) -> tuple[float, Interval]:
    """A ratio of sums over clusters, `scale` times, divided once, and its interval.

    Args:
        above, below: [n_clusters], what each cluster adds to the numerator and the denominator.
        scale: the unit.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(np.float64(above.sum()) / below.sum() * scale)
        return value, jackknife(value, without_each(above) / without_each(below) * scale)


def student_t(freedom: float) -> float:
    """How many standard errors a 95 % interval reaches to each side."""
    return float(special.stdtrit(freedom, (1 + LEVEL) / 2))


def p_value(distance: float, half_width: float, n_clusters: int) -> float:
    """p of a number that lies so far from what it is held against: below .05 where its interval does not reach there.

    Args:
        distance: of either sign.
        half_width: of the 95 % interval.
        n_clusters: behind it; of fewer than `MIN_CLUSTERS`, as where it is unknown, as for so many.

    Returns:
        Two-sided, by Student's t; NaN without an interval.
    """
    freedom = max(n_clusters, MIN_CLUSTERS) - 1
    if not (half_width > 0 and math.isfinite(distance)):
        return math.nan
    return 2 * float(special.stdtr(freedom, -abs(distance) / half_width * student_t(freedom)))


def corrected(value: float, null_mean: float) -> float:
    """(value - null) / (1 - null): 0 at chance, 1 at perfection; NaN where chance is already perfect."""
    return (value - null_mean) / (1 - null_mean) if null_mean < 1 else math.nan


def corrected_each(left_out: Floats, null_mean: Floats) -> Floats:
    """(value - null) / (1 - null) without each cluster, with the mean null of the same clusters; NaN at a null of 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(null_mean < 1, (left_out - null_mean) / (1 - null_mean), np.nan)
