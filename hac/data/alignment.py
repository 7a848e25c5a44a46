"""Forced alignments as one columnar store: id, tier, label, onset, offset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PHONES = "phones"
WORDS = "words"


@dataclass(frozen=True)
class Tier:
    """One tier of every utterance, columnar: the intervals of utterance i are rows `bounds[i]:bounds[i + 1]`.

    Attributes:
        name: `phones` or `words`.
        ids: utterance ids, each once.
        bounds: int64 [n_utterances + 1], ascending.
        labels: int32 [n_intervals], indices into `vocabulary`.
        onset_us, offset_us: int64 [n_intervals], microseconds, half-open intervals, ascending in an utterance.
        vocabulary: label names; an input of the reader or sorted by name, never in order of appearance.
    """

    name: str
    ids: tuple[str, ...]
    bounds: NDArray[np.int64]
    labels: NDArray[np.int32]
    onset_us: NDArray[np.int64]
    offset_us: NDArray[np.int64]
    vocabulary: tuple[str, ...]
