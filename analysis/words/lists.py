"""The scored words of a stream, and how they are summed up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.results.schema import Record
from analysis.words.detection import Definition, Detection
from analysis.words.intervals import WordsWithout
from probes.clusters import Clusters
from probes.words.word_codes import WordCounts

METRICS = ("detected_words", "word_f1_top250", "word_f1")
"""In the order of `analysis.words.detection.summary`."""
BANDS = ((1, 1), (2, 4), (5, 9), (10, 19), (20, 49), (50, 99), (100, None))
"""Frequency bands: least and most tokens of a word."""
DIRECTIONS = ("direction=first->second", "direction=second->first")
"""Which half chose the codes, and which one scored them."""
MAX_RANKS = 2000
"""Ranks that a curve of F1 shows at most."""
Floats = NDArray[np.float64]


def band_name(least: int, most: int | None) -> str:
    """Name of a frequency band as a group of records."""
    return f"band={least}" if most == least else f"band={least}-{most}" if most else f"band={least}+"


@dataclass(frozen=True)
class WordList:
    """Every scored word of a stream under one definition; arrays over the whole vocabulary.

    Attributes:
        definition: see `analysis.words.detection`.
        detection: best codes and F1.
        codes: int64 [n_codes], the code values that the detection's places stand for.
        held_out_low, held_out_high: float64 [n_words], interval of the held-out F1. The classic one has none: it is
            scored on the speech that chose the codes.
        null, held_out_null: mean F1 of the word over the circular shifts.
        null_sd, held_out_null_sd: sample standard deviation over the shifts; NaN of a single one.
        frequency_null: mean classic F1 over permuted words.
        null_by_rank, held_out_null_by_rank: float64 [n_nulls, n_ranks], best F1 first, of each circular shift.
    """

    definition: Definition
    detection: Detection
    codes: NDArray[np.int64]
    held_out_low: Floats
    held_out_high: Floats
    null: Floats
    held_out_null: Floats
    null_sd: Floats
    held_out_null_sd: Floats
    frequency_null: Floats
    null_by_rank: Floats
    held_out_null_by_rank: Floats

    def ranked(self) -> NDArray[np.int64]:
        """Places of the scored words, best F1 first; ties by place."""
        scored = np.flatnonzero(self.detection.scored)
        return scored[np.argsort(-self.detection.classic[scored], kind="stable")]


@dataclass(frozen=True)
class StreamWords:
    """Everything said of one stream.

    Attributes:
        name: of the stream.
        records: the numbers.
        lists: one for each definition.
        tokens: int64 [n_words], tokens of each word.
        clusters: what was left out in turn.
        notes: subject and note.
    """

    name: str
    records: list[Record]
    lists: list[WordList]
    tokens: NDArray[np.int64]
    clusters: Clusters
    notes: list[tuple[str, str]]


def word_list(
    definition: Definition,
    found: Detection,
    first: WordCounts,
    words: WordsWithout,
    nulls: Sequence[NDArray[np.float32]],
) -> WordList:
    """The scored words of a stream.

    Args:
        definition: see `analysis.words.detection`.
        found: best codes in the whole corpus.
        first: counts of the tokens as they are.
        words: the words' intervals.
        nulls: of each null draw, shifts first: float32 [n_words, 2], classic and held-out F1.
    """
    half = len(nulls) // 2
    shifted = np.stack(nulls[:half]).astype(np.float64)
    permuted = np.stack([null[:, 0] for null in nulls[half:]]).astype(np.float64).mean(axis=0)
    by_rank = -np.sort(-shifted[:, found.scored], axis=1)[:, :MAX_RANKS]
    mean = shifted.mean(axis=0)
    sd = shifted.std(axis=0, ddof=1) if half > 1 else np.full(mean.shape, np.nan)
    chance = (*mean.T, *sd.T, permuted, by_rank[:, :, 0], by_rank[:, :, 1])
    return WordList(definition, found, first.codes, words.low, words.high, *chance)
