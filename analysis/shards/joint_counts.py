"""Joint counts in shards: `probes.joint_counts.counts.JointCounts` as entries of a count file, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from analysis.shards.count_file import Entries, ShardMeta
from analysis.shards.merged import MergedStream, joined
from analysis.statistics import kernels
from hac.errors import HacError
from probes.clusters import Row
from probes.joint_counts.counts import JointCounts, canonical

MAX_DENSE = 1 << 26
"""Cells (rows x codes x labels) of the table that shards are added up in, and entries kept where it would be larger."""
JOINT = "joint"
"""Table of labels (a) and codes (b)."""


def lag_table(lag: int) -> str:
    """Name of the table at a place in the lag scan; its row is always 0."""
    return f"lag {lag}"


def tables(n_lags: int) -> list[str]:
    """All tables of a stream."""
    return [JOINT, *(lag_table(lag) for lag in range(n_lags))]


def to_entries(counts: JointCounts, rows: Sequence[Row], labels: Sequence[str]) -> Entries:
    """The counts by place among the given rows (0 for a row that is not there: it holds everything) and labels."""
    row_index = {row: r for r, row in enumerate(rows)}
    entries = counts.matrix.tocoo()
    to_row = np.array([row_index.get(row, 0) for row in counts.rows], np.int64)
    code, label = np.divmod(entries.col.astype(np.int64), len(counts.labels))
    to_label = np.array([labels.index(name) for name in counts.labels], np.int64)
    return Entries(to_row[entries.row], to_label[label], counts.codes[code], entries.data.astype(np.int64))


def from_entries(entries: Entries, rows: tuple[Row, ...], labels: tuple[str, ...], units: Fraction) -> JointCounts:
    """The inverse of `to_entries`; what stands at one place twice is added."""
    codes, place = np.unique(entries.b, return_inverse=True)
    column = place.astype(np.int64) * len(labels) + entries.a
    shape = (len(rows), max(len(codes), 1) * len(labels))
    matrix = csr_matrix((entries.n, (entries.row, column)), shape=shape)
    counts = JointCounts(rows, labels, codes if len(codes) else np.zeros(1, np.int64), matrix, units)
    return canonical(counts)


@dataclass(frozen=True)
class MergedCounts(MergedStream):
    """A stream whose counts are the sums over shards; the `CountSource` of a merge."""

    def draw(self, r: int) -> JointCounts:
        """Counts of draw r, added over the shards."""
        return self._counts(r, JOINT, self.common.rows)

    def lag_tables(self) -> list[NDArray[np.int64]]:
        """Pooled counts at each lag, added over the shards."""
        everything = (Row("", "", 0),)
        names = tables(self.meta.extra["n_lags"])[1:]
        return [self._counts(0, name, everything).table for name in names]

    def _counts(self, draw: int, table: str, rows: tuple[Row, ...]) -> JointCounts:
        n_cells = len(rows) * len(self.labels) * self.codebook_size
        add = self._dense if n_cells <= MAX_DENSE else self._sparse
        return from_entries(add(self._renamed(draw, table, rows), rows), rows, self.labels, self.units_per_s)

    def _renamed(self, draw: int, table: str, rows: tuple[Row, ...]) -> Iterator[Entries]:
        """The table of each shard, in rows and labels of the sums."""
        for shard, part in zip(self.shards, self.parts(draw, table), strict=True):
            names = labels_of(shard.meta)
            if len(part.n) and not (part.a.min() >= 0 and part.a.max() < len(names) and self._is_code(part.b)):
                raise HacError(f"{shard.path}: counts of phones or codes that it does not name; write it again")
            label = np.array([self._place[name] for name in names], np.int64)
            # a pooled table has one row, whatever the shard calls it
            row = part.row if len(rows) > 1 else np.zeros_like(part.row)
            yield Entries(row, label[part.a], part.b, part.n)

    def _is_code(self, codes: NDArray[np.int64]) -> bool:
        return bool(codes.min() >= 0 and codes.max() < self.codebook_size)

    def _dense(self, parts: Iterator[Entries], rows: tuple[Row, ...]) -> Entries:
        """The sum of parts, in a table with a place for every count: what comes next needs no more memory."""
        n_labels, n_codes = len(self.labels), self.codebook_size
        total = np.zeros(len(rows) * n_codes * n_labels, np.int64)
        for part in parts:
            kernels.add_entries(*part, n_labels, n_codes, total)
        places = np.flatnonzero(total)
        row, column = np.divmod(places, n_codes * n_labels)
        code, label = np.divmod(column, n_labels)
        return Entries(row, label, code, total[places])

    def _sparse(self, parts: Iterator[Entries], rows: tuple[Row, ...]) -> Entries:
        """The sum of parts whose table would be too large; what stands at one place is added now and then."""
        kept, n = list[Entries](), 0
        for part in parts:
            kept.append(part)
            n += len(part.n)
            if n > MAX_DENSE:
                counts = from_entries(joined(kept), rows, self.labels, self.units_per_s)
                kept = [to_entries(counts, rows, self.labels)]
                n = len(kept[0].n)
        return joined(kept)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The phones of all shards, sorted."""
        return tuple(sorted({label for shard in self.shards for label in labels_of(shard.meta)}))

    @cached_property
    def _place(self) -> dict[str, int]:
        return {label: i for i, label in enumerate(self.labels)}

    @property
    def units_per_s(self) -> Fraction:
        """Units of count per second of speech."""
        return Fraction(self.meta.extra["units_per_s"][self.name])


def labels_of(meta: ShardMeta) -> tuple[str, ...]:
    """The phones that the entries index."""
    return tuple(meta.extra["labels"])
