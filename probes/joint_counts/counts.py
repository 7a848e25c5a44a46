"""Joint counts of labels and codes: integers that add, in any order, to the same bits.

A `JointCounts` is update, state and merge in one: `count` makes it from cells and codes, `+` merges shards, and every
number of the analysis is a function of it. Labels and rows are inputs, sorted by name, never in order of appearance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from hac.data.tokens.token_store import Stream
from probes.clusters import Row, Rows
from probes.joint_counts import kernels
from probes.joint_counts.frame_labels import Cells
from probes.sparse_counts import SparseCounts

MAX_SCRATCH = 1 << 24
"""Most cells (codes x labels) that are counted in one dense scratch table; beyond, codes are renumbered first."""


@dataclass(frozen=True)
class JointCounts:
    """How often each label meets each code, by row.

    Attributes:
        rows: the rows, sorted.
        labels: label names, sorted.
        codes: int64 [n_codes], the code values of the columns, ascending.
        matrix: int64 [n_rows, n_codes * n_labels]; column = code index * n_labels + label index, ascending in a row.
        units_per_s: units of count per second of speech.
    """

    rows: tuple[Row, ...]
    labels: tuple[str, ...]
    codes: NDArray[np.int64]
    matrix: csr_matrix
    units_per_s: Fraction

    @cached_property
    def table(self) -> NDArray[np.int64]:
        """Counts over all rows: int64 [n_labels, n_codes]."""
        return self.pooled(np.arange(len(self.rows)))

    def pooled(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Counts over the chosen rows: int64 [n_labels, n_codes]."""
        flat = np.zeros(self.matrix.shape[1], np.int64)
        kernels.pool_rows(self.matrix.indptr, self.matrix.indices, self.matrix.data, rows, flat)
        return np.ascontiguousarray(flat.reshape(len(self.codes), len(self.labels)).T)

    def clustered(self, rows: NDArray[np.int64], of_row: NDArray[np.int64], n: int) -> csr_matrix:
        """Counts of the chosen rows summed by cluster: int64 [n, n_codes * n_labels], columns ascending in a row.

        Args:
            of_row: cluster of each of them.
        """
        if n == len(self.rows) and np.array_equal(rows, of_row):
            return self.matrix
        one = np.ones(len(rows), np.int64)
        choose = csr_matrix((one, (of_row, rows)), shape=(n, len(self.rows)))
        summed = csr_matrix(choose @ self.matrix)
        summed.sort_indices()
        return summed

    def __add__(self, other: JointCounts) -> JointCounts:
        """Counts of both, over the union of their rows, labels and codes.

        Raises:
            ValueError: they count in different units.
        """
        if self.units_per_s != other.units_per_s:
            raise ValueError(f"counts in units of 1/{self.units_per_s} s and 1/{other.units_per_s} s do not add")
        rows = tuple(sorted({*self.rows, *other.rows}))
        labels = tuple(sorted({*self.labels, *other.labels}))
        entries = self.entries(rows, labels) + other.entries(rows, labels)
        return from_entries(entries, rows, labels, self.units_per_s)

    def entries(self, rows: Sequence[Row], labels: Sequence[str]) -> SparseCounts:
        """The counts by row, label (a) and value of the code (b), rows and labels numbered as in those given.

        Args:
            rows: a row that is not among them gets number 0, the place of what is pooled.
            labels: all of the counts' labels, and more.
        """
        row_index = {row: r for r, row in enumerate(rows)}
        label_index = {label: i for i, label in enumerate(labels)}
        to_row = np.array([row_index.get(row, 0) for row in self.rows], np.int64)
        to_label = np.array([label_index[label] for label in self.labels], np.int64)
        entries = self.matrix.tocoo()
        code, label = np.divmod(entries.col.astype(np.int64), max(len(self.labels), 1))
        return SparseCounts(to_row[entries.row], to_label[label], self.codes[code], entries.data.astype(np.int64))


def from_entries(
    entries: SparseCounts, rows: tuple[Row, ...], labels: tuple[str, ...], units_per_s: Fraction
) -> JointCounts:
    """The inverse of `JointCounts.entries`, canonical; what stands at one place twice is added.

    Args:
        entries: label (a) and code (b) by row.
        rows, labels: what they index, sorted.
        units_per_s: units of count per second of speech.
    """
    codes, place = np.unique(entries.b, return_inverse=True)
    column = place.astype(np.int64) * len(labels) + entries.a
    matrix = csr_matrix((entries.n, (entries.row, column)), shape=(len(rows), len(codes) * len(labels)))
    return JointCounts(rows, labels, codes, matrix, units_per_s)


