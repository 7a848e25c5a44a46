"""Sparse counts: how often something occurs at each place (row, a, b). They add, in any order, to the same bits.

What a and b are, the owner says: a label and a code, a word and a code, a duration and nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

DENSE = 16
"""Keys are numbered through a table of at most so many times their count."""
MAX_DENSE = 1 << 26
"""Most places of a dense table that parts are added up in: 512 MB."""
MAX_KEPT = 1 << 24
"""Counts that are kept side by side, where there is no such table, before what stands at one place is added."""


@dataclass(frozen=True)
class SparseCounts:
    """Counts by place, columns int64 [n]; places need not be sorted, and may repeat."""

    row: Ints
    a: Ints
    b: Ints
    n: Ints

    @classmethod
    def of(
        cls,
        n: NDArray[np.integer[Any]],
        row: NDArray[np.integer[Any]] | int = 0,
        a: NDArray[np.integer[Any]] | int = 0,
        b: NDArray[np.integer[Any]] | int = 0,
    ) -> SparseCounts:
        """Counts from columns of any integers; a number stands for a whole column."""
        return cls(*(np.broadcast_to(np.asarray(column, np.int64), n.shape) for column in (row, a, b, n)))

    def columns(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Row, a, b and n."""
        return self.row, self.a, self.b, self.n

    def __add__(self, other: SparseCounts) -> SparseCounts:
        """Counts of both."""
        return joined([self, other])

    def summed(self) -> SparseCounts:
        """The same counts with each place once, ascending by row, then b, then a."""
        first, number = numbered(self.row, self.b, self.a)
        return SparseCounts(self.row[first], self.a[first], self.b[first], summed(number, self.n, len(first)))

    def of_rows(self, rows: Ints, n_rows: int) -> SparseCounts:
        """The counts of some of `n_rows` rows only, numbered anew in that order."""
        place = np.full(n_rows, -1, np.int64)
        place[rows] = np.arange(len(rows))
        kept = place[self.row] >= 0
        return SparseCounts(place[self.row[kept]], self.a[kept], self.b[kept], self.n[kept])

    def moved(self, row: Ints | None = None, a: Ints | None = None) -> SparseCounts:
        """The counts at other places: `row[r]` instead of row r, and likewise a; None: as they are."""
        return replace(self, row=self.row if row is None else row[self.row], a=self.a if a is None else a[self.a])

    def by_row(self, n_rows: int) -> Ints:
        """Sum of each row, int64 [n_rows]."""
        return summed(self.row, self.n, n_rows)


def joined(parts: Iterable[SparseCounts]) -> SparseCounts:
    """Counts of several parts, one after the other."""
    return SparseCounts(*(np.concatenate(columns) for columns in zip(*(p.columns() for p in parts), strict=True)))


def added(parts: Iterable[SparseCounts], shape: tuple[int, int, int] | None = None) -> SparseCounts:
    """The sum of many parts, of which no more than one is held beside the sum.

    Args:
        parts: at least one.
        shape: rows, a's and b's there can be, where a table of all places may be small enough to add up in; None: not.
    """
    if shape is not None and math.prod(shape) <= MAX_DENSE:
        _, n_a, n_b = shape
        table = np.zeros(math.prod(shape), np.int64)
        for part in parts:
            _add_to_table(*part.columns(), n_a, n_b, table)
        places = np.flatnonzero(table)
        place, a = np.divmod(places, n_a)
        row, b = np.divmod(place, n_b)
        return SparseCounts(row, a, b, table[places])
    kept, n, most = list[SparseCounts](), 0, MAX_KEPT
    for part in parts:
        kept.append(part)
        n += len(part.n)
        if n > most:
            kept = [joined(kept).summed()]
            n = len(kept[0].n)
            # sums that do not get smaller are not added up again for every part
            most = max(MAX_KEPT, 2 * n)
    return joined(kept)


@numba.njit(cache=True)
def _add_to_table(row: Ints, a: Ints, b: Ints, n: Ints, n_a: int, n_b: int, table: Ints) -> None:
    """Add counts to a dense table, ascending by row, then b, then a; half the time of `np.add.at`."""
    for i in range(len(n)):
        table[(row[i] * n_b + b[i]) * n_a + a[i]] += n[i]


def numbered(*columns: NDArray[np.integer[Any]]) -> tuple[Ints, Ints]:
    """Distinct tuples of columns [n], not negative, ascending: where each stands first, and each row's number, [n]."""
    n = len(columns[0])
    first, number = np.zeros(min(1, n), np.int64), np.zeros(n, np.int64)
    for column in columns:
        size = int(column.max(initial=0)) + 1
        if size > (1 << 62) // max(n, 1):
            # numbers stay below n, so that a pair of them fits 63 bits
            values, column = np.unique(column, return_inverse=True)
            size = len(values)
        first, number = _numbered(number * size + column)
    return first, number


def summed(place: Ints, count: Ints, n: int) -> Ints:
    """Sums of integer counts by place: int64 [n], exact."""
    total = np.zeros(n, np.int64)
    np.add.at(total, place, count)
    return total


def _numbered(keys: Ints) -> tuple[Ints, Ints]:
    """Where each distinct key stands first, in order of the keys, and each key's number in that order."""
    widest = int(keys.max(initial=-1)) + 1
    if widest > DENSE * len(keys):
        _, first, number = np.unique(keys, return_index=True, return_inverse=True)
        return first.astype(np.int64), number.astype(np.int64)
    # keys that lie close are numbered through a table, several times quicker than by sorting them
    place = np.full(widest, -1, np.int64)
    place[keys[::-1]] = np.arange(len(keys))[::-1]
    found = np.flatnonzero(place >= 0)
    first = place[found]
    place[found] = np.arange(len(found))
    return first, place[keys]
