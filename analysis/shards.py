"""Joint counts in shards: `probes.counts.JointCounts` as entries of a count file, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from analysis.count_files import Entries, MergedStream, ShardMeta
from probes.clusters import Row
from probes.counts import JointCounts, canonical

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
        return self._counts(r, JOINT, self.meta.row_tuple())

    def lag_tables(self) -> list[NDArray[np.int64]]:
        """Pooled counts at each lag, added over the shards."""
        everything = (Row("", "", 0),)
        names = tables(self.meta.extra["n_lags"])[1:]
        return [self._counts(0, name, everything).table for name in names]

    def _counts(self, draw: int, table: str, rows: tuple[Row, ...]) -> JointCounts:
        return from_entries(self.entries(draw, table), rows, labels_of(self.meta), self.units_per_s)

    @property
    def units_per_s(self) -> Fraction:
        """Units of count per second of speech."""
        return Fraction(self.meta.extra["units_per_s"][self.name])


def labels_of(meta: ShardMeta) -> tuple[str, ...]:
    """The phones that the entries index."""
    return tuple(meta.extra["labels"])
