"""Joint counts in shards: the tables of `probes.joint_counts.counts.JointCounts`, added up over all shards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.shards.count_file import ShardMeta
from analysis.shards.merged import MergedStream
from hac.errors import HacError
from probes.clusters import Row
from probes.joint_counts.counts import JointCounts, from_entries
from probes.sparse_counts import SparseCounts, added

JOINT = "joint"
"""Table of labels (a) and codes (b)."""


def lag_table(lag: int) -> str:
    """Name of the table at a place in the lag scan; its row is always 0."""
    return f"lag {lag}"


def tables(n_lags: int) -> list[str]:
    """All tables of a stream."""
    return [JOINT, *(lag_table(lag) for lag in range(n_lags))]


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
        total = added(self._renamed(draw, table, rows), (len(rows), len(self.labels), self.codebook_size))
        return from_entries(total, rows, self.labels, self.units_per_s)

    def _renamed(self, draw: int, table: str, rows: tuple[Row, ...]) -> Iterator[SparseCounts]:
        """The table of each shard, in rows and labels of the sums."""
        for shard, part in zip(self.shards, self.parts(draw, table), strict=True):
            names = labels_of(shard.meta)
            if part.a.max(initial=-1) >= len(names) or part.b.max(initial=-1) >= self.codebook_size:
                raise HacError(f"{shard.path}: counts of phones or codes that it does not name; write it again")
            label = np.array([self._place[name] for name in names], np.int64)
            # a pooled table has one row, whatever the shard calls it
            yield part.moved(None if len(rows) > 1 else np.zeros(len(self.common.rows), np.int64), label)

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
