"""Intervals of word scores: the codes and the best 250 words stay as they were chosen, clusters are left out in turn.

What varies is how well the chosen codes do on other speakers, not which ones would have been chosen there. So only
held-out scores have an interval: one on the speech that chose the codes is too high everywhere, and says of other
speakers nothing. Counts are added up without the cluster, and divided once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics import jackknife
from analysis.words import kernels
from analysis.words.detection import TOP, Candidates, Definition, denominators, numerator_of
from probes.words.word_codes import WordCounts

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
BLOCK = 1024
"""Words whose scores without each cluster are held at a time."""


@dataclass(frozen=True)
class Picked:
    """Codes whose score is taken without each cluster.

    Attributes:
        code: int64 [n_words, 2], the code that counts on the rows of each half, -1 for none.
        half: int64 [n_rows], 0 or 1; -1 leaves the row out.
        words: int64 [n], the words scored, ascending.
    """

    code: Ints
    half: Ints
    words: Ints


@dataclass(frozen=True)
class SummaryWithout:
    """Without each cluster: mean F1 of the best 250 and of all; float64 [n_clusters] each."""

    top: Floats
    mean: Floats


@dataclass(frozen=True)
class WordsWithout:
    """Scores without each cluster.

    Attributes:
        groups: by name of the group of words.
        low, high: float64 [n_words], interval of each word's F1; NaN where there is none.
    """

    groups: dict[str, SummaryWithout]
    low: Floats
    high: Floats


def score_without_each(
    counts: WordCounts,
    picked: Picked,
    definition: Definition,
    chosen_from: Candidates,
    n_clusters: int,
    cluster_of_row: Ints,
    groups: Mapping[str, Group],
    f1: Floats | None,
) -> WordsWithout:
    """Score the picked codes without each cluster in turn.

    Args:
        counts: of the tokens as they are.
        picked: words, codes and rows.
        definition: see `analysis.words.detection`.
        chosen_from: as when the codes were chosen.
        n_clusters: count of clusters.
        cluster_of_row: int64 [n_rows], cluster of each row; -1 for rows outside the scope.
        groups: by name, the words that are summed up.
        f1: float64 [n_words], the scores around which the words' intervals lie; None: none are wanted.
    """
    table = _Table(counts, picked, definition, chosen_from, cluster_of_row, n_clusters)
    sums = {name: _Sum(n_clusters) for name in groups}
    low, high = np.full(counts.n_words, np.nan), np.full(counts.n_words, np.nan)
    for start in range(0, len(picked.words), BLOCK):
        words = picked.words[start : start + BLOCK]
        left_out, spoken_by = table.f1_without(start, start + BLOCK)
        for name, group in groups.items():
            own = group.words[words]
            sums[name].add(left_out[own], group.top[words][own])
        if f1 is not None:
            spread = spoken_by >= jackknife.MIN_CLUSTERS  # a word of fewer clusters gets no interval
            for word, each in zip(words[spread].tolist(), left_out[spread], strict=True):
                around = jackknife.jackknife(float(f1[word]), each)
                low[word], high[word] = around.low, around.high
    return WordsWithout({name: total.summary() for name, total in sums.items()}, low, high)


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
        self.counted_in = np.where(self.half >= 0, cluster_of_row, -1)

    def f1_without(self, start: int, stop: int) -> tuple[Floats, Ints]:
        """F1 of the words from `start` on without each cluster, float64 [n, n_clusters] (NaN: no token is left), and in
        how many clusters each word occurs.
        """
        words = self.words[start:stop]
        tokens = self.counts.tokens_by(self.counted_in, self.n_clusters, words)
        held, met = (np.zeros((len(words), self.n_clusters), np.float32) for _ in range(2))
        c = self.counts
        which = (self.half, self.cluster, self.picked, self.met)
        kernels.gather(words, self.bounds, c.row, c.code, c.counts, *which, held, met)
        of_code = np.zeros(held.shape, np.int64)
        for half in range(2):
            code = self.picked[words, half]
            some = code >= 0
            of_code[some] += self.of_code[half][:, code[some]].T
        h, m, n, t = (jackknife.without_each(x.astype(np.float64), axis=1) for x in (held, met, of_code, tokens))
        # 2 P R / (P + R) with P = m / n and R = h / t; 0 where nothing was met, undefined where no token is left
        under = m * t + h * n
        with np.errstate(divide="ignore", invalid="ignore"):
            f1 = np.where(under > 0, 2 * m * h / under, 0.0)
        f1[t == 0] = np.nan
        return f1, np.count_nonzero(tokens, axis=1)


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
    """Running sums over the words of a group, without each cluster."""

    def __init__(self, n_clusters: int) -> None:
        self.total, self.n, self.top_total, self.top_n = (np.zeros(n_clusters) for _ in range(4))

    def add(self, f1: Floats, top: NDArray[np.bool_]) -> None:
        defined = np.isfinite(f1)
        f1 = np.where(defined, f1, 0.0)
        self.total += f1.sum(axis=0)
        self.n += defined.sum(axis=0)
        self.top_total += f1[top].sum(axis=0)
        self.top_n += defined[top].sum(axis=0)

    def summary(self) -> SummaryWithout:
        with np.errstate(divide="ignore", invalid="ignore"):
            return SummaryWithout(self.top_total / self.top_n, self.total / self.n)
