"""Codes as word detectors: how well "this code fires" says "this word is spoken", under two published definitions.

Both take recall(c, w) as the share of the tokens of w that hold c, F1 as the harmonic mean, and give each word its best
code. They differ in precision:

- `resdavenet` (Harwath, Hsu and Glass 2020, arXiv 1911.09602; `steps/unit_analysis.py` of their code) counts frames: of
  all frames coded c, those whose window of 40 ms to both sides of the centre overlaps a token of w. Frames over silence
  stay in the denominator. 18 frequent words ("stop words") are no candidates.
- `vg-hubert` (Peng and Harwath 2022, arXiv 2203.15081; `unit_analysis.py` of their code) counts word tokens: of all
  tokens, of whatever word, that hold c, those of w.

Choosing the best of many codes on the very data that scores it finds "detectors" in noise. So beside the classic score
stands the held-out one: each word's code is chosen on one half of the speakers and scored on the other, both ways, and
the counts of both ways are added before they are divided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from analysis.words import kernels
from hac.errors import HacError
from probes.words.word_codes import WordCounts, WordType

Definition = Literal["vg-hubert", "resdavenet"]
DEFINITIONS: tuple[Definition, ...] = get_args(Definition)

RESDAVENET_STOP_WORDS = (
    *("a", "an", "the", "and", "of", "to", "on", "in", "at", "are", "is", "it", "he", "she", "you", "there", "this"),
)
"""The 18 of the published code, but for its mark of noise, which is no word here."""

DETECTED_F1 = 0.5
TOP = 250
CLASSIC, HELD_OUT = "", "held-out"


def check_definition(name: str) -> Definition:
    """The definition of that name.

    Raises:
        HacError: there is none.
    """
    for known in DEFINITIONS:
        if known == name:
            return known
    raise HacError(f"definition {name!r} is not known; choose from {', '.join(DEFINITIONS)}")


@dataclass(frozen=True)
class Candidates:
    """Which words are scored.

    Attributes:
        eligible: bool [n_words], words to score.
        stop: bool [n_words], words that are left out altogether.
    """

    eligible: NDArray[np.bool_]
    stop: NDArray[np.bool_]


def candidates(
    types: Sequence[WordType], tokens: NDArray[np.int64], min_count: int, stop_words: Sequence[str]
) -> Candidates:
    """The words that are frequent enough and no stop words.

    Args:
        types: the vocabulary.
        tokens: int64 [n_words], tokens of each word in the whole corpus.
        min_count: least number of tokens.
        stop_words: spellings, normalized.
    """
    stops = frozenset(stop_words)
    stop = np.fromiter((word.spelling in stops for word in types), bool, len(types))
    return Candidates((tokens >= min_count) & ~stop, stop)


@dataclass(frozen=True)
class Scope:
    """A part of the corpus that is scored by itself.

    Attributes:
        name: empty for everything, else `language=en`.
        half: int64 [n_rows], 0 or 1 for each row in it, -1 for the others.
        words: bool [n_words], its words.
    """

    name: str
    half: NDArray[np.int64]
    words: NDArray[np.bool_]


@dataclass(frozen=True)
class Detection:
    """Best code of every word in one scope; words that are not scored have code -1 and F1 0.

    Attributes:
        best: int64 [n_words], place of the best code, -1 for none.
        held: int64 [n_words], tokens that hold it.
        precision, recall: float64 [n_words], of the best code.
        chosen: int64 [n_words, 2], best code on each half.
        f1: float64 [n_words, 4]: classic; chosen on half 0, scored on half 1; the other way; both ways together.
        scored: bool [n_words].
        tokens: int64 [n_words, 2], by half.
    """

    best: NDArray[np.int64]
    held: NDArray[np.int64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    chosen: NDArray[np.int64]
    f1: NDArray[np.float64]
    scored: NDArray[np.bool_]
    tokens: NDArray[np.int64]

    def scored_on(self, half: int) -> NDArray[np.bool_]:
        """The scored words that are said in a half: bool [n_words]."""
        return np.asarray(self.scored & (self.tokens[:, half] > 0))

    @property
    def classic(self) -> NDArray[np.float64]:
        """F1 on the data that chose the codes: float64 [n_words]."""
        return self.f1[:, 0]

    @property
    def held_out(self) -> NDArray[np.float64]:
        """F1 on the other half, both ways: float64 [n_words]."""
        return self.f1[:, 3]


def detect(counts: WordCounts, scope: Scope, definition: Definition, chosen_from: Candidates) -> Detection:
    """Find each word's best code and its F1.

    Args:
        counts: of one stream in one draw.
        scope: the part of the corpus.
        definition: see the module.
        chosen_from: which words are scored.
    """
    tokens = counts.tokens_by(scope.half, 2)
    scored = chosen_from.eligible & scope.words & (tokens.sum(axis=1) > 0)
    of_code = denominators(counts, scope.half, 2, definition, chosen_from)
    n = counts.n_words
    best, chosen, f1 = np.empty((n, 3), np.int64), np.empty((n, 2), np.int64), np.empty((n, 4))
    entries = (counts.word_bounds, scope.half, counts.row, counts.code, counts.counts)
    kernels.score_words(*entries, scored, tokens, of_code, numerator_of(definition), best, chosen, f1)
    code, held, met = best.T
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(code >= 0, met / of_code.sum(axis=0)[code], 0.0)
        recall = np.where(code >= 0, held / tokens.sum(axis=1), 0.0)
    return Detection(code, held, precision, recall, chosen, f1, scored, tokens)


def numerator_of(definition: Definition) -> int:
    """Which count is the numerator of precision."""
    return kernels.NEAR if definition == "resdavenet" else kernels.HELD


def denominators(
    counts: WordCounts, part_of_row: NDArray[np.int64], n_parts: int, definition: Definition, chosen_from: Candidates
) -> NDArray[np.int64]:
    """What precision divides by: int64 [n_parts, n_codes]; rows of part -1 are left out."""
    if definition == "resdavenet":
        return counts.frames_by(part_of_row, n_parts)
    table = np.zeros((n_parts, len(counts.codes)), np.int64)
    entries = (counts.row, counts.code, counts.counts, counts.word)
    kernels.sum_by_code(part_of_row, *entries, chosen_from.stop, table)
    return table


def summary(f1: NDArray[np.float64]) -> tuple[float, float, float]:
    """Count of words detected, mean F1 of the best 250 words and of all; NaN means for no words.

    Args:
        f1: float64 [n_scored_words].
    """
    if not len(f1):
        return 0.0, float("nan"), float("nan")
    top = np.sort(f1)[::-1][:TOP]
    return float(np.count_nonzero(f1 >= DETECTED_F1)), float(top.mean()), float(f1.mean())