def count(cells: Cells, stream: Stream, rows: Rows, labels: Sequence[str]) -> JointCounts:
    """Count the codes of a stream against the labels they lie on.

    Args:
        cells: from `probes.joint_counts.frame_labels.cells`, for the same utterances in the same order.
        rows: row of each utterance.
        labels: the vocabulary that the cells' labels index.
    """
    n_labels = len(labels)
    values, codes = numbering(stream, n_labels)
    order, row_bounds = rows.order()
    scratch = np.zeros(len(values) * n_labels, np.int64)
    # no more places than cells, and no more than the tables of all rows have: much less where speech is much
    room = min(len(cells), len(rows.rows) * len(scratch))
    column, found = np.empty(room, np.int64), np.empty(room, np.int64)
    pointers = np.empty(len(rows.rows) + 1, np.int64)
    kernels.count_cells(
        order,
        row_bounds,
        cells.bounds,
        cells.frame,
        cells.label,
        cells.weight,
        stream.bounds,
        codes,
        n_labels,
        scratch,
        column,
        found,
        pointers,
    )
    n = int(pointers[-1])
    matrix = csr_matrix((found[:n].copy(), column[:n].copy(), pointers), shape=(len(rows.rows), len(scratch)))
    matrix.has_sorted_indices = True
    return canonical(JointCounts(rows.rows, tuple(labels), values, matrix, cells.units_per_s))


def canonical(counts: JointCounts) -> JointCounts:
    """The same counts with labels sorted by name and without codes that never occur: equal counts are equal tables."""
    n_labels = max(len(counts.labels), 1)
    code = counts.matrix.indices // n_labels
    seen = np.zeros(len(counts.codes), bool)
    seen[code] = True
    is_sorted = list(counts.labels) == sorted(counts.labels)
    if seen.all() and is_sorted:
        return counts
    if is_sorted and counts.matrix.has_sorted_indices:
        # columns only move up by those that are left out before them: what is in order stays so
        column = counts.matrix.indices - (np.cumsum(~seen) * n_labels)[code]
        shape = (len(counts.rows), int(seen.sum()) * n_labels)
        matrix = csr_matrix((counts.matrix.data, column, counts.matrix.indptr), shape=shape)
        matrix.has_sorted_indices = True
        return JointCounts(counts.rows, counts.labels, counts.codes[seen], matrix, counts.units_per_s)
    labels = tuple(sorted(counts.labels))
    return from_entries(counts.entries(counts.rows, labels), counts.rows, labels, counts.units_per_s)


def numbering(stream: Stream, n_labels: int) -> tuple[NDArray[np.int64], NDArray[np.int64] | NDArray[np.int32]]:
    """Code values of the columns, and the codes as column numbers: themselves, unless the codebook is huge."""
    if stream.codebook_size * n_labels <= MAX_SCRATCH:
        return np.arange(stream.codebook_size, dtype=np.int64), np.asarray(stream.codes)
    values, inverse = np.unique(stream.codes, return_inverse=True)
    return values.astype(np.int64), inverse.astype(np.int32)


def join_streams(streams: Sequence[Stream]) -> Stream:
    """The product of several streams of one rate: code = c0 K1 K2 ... + c1 K2 ... + ..., as one stream.

    Raises:
        ValueError: they differ in rate or length, or the product codebook does not fit 63 bits.
    """
    first = streams[0]
    size, codes = 1, np.zeros(len(first.codes), np.int64)
    for stream in streams:
        if stream.frame_rate != first.frame_rate or not np.array_equal(stream.bounds, first.bounds):
            raise ValueError(f"streams {first.name} and {stream.name} differ in rate or length and cannot be joined")
        size *= stream.codebook_size
        if size >= 1 << 62:
            raise ValueError("the joint codebook is too large to number")
        codes = codes * stream.codebook_size + stream.codes
    name = "+".join(stream.name for stream in streams)
    return Stream(name, size, first.frame_rate, codes, first.bounds)  # type: ignore[arg-type]
