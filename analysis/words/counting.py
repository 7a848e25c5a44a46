"""Where the counts of words and codes come from: the tokens, and the two nulls beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.words.detection import DEFINITIONS, RESDAVENET_STOP_WORDS, Definition, Scope
from probes.clusters import Row, Rows
from probes.nulls.circular_shift import NULL_NAME, Rings
from probes.nulls.label_permutation import permuted_words
from probes.words.word_codes import FrameLabels, WordCounts, WordType, count_words, group_tokens

SHIFT, FREQUENCY = NULL_NAME, "frequency-matched"


@dataclass(frozen=True)
class WordProtocol:
    """How words are detected and what the scores are compared with; recorded with every number.

    Attributes:
        definitions: see `analysis.words.detection`.
        min_count: least number of tokens of a word that is scored.
        stop_words: words left out of the scores; None: those published with each definition.
        half_window_ms: of `resdavenet`.
        n_nulls: draws of each null.
        seed: of everything random.
    """

    definitions: tuple[Definition, ...] = DEFINITIONS
    min_count: int = 5
    stop_words: tuple[str, ...] | None = None
    half_window_ms: int = 40
    n_nulls: int = 10
    seed: int = 0

    def stops(self, definition: Definition) -> tuple[str, ...]:
        """The words left out under a definition."""
        if self.stop_words is not None:
            return self.stop_words
        return RESDAVENET_STOP_WORDS if definition == "resdavenet" else ()


@dataclass(frozen=True)
class Halves:
    """The rows of the count tables and how they fall into halves.

    Attributes:
        rows: fine rows, for intervals.
        half: int64 [n_rows], 0 or 1.
    """

    rows: Rows
    half: NDArray[np.int64]

    @cached_property
    def coarse(self) -> Rows:
        """A row for each half of each language: all that a null needs. The half stands in the row's `bin`."""
        merged = [Row(row.language, "", int(half)) for row, half in zip(self.rows.rows, self.half, strict=True)]
        rows = tuple(sorted(set(merged)))
        index = {row: r for r, row in enumerate(rows)}
        of_row = np.array([index[row] for row in merged], np.int64)
        return Rows(rows, of_row[self.rows.of_utterance])

    def of_draw(self, r: int) -> tuple[tuple[Row, ...], NDArray[np.int64]]:
        """Rows of a draw's counts, and the half of each."""
        if r == 0:
            return self.rows.rows, self.half
        rows = self.coarse.rows
        return rows, np.array([row.bin for row in rows], np.int64)


def scopes(rows: Sequence[Row], half: NDArray[np.int64], types: Sequence[WordType]) -> list[Scope]:
    """Everything, and each language where there are several."""
    made = [Scope("", half, np.ones(len(types), bool))]
    languages = sorted({row.language for row in rows} - {""})
    if len({row.language for row in rows}) > 1:
        for language in languages:
            inside = np.fromiter((row.language == language for row in rows), bool, len(rows))
            words = np.fromiter((word.language == language for word in types), bool, len(types))
            made.append(Scope(f"language={language}", np.where(inside, half, -1), words))
    return made


class WordSource(Protocol):
    """The counts of one stream, draw by draw: 0 the tokens, 1 to n circular shifts, n + 1 to 2 n permuted words."""

    @property
    def name(self) -> str:
        """Stream name."""
        ...

    def draw(self, r: int) -> WordCounts:
        """Counts of that draw."""
        ...


@dataclass(frozen=True)
class CountedWords:
    """A stream counted from memory.

    Attributes:
        labels: word tokens over the stream's frames.
        rings: of its utterances, for circular shifts.
        halves: rows and halves of the utterances.
        protocol: see `WordProtocol`.
        part: bool [n_utterances], utterances to count (a shard); None: all.
    """

    labels: FrameLabels
    rings: Rings
    halves: Halves
    protocol: WordProtocol
    part: NDArray[np.bool_] | None = None

    @property
    def name(self) -> str:
        """Stream name."""
        return self.labels.stream.name

    @property
    def n_frames(self) -> int:
        """Tokens of the stream in the utterances that are counted."""
        lengths = self.labels.stream.lengths
        return int(lengths.sum() if self.part is None else lengths[self.part].sum())

    @cached_property
    def _grouped(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        return group_tokens(self.labels.words, self.labels.words.word, self.halves.coarse, self.part)

    def draw(self, r: int) -> WordCounts:
        """Counts of draw r."""
        stream, seed = self.labels.stream, self.protocol.seed
        if r > self.protocol.n_nulls:
            permuted = permuted_words(self.labels.words, r, seed)
            return count_words(self.labels, self.halves.coarse, permuted, self.part)
        if r == 0:
            return count_words(self.labels, self.halves.rows, part=self.part)
        codes = self.rings.shifted(self.labels.codes, stream.bounds, stream.frame_rate, r, seed)
        shifted = replace(self.labels, codes=codes)
        return count_words(shifted, self.halves.coarse, part=self.part, grouped=self._grouped)
