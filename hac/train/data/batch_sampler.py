"""Which utterances make which batch: length-bucketed, drawn from a seed, the same on any number of processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hac.errors import HacError

POOL_BATCHES = 50
"""Batches whose utterances are sorted by length together: enough for little padding, few enough to keep chance."""


@dataclass(frozen=True)
class BatchPlan:
    """Batches of like length, `batch_s` seconds with padding, drawn anew for every epoch, which the seed fixes."""

    durations_s: Sequence[float]
    batch_s: float
    seed: int

    def epoch(self, index: int) -> list[list[int]]:
        """The batches of one epoch, each a list of utterance numbers; every utterance stands in one batch."""
        rng = np.random.default_rng([self.seed, index])
        order = rng.permutation(len(self.durations_s))
        durations = np.asarray(self.durations_s)
        batches: list[list[int]] = []
        for pool in self._pools(order, durations):
            batches += self._cut(pool[np.argsort(durations[pool], kind="stable")], durations)
        return [batches[i] for i in rng.permutation(len(batches))]

    def locate(self, step: int) -> tuple[int, int]:
        """Epoch and place in it of a step, both from 0."""
        epoch, first = 0, 0
        while True:
            n = len(self.epoch(epoch))
            if step < first + n:
                return epoch, step - first
            epoch, first = epoch + 1, first + n

    def _pools(self, order: np.ndarray, durations: np.ndarray) -> list[np.ndarray]:
        """Consecutive runs of a shuffled order, each of about `POOL_BATCHES` batches' worth of audio."""
        elapsed = np.cumsum(durations[order])
        n_pools = max(1, round(float(elapsed[-1]) / (POOL_BATCHES * self.batch_s)))
        cuts = np.searchsorted(elapsed, elapsed[-1] * np.arange(1, n_pools) / n_pools)
        return [pool for pool in np.split(order, cuts) if len(pool)]

    def _cut(self, ascending: np.ndarray, durations: np.ndarray) -> list[list[int]]:
        """Batches of a pool sorted by length: longest x count stays within `batch_s` (or the count is 1)."""
        batches: list[list[int]] = [[]]
        for i in ascending.tolist():
            if batches[-1] and durations[i] * (len(batches[-1]) + 1) > self.batch_s:
                batches.append([])
            batches[-1].append(i)
        return batches


def share_out(batch: Sequence[int], durations_s: Sequence[float], n_shares: int) -> list[list[int]]:
    """Cut a batch into `n_shares` parts of about equal numbers; a part is empty where there are too few utterances.

    Neighbours in length stay together, so that a part has little padding.
    """
    order = sorted(batch, key=lambda i: (durations_s[i], i))
    bounds = [len(order) * k // n_shares for k in range(n_shares + 1)]
    return [order[a:b] for a, b in pairwise(bounds)]


def check_shares(batch_s: float, max_s: float, n_shares: int) -> None:
    """Refuse a batch too small to be shared among the processes.

    Raises:
        HacError: a batch of the longest utterances has fewer of them than there are shares.
    """
    if n_shares > 1 and batch_s < n_shares * max_s:
        raise HacError(
            f"data.batch_s = {batch_s:g} s cannot feed {n_shares} parts (processes x accumulate) with utterances of up "
            f"to {max_s:g} s; raise data.batch_s to {n_shares * max_s:g} or lower data.max_s"
        )
