"""Intervals of word scores: the codes and the best 250 words stay as they were chosen, the clusters are drawn anew.

What is resampled is how well the chosen codes do on other speakers, not which ones would have been chosen there: what
choosing adds to a score is seen beside the nulls and in the held-out score. Every draw adds the counts of its clusters
and divides once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics import bootstrap
from analysis.words import kernels
from analysis.words.detection import DETECTED_F1, TOP, Candidates, Definition, denominators, numerator_of
from probes.clusters import Resampling
from probes.words.word_codes import WordCounts

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
BLOCK = 1024
"""Words whose draws are held at a time."""
MIN_CLUSTERS = 3
"""A word of fewer clusters than this gets no interval."""
MIN_DRAWS = 20
"""Nor does one that is in fewer draws than this."""


@dataclass(frozen=True)
class Picked:
    """Codes whose score is resampled.

    Attributes:
        code: int64 [n_words, 2], the code that counts on the rows of each half, -1 for none.
        half: int64 [n_rows], 0 or 1; -1 leaves the row out.
        words: int64 [n], the words scored, ascending.
    """

    code: Ints
    half: Ints
    words: Ints


@dataclass(frozen=True)
class SummaryDraws:
    """Of each bootstrap draw: words detected, mean F1 of the best 250 and of all; float64 [n_draws] each."""

    detected: Floats
    top: Floats
    mean: Floats


@dataclass(frozen=True)
class WordDraws:
    """What the draws say.

    Attributes:
        groups: by name of the group of words.
        low, high: float64 [n_words], interval of each word's F1; NaN where there is none.
    """

    groups: dict[str, SummaryDraws]
    low: Floats
    high: Floats


def resample(
    counts: WordCounts,
    picked: Picked,
    definition: Definition,
    chosen_from: Candidates,
    clusters: Resampling,
    cluster_of_row: Ints,
    weights: NDArray[np.float32],
    groups: Mapping[str, Group],
    f1: Floats | None,
) -> WordDraws:
    """Draw the clusters anew and score the picked codes each time.

    Args:
        counts: of the tokens as they are.
        picked: words, codes and rows.
        definition: see `analysis.words.detection`.
        chosen_from: as when the codes were chosen.
        clusters: what is drawn.
        cluster_of_row: int64 [n_rows], cluster of each row; -1 for rows outside the scope.
        weights: float32 [n_draws, n_clusters] from `analysis.statistics.bootstrap.draw_weights`.
        groups: by name, the words that are summed up.
        f1: float64 [n_words], the scores around which the words' intervals lie; None: none are wanted.
    """
    table = _Table(counts, picked, definition, chosen_from, cluster_of_row, clusters.n)
    across = np.ascontiguousarray(weights.T)
    sums = {name: _Sum(len(weights)) for name in groups}
    low, high = np.full(counts.n_words, np.nan), np.full(counts.n_words, np.nan)
    for start in range(0, len(picked.words), BLOCK):
        words = picked.words[start : start + BLOCK]
        draws, spread = table.f1_draws(start, start + BLOCK, across)
        for name, group in groups.items():
            own = group.words[words]
            sums[name].add(draws[own], group.top[words][own])
        if f1 is not None:
            low[words], high[words] = _intervals(f1[words], draws, spread, clusters.n)
    return WordDraws({name: total.draws() for name, total in sums.items()}, low, high)


class _Table:
    """Counts of the picked codes by word and cluster."""

    def __init__(
        self,
        counts: WordCounts,
        picked: Picked,
        definition: Definition,
        chosen_from: Candidates,
        cluster_of_row: Ints,
        n_clusters: int,
    ) -> None:
        self.words, self.picked = picked.words, picked.code
        self.counts, self.bounds = counts, counts.word_bounds
        self.half = np.where(cluster_of_row >= 0, picked.half, -1)
        self.cluster, self.n_clusters = cluster_of_row, n_clusters
        self.met = numerator_of(definition)
        part = np.where(self.half >= 0, picked.half * n_clusters + cluster_of_row, -1)
        of_code = denominators(counts, part, 2 * n_clusters, definition, chosen_from)
        self.of_code = of_code.reshape(2, n_clusters, len(counts.codes))
        self.scope = np.where(self.half >= 0, cluster_of_row, -1)

    def f1_draws(self, start: int, stop: int, across: NDArray[np.float32]) -> tuple[Floats, Ints]:
        """F1 of the words from `start` on in each draw, float64 [n, n_draws] (NaN: not in it), and their clusters."""
        words = self.words[start:stop]
        tokens = self.counts.tokens_by(self.scope, self.n_clusters, words).astype(np.float32)
        held, met = (np.zeros((len(words), self.n_clusters), np.float32) for _ in range(2))
        c = self.counts
        which = (self.half, self.cluster, self.picked, self.met)
        kernels.gather(words, self.bounds, c.row, c.code, c.counts, *which, held, met)
        of_code = np.zeros_like(held)
        for half in range(2):
            code = self.picked[words, half]
            some = code >= 0
            of_code[some] += self.of_code[half][:, code[some]].T
        h, m, n, t = (x @ across for x in (held, met, of_code, tokens))
        # 2 P R / (P + R) with P = m / n and R = h / t; 0 where nothing was met, undefined where the word was not drawn
        under = m * t + h * n
        with np.errstate(divide="ignore", invalid="ignore"):
            f1 = np.where(under > 0, 2 * m * h / under, 0.0)
        f1[t == 0] = np.nan
        return f1.astype(np.float64), np.count_nonzero(tokens, axis=1)


@dataclass(frozen=True)
class Group:
    """Words that are summed up.

    Attributes:
        words: bool [n_words].
        top: bool [n_words], the best 250 of them.
    """

    words: NDArray[np.bool_]
    top: NDArray[np.bool_]


def group_of(words: NDArray[np.bool_], f1: Floats) -> Group:
    """The words and the best 250 of them; of equal ones those that come first."""
    place = np.flatnonzero(words)
    best = place[np.argsort(-f1[place], kind="stable")[:TOP]]
    top = np.zeros(len(words), bool)
    top[best] = True
    return Group(words, top)


class _Sum:
    """Running sums over the words of a group in each draw."""

    def __init__(self, n_draws: int) -> None:
        self.detected, self.total, self.n, self.top_total, self.top_n = (np.zeros(n_draws) for _ in range(5))

    def add(self, f1: Floats, top: NDArray[np.bool_]) -> None:
        defined = np.isfinite(f1)
        f1 = np.where(defined, f1, 0.0)
        self.detected += np.count_nonzero(f1 >= DETECTED_F1, axis=0)
        self.total += f1.sum(axis=0)
        self.n += defined.sum(axis=0)
        self.top_total += f1[top].sum(axis=0)
        self.top_n += defined[top].sum(axis=0)

    def draws(self) -> SummaryDraws:
        with np.errstate(divide="ignore", invalid="ignore"):
            return SummaryDraws(self.detected, self.top_total / self.top_n, self.total / self.n)


def _intervals(f1: Floats, draws: Floats, spread: Ints, n_clusters: int) -> tuple[Floats, Floats]:
    """Interval of each word: `analysis.statistics.bootstrap.basic` for many at once, within [0, 1]."""
    low, high = np.full(len(f1), np.nan), np.full(len(f1), np.nan)
    if n_clusters < MIN_CLUSTERS:
        return low, high
    deviation = np.sort(draws - f1[:, None], axis=1)
    defined = np.count_nonzero(np.isfinite(deviation), axis=1)
    some = np.flatnonzero((spread >= MIN_CLUSTERS) & (defined >= MIN_DRAWS))
    bottom, top = (_quantile(deviation[some], defined[some], share) for share in bootstrap.expanded_tails(n_clusters))
    low[some], high[some] = f1[some] - top, f1[some] - bottom
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def _quantile(ordered: Floats, defined: Ints, share: float) -> Floats:
    """`numpy.quantile` of each row, of which the first `defined` values are numbers, ascending."""
    place = share * (defined - 1)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, defined - 1)
    rows = np.arange(len(ordered))
    left, right = ordered[rows, below], ordered[rows, above]
    return np.asarray(left + (place - below) * (right - left))
