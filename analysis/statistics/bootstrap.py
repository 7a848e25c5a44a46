"""Intervals: what the numbers would be on other speakers.

Two methods, each named in the record it makes:

- `cluster-bootstrap-basic`: whole clusters (speakers) are drawn with replacement, the score is recomputed on each
  draw, and the deviations are mirrored at the estimate (Davison and Hinkley 1997, section 5.2), because the plug-in
  estimate of information is biased upward under resampling by about as much as it is biased itself. The deviations
  are widened for few clusters (Hesterberg 2015, "expanded" intervals: Student's t and G / (G - 1)).
- `cluster-jackknife-t`: each cluster is left out once; estimate +/- Student's t times the jackknife standard error
  (Efron and Tibshirani 1993, chapter 11). Used where a thousand draws would be too dear: for each phone or speaker.

The interval of a null-corrected value resamples the null with it: each draw recomputes the mean null on the very same
clusters. What resampling adds to the estimate it adds to the null as well, and the difference keeps its meaning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.sparse import csr_matrix

from analysis.statistics import kernels

LEVEL = 0.95
BLOCK = 1 << 17
"""Cells (columns x draws) of the dense block that is resampled at a time: small enough for the cache."""


@dataclass(frozen=True, eq=False, slots=True)
class Resamples:
    """A value on clusters drawn anew, or without each cluster: what another run's value can be paired with.

    Attributes:
        values: float32 [n_draws] in the order of the draws, or [n_clusters] in the order of the clusters; NaN where
            the value is undefined there.
        n_clusters: count of clusters that were drawn or left out.
    """

    values: NDArray[np.float32]
    n_clusters: int

    def __eq__(self, other: object) -> bool:
        """Whether all values are the same, bit by bit."""
        same = isinstance(other, Resamples) and self.n_clusters == other.n_clusters
        return same and self.values.tobytes() == other.values.tobytes()  # type: ignore[attr-defined]

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval; NaN with a reason where there is none. `resamples` is what it was made of."""

    low: float
    high: float
    method: str
    reason: str = ""
    resamples: Resamples | None = None

    def scaled(self, factor: float) -> Interval:
        """The interval in another unit, `factor` (above 0) times as many."""
        resamples = self.resamples and Resamples(self.resamples.values * np.float32(factor), self.resamples.n_clusters)
        return replace(self, low=self.low * factor, high=self.high * factor, resamples=resamples)


def no_interval(reason: str) -> Interval:
    """An interval that could not be had, and why."""
    return Interval(math.nan, math.nan, "none", reason)


def draw_weights(n_clusters: int, n_draws: int, seed: int) -> NDArray[np.float32]:
    """How often each cluster is drawn in each bootstrap draw: float32 [n_draws, n_clusters], rows sum to n_clusters."""
    rng = np.random.default_rng([seed, n_clusters, n_draws])
    return rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=n_draws).astype(np.float32)


def basic(estimate: float, draws: NDArray[np.float64], n_clusters: int) -> Interval:
    """Basic bootstrap interval, widened for few clusters.

    Args:
        estimate: the value on all clusters.
        draws: float64 [n_draws], the value on each draw; NaN draws (a score undefined there) are left out.
        n_clusters: count of clusters that were resampled.
    """
    resamples = Resamples(np.asarray(draws, np.float32), n_clusters)
    draws = draws[np.isfinite(draws)]
    if n_clusters < 2 or len(draws) < 20 or not math.isfinite(estimate):
        return no_interval("fewer than 2 clusters or 20 defined draws")
    low, high = np.quantile(draws - estimate, expanded_tails(n_clusters))
    return Interval(estimate - float(high), estimate - float(low), "cluster-bootstrap-basic", resamples=resamples)


def corrected(value: float, null_mean: float) -> float:
    """(value - null) / (1 - null): 0 at chance, 1 at perfection; NaN where chance is already perfect."""
    return (value - null_mean) / (1 - null_mean) if null_mean < 1 else math.nan


