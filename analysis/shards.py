"""Counts on disk: what a shard found, so that shards made anywhere add up to the bits of one run.

One Parquet file a shard. Columns: `stream`, `draw` (0: the tokens; 1..: nulls), `lag` (place in the lag scan, -1 for
none), `row`, `label`, `code`, `count`; a row group holds one stream at one draw or lag, so that a merge never holds
more than one table. Schema metadata `hac-counts` says what the numbers index.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from hac.errors import HacError
from hac.files import atomic_path
from probes.clusters import Row
from probes.counts import JointCounts, canonical

META = b"hac-counts"
VERSION = 1
NAME = "counts.parquet"
NO_LAG = -1

SCHEMA = pa.schema(
    [
        ("stream", pa.int16()),
        ("draw", pa.int32()),
        ("lag", pa.int16()),
        ("row", pa.int32()),
        ("label", pa.int16()),
        ("code", pa.int64()),
        ("count", pa.int64()),
    ]
)


@dataclass(frozen=True)
class ShardMeta:
    """What the numbers of a shard index, and what it covers.

    Attributes:
        streams: name -> codebook size, frame rate, frames counted in this shard.
        rows: of the count tables, the same in all shards.
        labels: the phones, the same in all shards.
        protocol: as it goes into the results.
        classes: kind of phone class -> phone -> class.
        n_lags: count of lags in the scan.
        shard: which of how many.
        job: hash of everything that must be equal in shards that add.
        about: coverage, failures, warnings and provenance of the shard.
    """

    streams: dict[str, dict[str, Any]]
    rows: list[dict[str, Any]]
    labels: list[str]
    units_per_s: dict[str, str]
    protocol: dict[str, Any]
    classes: dict[str, dict[str, str | None]]
    n_lags: int
    shard: list[int]
    job: str
    about: dict[str, Any]
    version: int = VERSION


Block = tuple[int, int, int, JointCounts]
"""Stream index, draw, lag index (or NO_LAG), counts."""


def write_shard(path: Path, meta: ShardMeta, blocks: Iterable[Block]) -> None:
    """Write a shard atomically, one row group a block."""
    row_index = {Row(**row): r for r, row in enumerate(meta.rows)}
    schema = SCHEMA.with_metadata({META: json.dumps(asdict(meta), ensure_ascii=False).encode()})
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for block in blocks:
            writer.write_table(_table(block, row_index, meta.labels, schema), row_group_size=1 << 62)


def _table(block: Block, row_index: dict[Row, int], labels: Sequence[str], schema: pa.Schema) -> pa.Table:
    stream, draw, lag, counts = block
    entries = counts.matrix.tocoo()
    rows = np.array([row_index.get(row, 0) for row in counts.rows], np.int32)
    code, label = np.divmod(entries.col.astype(np.int64), len(counts.labels))
    to_label = np.array([labels.index(name) for name in counts.labels], np.int16)
    n = len(entries.data)
    columns = [
        np.full(n, stream, np.int16),
        np.full(n, draw, np.int32),
        np.full(n, lag, np.int16),
        rows[entries.row],
        to_label[label],
        counts.codes[code],
        entries.data.astype(np.int64),
    ]
    return pa.table([pa.array(column) for column in columns], schema=schema)


class Shard:
    """A shard file open for reading."""

    def __init__(self, path: Path) -> None:
        self.path = path / NAME if path.is_dir() else path
        try:
            self._file = pq.ParquetFile(self.path)
            text = (self._file.schema_arrow.metadata or {})[META]
            self.meta = ShardMeta(**json.loads(text))
        except FileNotFoundError as error:
            raise HacError(f"{self.path}: no such shard; expected the {NAME} that --shard writes") from error
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
            raise HacError(f"{self.path}: not a whole shard of counts; write it again with --shard") from error
        if self.meta.version > VERSION:
            raise HacError(
                f"{self.path}: shard format {self.meta.version}, this program reads up to {VERSION}; upgrade"
            )
        self._groups = self._index()

    def _index(self) -> dict[tuple[int, int, int], list[int]]:
        groups: dict[tuple[int, int, int], list[int]] = {}
        for g in range(self._file.metadata.num_row_groups):
            group = self._file.metadata.row_group(g)
            if group.num_rows:
                key = tuple(int(group.column(c).statistics.min) for c in range(3))
                groups.setdefault((key[0], key[1], key[2]), []).append(g)
        return groups

    def counts(self, stream: int, draw: int, lag: int = NO_LAG) -> JointCounts:
        """Counts of one stream at one draw or lag."""
        rows = tuple(Row(**row) for row in self.meta.rows) if lag == NO_LAG else (Row("", "", 0),)
        labels = tuple(self.meta.labels)
        name = list(self.meta.streams)[stream]
        units = Fraction(self.meta.units_per_s[name])
        groups = self._groups.get((stream, draw, lag), [])
        table = self._file.read_row_groups(groups, columns=["row", "label", "code", "count"])
        row, label, code, found = (table.column(name).to_numpy() for name in table.column_names)
        codes, place = np.unique(code, return_inverse=True)
        column = place.astype(np.int64) * len(labels) + label
        shape = (len(rows), max(len(codes), 1) * len(labels))
        matrix = csr_matrix((found.astype(np.int64), (row, column)), shape=shape)
        counts = JointCounts(rows, labels, codes if len(codes) else np.zeros(1, np.int64), matrix, units)
        return canonical(counts)


@dataclass(frozen=True)
class MergedStream:
    """A stream whose counts are the sums over shards; the `CountSource` of a merge."""

    name: str
    index: int
    shards: tuple[Shard, ...]

    @property
    def codebook_size(self) -> int:
        """Codes lie below this."""
        return int(self.shards[0].meta.streams[self.name]["codebook_size"])

    @property
    def frame_rate(self) -> Fraction:
        """Hz."""
        return Fraction(self.shards[0].meta.streams[self.name]["frame_rate"])

    @property
    def n_frames(self) -> int:
        """Tokens of the stream in all shards."""
        return sum(int(shard.meta.streams[self.name]["n_frames"]) for shard in self.shards)

    @property
    def n_nulls(self) -> int:
        """Null draws."""
        return int(self.shards[0].meta.protocol["n_nulls"])

    def draw(self, r: int) -> JointCounts:
        """Counts of draw r, added over the shards."""
        return canonical(reduce(add, (shard.counts(self.index, r) for shard in self.shards)))

    def lag_tables(self) -> list[NDArray[np.int64]]:
        """Pooled counts at each lag, added over the shards."""
        n_lags = self.shards[0].meta.n_lags
        return [reduce(add, (shard.counts(self.index, 0, lag) for shard in self.shards)).table for lag in range(n_lags)]


def open_shards(paths: Sequence[Path]) -> tuple[Shard, ...]:
    """Open shards that add: of one job, each once, none missing.

    Raises:
        HacError: they are of different jobs, one is there twice, or one is missing.
    """
    shards = tuple(sorted((Shard(path) for path in paths), key=lambda shard: shard.meta.shard))
    first = shards[0]
    for shard in shards[1:]:
        if shard.meta.job != first.meta.job:
            raise HacError(
                f"{shard.path} and {first.path} are shards of different jobs (other tokens, manifest, alignments or "
                "protocol); merge only shards made with the same options"
            )
    places = [shard.meta.shard[0] for shard in shards]
    n = first.meta.shard[1]
    if len(set(places)) < len(places):
        raise HacError(f"shard {next(p for p in places if places.count(p) > 1) + 1} of {n} is given twice")
    if missing := sorted(set(range(n)) - set(places)):
        names = ", ".join(f"{place + 1}/{n}" for place in missing[:10])
        raise HacError(f"{len(missing)} of {n} shards are missing ({names}); make them with --shard and merge again")
    return shards
