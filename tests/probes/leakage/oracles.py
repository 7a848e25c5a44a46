"""What streams tell of factors, by the definitions alone: dictionaries, one frame at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens.token_store import Stream


def label_at(intervals: Sequence[tuple[str | None, int, int]], frame: int, rate: Fraction) -> str | None:
    """Label at a frame's centre; later intervals win where two hold it."""
    centre = (frame + Fraction(1, 2)) / rate * 1_000_000
    found = [label for label, onset, offset in intervals if onset <= centre < offset]
    return found[-1] if found else None


def entropy(things: Sequence[Hashable]) -> float:
    n = len(things)
    return -sum(k / n * math.log(k / n) for k in Counter(things).values()) if n else 0.0


def told(labels: Sequence[str | None], codes: Sequence[int], given: Sequence[int]) -> tuple[float, float]:
    """I(label; code | given) and H(label | given) over the frames that have a label, in nats."""
    frames = [(f, a, b) for f, a, b in zip(labels, codes, given, strict=True) if f is not None]
    of_given = entropy([b for _, _, b in frames])
    of_labels = entropy([(f, b) for f, _, b in frames])
    of_codes = entropy([(a, b) for _, a, b in frames])
    mutual = of_labels + of_codes - entropy(frames) - of_given
    return mutual, of_labels - of_given


def linearized(labels: Sequence[str | None], codes: Sequence[int], clusters: Sequence[int]) -> float:
    """Standard error of I / H(label), to first order in the weights of clusters: their derivative, one by one."""
    names = sorted(set(clusters))

    def share(weights: dict[int, float]) -> float:
        def h(key: int) -> float:
            sums: dict[Hashable, float] = {}
            for f, a, c in zip(labels, codes, clusters, strict=True):
                if f is not None:
                    at = ((f,), (a,), (f, a))[key]
                    sums[at] = sums.get(at, 0.0) + weights[c]
            n = sum(sums.values())
            return -sum(k / n * math.log(k / n) for k in sums.values() if k)

        return (h(0) + h(1) - h(2)) / h(0)

    step = 1e-5
    one = dict.fromkeys(names, 1.0)
    slopes = [(share({**one, c: 1 + step}) - share({**one, c: 1 - step})) / (2 * step) for c in names]
    n = len(names)
    return math.sqrt(n / (n - 1) * sum(slope**2 for slope in slopes))


def permuted_runs(stream: Stream, given: Stream, draw: int) -> NDArray[np.int64]:
    """The codes of a stream permuted among the runs that have the same code of another one, by sorting."""
    starts = np.union1d(stream.run_starts(), given.run_starts())
    of_run, condition = stream.codes[starts], given.codes[starts]
    by_chance = np.lexsort((np.random.default_rng(draw).random(len(starts)), condition))
    permuted = np.empty_like(of_run)
    permuted[np.argsort(condition, kind="stable")] = of_run[by_chance]
    return np.repeat(permuted, np.diff(starts, append=len(stream.codes)))
