"""Held-out cross-entropy of tokens: how well a smoothed n-gram of one half of the corpus foretells the other.

The model is interpolated Kneser-Ney with one discount an order (Kneser and Ney 1995; Chen and Goodman 1999, section
2.7), D = n1 / (n1 + 2 n2) from the grams that occur once and twice (0.5 where none occurs once), and below the single
codes all codes of the codebook alike. So every code can be foretold, and the loss is finite.

    p(x | context) = (max(c(context, x) - D, 0) + D kinds(context) p(x | shorter context)) / c(context)

where c counts occurrences at the highest order, and distinct preceding codes below it. A context never seen leaves it
to the shorter one. The cross-entropy is an upper bound of the entropy rate (of speech like this), whatever the corpus's
size; the plug-in entropy is too low. The truth lies between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probes.sparse_counts import summed
from probes.tokens.grams import Grams, Ints, distinct

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Losses:
    """What was lost in each row when the other half foretold it.

    Attributes:
        nats: float64 [n_rows], minus the log probability of the row's frames.
        frames: int64 [n_rows], frames that were foretold: all with a full context in their utterance.
    """

    nats: Floats
    frames: Ints

    @property
    def mean(self) -> float:
        """Nats per frame; NaN without frames."""
        total = int(self.frames.sum())
        return float(self.nats.sum()) / total if total else float("nan")


@dataclass(frozen=True)
class _Level:
    """Counts of one order.

    Attributes:
        codes: int32 [n_grams, order], ascending.
        count: int64 [n_grams], occurrences or distinct preceding codes.
        contexts: int32 [n_contexts, order - 1].
        total, kinds: int64 [n_contexts], sum of the counts of a context's grams, and how many there are.
        discount: taken from each count.
    """

    codes: NDArray[np.int32]
    count: Ints
    contexts: NDArray[np.int32]
    total: Ints
    kinds: Ints
    discount: float


def cross_entropy(grams: Mapping[int, Grams], order: int, half: Ints, codebook_size: int) -> Losses:
    """Foretell each half of the rows by the other.

    Args:
        grams: counts by gram length, 1 to `order` + 1 at least.
        order: codes of context: 0, 1 or 2.
        half: int64 [n_rows], 0 or 1.
        codebook_size: codes that there might be.
    """
    nats, frames = np.zeros(len(half)), np.zeros(len(half), np.int64)
    for side in (0, 1):
        known, asked = np.flatnonzero(half != side), np.flatnonzero(half == side)
        levels = _levels({n: grams[n].of_rows(known, len(half)) for n in range(1, order + 2)}, order)
        test = grams[order + 1].of_rows(asked, len(half))
        wanted, place = np.unique(test.gram, return_inverse=True)
        loss = -np.log(_probabilities(levels, test.codes[wanted], codebook_size))
        np.add.at(nats, test.row, test.count * loss[place])
        frames += summed(test.row, test.count, len(half))
    return Losses(nats, frames)


def _levels(grams: Mapping[int, Grams], order: int) -> list[_Level]:
    """From single codes up to the highest order."""
    top = grams[order + 1].pooled()
    levels = [_level(grams[order + 1].codes[top > 0], top[top > 0])]
    for n in range(order, 0, -1):
        longer = grams[n + 1].codes[grams[n + 1].pooled() > 0]
        codes, number = distinct(longer[:, 1:])
        levels.append(_level(codes, np.bincount(number, minlength=len(codes)).astype(np.int64)))
    return levels[::-1]


def _level(codes: NDArray[np.int32], count: Ints) -> _Level:
    contexts, of_gram = distinct(codes[:, :-1])
    kinds = np.bincount(of_gram, minlength=len(contexts)).astype(np.int64)
    once, twice = np.count_nonzero(count == 1), np.count_nonzero(count == 2)
    discount = once / (once + 2 * twice) if once else 0.5
    return _Level(codes, count, contexts, summed(of_gram, count, len(contexts)), kinds, discount)


def _probabilities(levels: list[_Level], asked: NDArray[np.int32], codebook_size: int) -> Floats:
    """Probability of the last code of each gram after those before it: float64 [n]."""
    p = np.full(len(asked), 1 / codebook_size)
    for n, level in enumerate(levels, start=1):
        gram = asked[:, asked.shape[1] - n :]
        count = _looked_up(level.codes, level.count, gram)
        total = _looked_up(level.contexts, level.total, gram[:, :-1])
        kinds = _looked_up(level.contexts, level.kinds, gram[:, :-1])
        seen = total > 0
        mixed = np.maximum(count - level.discount, 0) + level.discount * kinds * p
        p = np.where(seen, mixed / np.where(seen, total, 1), p)
    return p


def _looked_up(keys: NDArray[np.int32], values: Ints, asked: NDArray[np.int32]) -> Ints:
    """The value of each key asked for, 0 where it is not there: int64 [n]."""
    _, number = distinct(np.concatenate([keys, asked]))
    found = np.zeros(int(number.max(initial=-1)) + 1, np.int64)
    found[number[: len(keys)]] = values
    return found[number[len(keys) :]]
