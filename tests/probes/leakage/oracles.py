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


def permuted_runs(stream: Stream, given: Stream, draw: int) -> NDArray[np.int64]:
    """The codes of a stream permuted among the runs that have the same code of another one, by sorting."""
    starts = np.union1d(stream.run_starts(), given.run_starts())
    of_run, condition = stream.codes[starts], given.codes[starts]
    by_chance = np.lexsort((np.random.default_rng(draw).random(len(starts)), condition))
    permuted = np.empty_like(of_run)
    permuted[np.argsort(condition, kind="stable")] = of_run[by_chance]
    return np.repeat(permuted, np.diff(starts, append=len(stream.codes)))
