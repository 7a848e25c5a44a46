"""Entropies of counts: the plug-in value, its value without each cluster, and the Miller-Madow correction.

With n(g) of N occurrences, H = log N - S / N in nats, S the sum of n(g) log n(g). Without a cluster, S loses what the
cells change that the cluster has a share in, so all the values take one pass over the counts. Mutual information is
H(a) + H(b) - H(a, b) of such values.

H is too low by about (m - 1) / (2 N), where
m grams can occur (Miller 1955, Madow; Paninski 2003, Estimation of Entropy and Mutual Information, section 4). Adding
that with the m that did occur (`miller_madow`) takes away a part of the bias, and too little wherever most grams of the
corpus were never seen. So the order-2 entropy of a small corpus is too low under either: see
`analysis.usage.kneser_ney` for a figure that errs the other way.

Intervals leave out one cluster at a time (`analysis.statistics.jackknife`): a bootstrap would draw some
clusters twice and lower the plug-in value of a sparse table by more than its own error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from probes.sparse_counts import summed
from probes.tokens.grams import Grams, Ints, tally

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Entropy:
    """Entropies in nats: the first of all clusters, then without each cluster; NaN where nothing is left.

    Attributes:
        plug_in: float64 [1 + n_clusters].
        n_kinds: int64 [1 + n_clusters], grams that occur.
        n: int64 [1 + n_clusters], occurrences.
    """

    plug_in: Floats
    n_kinds: Ints
    n: Ints

    @property
    def miller_madow(self) -> Floats:
        """The plug-in value plus (grams that occur - 1) / (2 occurrences)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.plug_in + (self.n_kinds - 1) / (2 * self.n))

    def value(self, bias: str) -> Floats:
        """The entropies under a bias treatment: `plug-in` or `miller-madow`."""
        return self.plug_in if bias == "plug-in" else self.miller_madow


def entropy(grams: Grams, cluster_of_row: Ints, n_clusters: int) -> Entropy:
    """Entropy of counted grams, with each cluster left out once.

    Args:
        grams: the counts.
        cluster_of_row: int64 [n_rows]; rows that `grams` does not have may hold anything.
        n_clusters: count of clusters.
    """
    pooled = grams.pooled()
    cluster, gram, count = tally(cluster_of_row[grams.row], grams.gram, grams.count)
    gone = summed(cluster, (pooled[gram] == count).astype(np.int64), n_clusters)
    n = grams.total - np.concatenate([[0], summed(cluster, count, n_clusters)])
    lost = np.concatenate([[0.0], lost_by_cluster(pooled, cluster, gram, count, n_clusters)])
    h = np.maximum(entropy_of(sum_n_log_n(pooled) - lost, n), 0.0)
    n_kinds = np.count_nonzero(pooled) - np.concatenate([[0], gone])
    return Entropy(h, n_kinds.astype(np.int64), n.astype(np.int64))


def entropy_of(sum_n_log_n: ArrayLike, n: ArrayLike) -> Floats:
    """Plug-in entropy in nats of n occurrences; NaN where there are none."""
    sums, n = np.asarray(sum_n_log_n), np.asarray(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n > 0, np.log(n) - sums / n, np.nan)


def sum_n_log_n(counts: Ints) -> float:
    """Sum of n log n; cells that hold nothing must not move a bit of it, so they are left out."""
    return float(n_log_n(counts[counts > 0]).sum())


def n_log_n(counts: Ints) -> Floats:
    """n log n of each count, 0 for 0."""
    return np.asarray(counts * np.log(np.maximum(counts, 1)))


def lost_by_cluster(pooled: Ints, cluster: Ints, cell: Ints, count: Ints, n_clusters: int) -> Floats:
    """What the sum of n log n loses without each cluster: float64 [n_clusters].

    Args:
        pooled: int64 [n_cells], all counts.
        cluster, cell, count: int64 [n], what each cluster has in each cell; no pair of the two stands twice.
        n_clusters: count of clusters.
    """
    lost = n_log_n(pooled[cell]) - n_log_n(pooled[cell] - count)
    return np.bincount(cluster, weights=lost, minlength=n_clusters).astype(np.float64)
