"""How often each code, and each sequence of two or three codes, occurs in the utterances of each row: integers.

A sequence (gram) never reaches over the edge of an utterance. Two streams of one rate are counted together the same
way: a gram is then the pair of codes of one frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hac.data.ragged import utterance_of
from hac.data.tokens.token_store import Stream
from probes.clusters import Rows
from probes.sparse_counts import numbered, summed

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Grams:
    """Counts of grams by row; row and gram together occur once.

    Attributes:
        codes: int32 [n_grams, order], the codes of each gram, ascending.
        row: int64 [n].
        gram: int64 [n], index into `codes`.
        count: int64 [n], occurrences of the gram in the row.
    """

    codes: NDArray[np.int32]
    row: Ints
    gram: Ints
    count: Ints

    @property
    def order(self) -> int:
        """Codes in a gram."""
        return int(self.codes.shape[1])

    @property
    def total(self) -> int:
        """Occurrences of all grams."""
        return int(self.count.sum())

    def pooled(self) -> Ints:
        """Occurrences of each gram in all rows: int64 [n_grams]."""
        return summed(self.gram, self.count, len(self.codes))

    def of_rows(self, rows: Ints, n_rows: int) -> Grams:
        """The counts of some rows only; grams keep their numbers, so some may not occur."""
        wanted = np.zeros(n_rows, np.bool_)
        wanted[rows] = True
        kept = wanted[self.row]
        return Grams(self.codes, self.row[kept], self.gram[kept], self.count[kept])

    def part(self, columns: Sequence[int]) -> Grams:
        """The counts of some of a gram's codes, summed over the others: contexts, or last codes."""
        codes, of_gram = distinct(self.codes[:, list(columns)])
        row, gram, count = tally(self.row, of_gram[self.gram], self.count)
        return Grams(codes, row, gram, count)


def code_grams(stream: Stream, rows: Rows, order: int) -> Grams:
    """Counts of `order` codes in a row within utterances.

    Args:
        stream: of the utterances of `rows`.
        rows: row of each utterance.
        order: 1 for single codes.
    """
    utterance = utterance_of(stream.bounds)
    n = len(stream.codes) - order + 1
    if n <= 0:
        return Grams(np.zeros((0, order), np.int32), *(np.zeros(0, np.int64) for _ in range(3)))
    windows = np.stack([stream.codes[i : i + n] for i in range(order)], axis=1)
    whole = utterance[:n] == utterance[order - 1 :]
    return _counted(windows[whole], rows.of_utterance[utterance[:n][whole]])


def paired_grams(first: Stream, second: Stream, rows: Rows) -> Grams:
    """Counts of the two codes that two streams have in the same frame.

    Raises:
        ValueError: the streams differ in rate or lengths.
    """
    if first.frame_rate != second.frame_rate or not np.array_equal(first.bounds, second.bounds):
        raise ValueError(f"streams {first.name} and {second.name} differ in their frames")
    row = np.repeat(rows.of_utterance, first.lengths)
    return _counted(np.stack([first.codes, second.codes], axis=1), row)


def distinct(codes: NDArray[np.int32]) -> tuple[NDArray[np.int32], Ints]:
    """Distinct rows of codes [n, order], ascending, and the number of each row's own: [n_grams, order], int64 [n]."""
    if not codes.shape[1]:
        return codes[: min(1, len(codes))], np.zeros(len(codes), np.int64)
    first, number = numbered(*codes.T)
    return codes[first], number


def tally(row: Ints, gram: Ints, count: Ints) -> tuple[Ints, Ints, Ints]:
    """Entries in which a row and gram repeat, added up; ascending by gram, then row."""
    first, place = numbered(gram, row)
    return row[first], gram[first], summed(place, count, len(first))


def _counted(windows: NDArray[np.int32], row: Ints) -> Grams:
    codes, gram = distinct(windows)
    return Grams(codes, *tally(row, gram, np.ones(len(gram), np.int64)))
