"""Ragged columns: the rows of all utterances one after the other, those of utterance i at `bounds[i]:bounds[i + 1]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def bounds_of(lengths: NDArray[np.integer[Any]] | Sequence[int]) -> Ints:
    """Row bounds int64 [n + 1] of n utterances with so many rows."""
    bounds = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(np.asarray(lengths, np.int64), out=bounds[1:])
    return bounds


def utterance_of(bounds: Ints) -> Ints:
    """The utterance of each row: int64 [n_rows]."""
    return np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))


def run_starts(values: NDArray[Any], bounds: Ints) -> Ints:
    """Where runs of equal values begin: int64 [n_runs]; a run ends with its utterance."""
    new = np.ones(len(values), np.bool_)
    new[1:] = values[1:] != values[:-1]
    begins = bounds[:-1]
    new[begins[begins < len(new)]] = True  # utterances without rows at the end begin where nothing is
    return np.flatnonzero(new)


def place_of(bounds: Ints) -> Ints:
    """The place of each row within its utterance, from 0: int64 [n_rows]."""
    return ranges(np.zeros(len(bounds) - 1, np.int64), np.diff(bounds))


def ranges(starts: Ints, lengths: Ints) -> Ints:
    """Consecutive numbers from each start on, so many of them, one range after the other: int64 [sum of lengths]."""
    bounds = bounds_of(lengths)
    return np.arange(bounds[-1]) + np.repeat(starts - bounds[:-1], lengths)


def take(bounds: Ints, utterances: Ints) -> tuple[Ints, Ints]:
    """The rows of some utterances, in that order, and the bounds they have then: int64 [n_rows], [m + 1]."""
    lengths = np.diff(bounds)[utterances]
    return ranges(bounds[:-1][utterances], lengths), bounds_of(lengths)


def bounds_where(bounds: Ints, keep: NDArray[np.bool_]) -> Ints:
    """The bounds when only the rows to keep are left: int64 [n + 1]."""
    return bounds_of(keep.astype(np.int64))[bounds]