def corrected_draws(draws: NDArray[np.float64], null_mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """(value - null) / (1 - null) of each draw, with the mean null of that very draw; NaN where chance is perfect."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((draws - null_mean) / (1 - null_mean))


def at_most_one(interval: Interval) -> Interval:
    """The interval of a corrected value, which cannot be better than perfect."""
    return replace(interval, high=min(interval.high, 1.0)) if math.isfinite(interval.high) else interval


def expanded_tails(n_clusters: int) -> tuple[float, float]:
    """Percentiles of the draws that a 95 % interval takes for so few clusters (at least 2), as shares.

    The normal quantile becomes Student's, and the bootstrap's missing factor G / (G - 1) is put back.
    """
    z = special.stdtrit(n_clusters - 1, (1 + LEVEL) / 2) * math.sqrt(n_clusters / (n_clusters - 1))
    tail = float(special.ndtr(-z))
    return tail, 1 - tail


def jackknife(estimate: float, left_out: NDArray[np.float64]) -> Interval:
    """Jackknife interval from the values with each cluster left out: float64 [n_clusters]."""
    resamples = Resamples(np.asarray(left_out, np.float32), len(left_out))
    left_out = left_out[np.isfinite(left_out)]
    n = len(left_out)
    if n < 3 or not math.isfinite(estimate):
        return no_interval("fewer than 3 clusters")
    error = math.sqrt((n - 1) / n * float(((left_out - left_out.mean()) ** 2).sum()))
    half = float(special.stdtrit(n - 1, (1 + LEVEL) / 2)) * error
    return Interval(estimate - half, estimate + half, "cluster-jackknife-t", resamples=resamples)


@dataclass(frozen=True)
class Draws:
    """The scores of resampled tables, by metric name: float64 [n_draws] each."""

    kept: dict[str, NDArray[np.float64]]
    dropped: dict[str, NDArray[np.float64]]


def resample(by_cluster: csr_matrix, n_labels: int, silence: Sequence[int], weights: NDArray[np.float32]) -> Draws:
    """Score the tables that bootstrap draws give, with silence kept and dropped.

    Args:
        by_cluster: int64 [n_clusters, n_codes * n_labels], column = code * n_labels + label, ascending in a row.
        n_labels: count of labels.
        silence: indices of the silence labels.
        weights: float32 [n_draws, n_clusters] from `draw_weights`.

    Raises:
        ValueError: the matrix is not by rows, or its columns do not ascend.

    The draws' tables are scored in single precision (their scatter is 4 to 5 digits wide, single precision carries
    7); the estimate itself never comes from here.
    """
    if by_cluster.format != "csr" or not by_cluster.has_sorted_indices:
        raise ValueError("counts must be a csr matrix with ascending columns: the compiled loops check no bounds")
    total = float(by_cluster.sum())
    scale = 1 / total if total else 0.0
    occurs = np.zeros(by_cluster.shape[1], np.bool_)
    occurs[by_cluster.indices] = True
    filled = np.flatnonzero(occurs)
    is_silence = np.zeros(n_labels, np.bool_)
    is_silence[list(silence)] = True
    sums = _Sums(len(weights), n_labels)
    across = np.ascontiguousarray(weights.T, np.float64)
    pointers = by_cluster.indptr.astype(np.int64)
    cursor, place = pointers[:-1].copy(), np.zeros(by_cluster.shape[1], np.int64)
    chunks = _code_chunks(filled // n_labels, max(1, BLOCK // max(len(weights), 1)))
    scratch = np.empty((max((stop - start for start, stop in chunks), default=0), len(weights)), np.float32)
    for start, stop in chunks:
        part = filled[start:stop]
        place[part] = np.arange(len(part))
        dense = np.zeros((len(part), by_cluster.shape[0]))
        kernels.dense_block(pointers, by_cluster.indices, by_cluster.data, place, int(part[-1]) + 1, cursor, dense)
        # whole numbers, which double precision adds exactly: no block's size and no processor moves a bit
        n = ((dense @ across) * scale).astype(np.float32)
        log_n = scratch[: len(n)]
        np.log(np.maximum(n, np.float32(1e-30), out=log_n), out=log_n)
        code, label = np.divmod(part, n_labels)
        kernels.accumulate_draws(n, log_n, code, label, is_silence, *sums.arrays())
    return sums.scores(is_silence)


class _Sums:
    """Running sums over the columns of each draw's table."""

    def __init__(self, n_draws: int, n_labels: int) -> None:
        self.n = np.zeros((n_labels, n_draws))
        self.n_log_n = np.zeros((n_labels, n_draws))
        self.largest = np.zeros((n_labels, n_draws))
        # sums over codes of n log n and of the largest cell, silence kept and dropped
        self.by_code = np.zeros((4, n_draws))

    def arrays(self) -> tuple[NDArray[np.float64], ...]:
        return self.n, self.n_log_n, self.largest, self.by_code

    def scores(self, is_silence: NDArray[np.bool_]) -> Draws:
        every = np.ones_like(is_silence)
        kept = self._scores(every, self.by_code[0], self.by_code[2])
        return Draws(kept, self._scores(~is_silence, self.by_code[1], self.by_code[3]))

    def _scores(
        self, labels: NDArray[np.bool_], code_n_log_n: NDArray[np.float64], code_largest: NDArray[np.float64]
    ) -> dict[str, NDArray[np.float64]]:
        by_label = self.n[labels]
        total = by_label.sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            label_n_log_n = (by_label * np.log(np.maximum(by_label, 1e-300))).sum(axis=0)
            # H = log N - sum n log n / N, and I = H(label) + H(code) - H(label, code)
            h_phone = np.log(total) - label_n_log_n / total
            joint = self.n_log_n[labels].sum(axis=0)
            # a draw that holds one label only has no PNMI; what was never drawn is exactly zero
            defined = np.count_nonzero(by_label, axis=0) > 1
            mutual = np.log(total) + (joint - label_n_log_n - code_n_log_n) / total
            return {
                "pnmi": np.where(defined, np.maximum(mutual, 0) / h_phone, np.nan),
                "phone_purity": code_largest / total,
                "cluster_purity": self.largest[labels].sum(axis=0) / total,
                "h_phone": h_phone,
            }


def _code_chunks(code_of_column: NDArray[np.int64], size: int) -> list[tuple[int, int]]:
    """Cut columns sorted by code into blocks of about `size` columns that never split a code."""
    cuts = [0]
    n = len(code_of_column)
    while cuts[-1] < n:
        stop = min(cuts[-1] + size, n)
        if stop < n:
            whole = int(np.searchsorted(code_of_column, code_of_column[stop]))
            stop = whole if whole > cuts[-1] else int(np.searchsorted(code_of_column, code_of_column[stop], "right"))
        cuts.append(stop)
    return list(pairwise(cuts))
