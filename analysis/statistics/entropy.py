"""Entropies of counted grams: the plug-in value, its value without each cluster, and the Miller-Madow correction.

With n(g) of N occurrences, H = log N - sum of n(g) log n(g) / N, in nats. It is too low by about (m - 1) / (2 N), where
m grams can occur (Miller 1955, Madow; Paninski 2003, Estimation of Entropy and Mutual Information, section 4). Adding
that with the m that did occur (`miller_madow`) takes away a part of the bias, and too little wherever most grams of the
corpus were never seen. So the order-2 entropy of a small corpus is too low under either: see
`analysis.usage.kneser_ney` for a figure that errs the other way.

Intervals leave out one cluster at a time (`analysis.statistics.bootstrap.jackknife`): a bootstrap would draw some
clusters twice and lower the plug-in value of a sparse table by more than its own error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    left = pooled[gram] - count
    # sums of n log n: all of it, less what each cluster's grams had, plus what they keep without it
    change = np.zeros(n_clusters)
    np.add.at(change, cluster, _n_log_n(left) - _n_log_n(pooled[gram]))
    gone = summed(cluster, (left == 0).astype(np.int64), n_clusters)
    n = grams.total - np.concatenate([[0], summed(cluster, count, n_clusters)])
    sums = _n_log_n(pooled).sum() + np.concatenate([[0.0], change])
    with np.errstate(divide="ignore", invalid="ignore"):
        h = np.log(n) - sums / n
    n_kinds = np.count_nonzero(pooled) - np.concatenate([[0], gone])
    return Entropy(np.where(n > 0, np.maximum(h, 0.0), np.nan), n_kinds.astype(np.int64), n.astype(np.int64))


def _n_log_n(n: Ints) -> Floats:
    return np.asarray(n * np.log(np.maximum(n, 1)))
