"""Counts on disk: what a shard found, so that shards made anywhere add up to the bits of one run.

One Parquet file a shard. Columns: `stream`, `draw` (0: the tokens; 1..: nulls), `table` (place in the schema's list of
tables), `row`, `a`, `b` (what the table counts: a label and a code, a word and a code, ...), `n`. A row group holds
one table of one stream at one draw, so that a merge never holds more than one. The file's metadata say what the numbers
index (`hac-counts`) and which row group holds which table (`hac-count-groups`: a list of `[stream, draw, table]`).
Statistics of the columns would tell that too, but a damaged file whose column metadata are looked at ends the process
(pyarrow 26 lets a C++ exception through there), and reading never looks at them so.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hac.errors import HacError
from hac.files.atomic import atomic_path
from hac.files.parsing import load_json
from probes.clusters import Row
from probes.nulls.circular_shift import OVER_UTTERANCES
from probes.sparse_counts import SparseCounts

META = b"hac-counts"
GROUPS = b"hac-count-groups"
VERSION = 3
MOST_SHARDS = 1_000_000
NAME = "counts.parquet"
NULL = "null"
"""Key in a shard's protocol: what circular shifts are over, in the words of the results."""
SCHEMA = pa.schema(
    [
        ("stream", pa.int16()),
        ("draw", pa.int32()),
        ("table", pa.int16()),
        ("row", pa.int32()),
        ("a", pa.int64()),
        ("b", pa.int64()),
        ("n", pa.int64()),
    ]
)
COUNTS = ["row", "a", "b", "n"]
"""The columns that hold the counts of a row group."""


@dataclass(frozen=True)
class ShardMeta:
    """What the numbers of a shard index, and what it covers.

    Attributes:
        command: the analysis that counted.
        tables: names of the tables.
        streams: name -> codebook size, frame rate, frames counted in this shard.
        rows: of the count tables, the same in all shards.
        protocol: as it goes into the results.
        shard: which of how many.
        job: hash of everything that must be equal in shards that add.
        about: coverage, failures, warnings and provenance of the shard.
        extra: what else the analysis must know: its labels, units, ...
    """

    command: str
    tables: list[str]
    streams: dict[str, dict[str, Any]]
    rows: list[dict[str, Any]]
    protocol: dict[str, Any]
    shard: list[int]
    job: str
    about: dict[str, Any]
    extra: dict[str, Any] = field(default_factory=dict)
    version: int = VERSION

    def protocol_values(self) -> dict[str, Any]:
        """The protocol with tuples where JSON has lists; without the null, and the bootstrap of older shards."""
        values = {key: value for key, value in self.protocol.items() if key not in (NULL, "n_bootstrap")}
        return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}

    @property
    def null(self) -> str:
        """What circular shifts are over; older shards do not say."""
        return str(self.protocol.get(NULL, OVER_UTTERANCES))

    def row_tuple(self) -> tuple[Row, ...]:
        """The rows as their type."""
        return tuple(Row(**row) for row in self.rows)


class Block(NamedTuple):
    """One table of one stream at one draw."""

    stream: int
    draw: int
    table: str
    counts: SparseCounts


def write_shard(path: Path, meta: ShardMeta, blocks: Iterable[Block]) -> None:
    """Write a shard atomically, one row group a block."""
    schema = SCHEMA.with_metadata({META: json.dumps(asdict(meta), ensure_ascii=False).encode()})
    place = {name: i for i, name in enumerate(meta.tables)}
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        groups: list[tuple[int, int, int]] = []
        for block in blocks:
            groups.append((block.stream, block.draw, place[block.table]))
            n = len(block.counts.n)
            columns = [
                *(np.full(n, value, np.int64) for value in groups[-1]),
                *block.counts.columns(),
            ]
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.table(arrays, schema=schema), row_group_size=1 << 62)
        writer.add_key_value_metadata({GROUPS: json.dumps(groups)})


class Shard:
    """A shard file. It is opened for each table: a thousand of them at once are more than a process may hold open."""

    def __init__(self, path: Path) -> None:
        self.path = path / NAME if path.is_dir() else path
        try:
            with pq.ParquetFile(self.path) as file:
                data = load_json((file.schema_arrow.metadata or {})[META])
                if type(data["version"]) is not int:
                    raise TypeError("the version is no number")
                if data["version"] == VERSION:
                    self.meta = ShardMeta(**data)
                    _check(self.meta, file)
                    self._groups = _groups_of(file.metadata)
        except FileNotFoundError as error:
            raise HacError(f"{self.path}: no such shard; expected the {NAME} that --shard writes") from error
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise HacError(f"{self.path}: not a whole shard of counts; write it again with --shard") from error
        if data["version"] != VERSION:
            way = "upgrade" if data["version"] > VERSION else "write it again with --shard"
            raise HacError(f"{self.path}: shard format {data['version']}, this program reads format {VERSION}; {way}")

    def __reduce__(self) -> tuple[type[Shard], tuple[Path]]:
        """An open file cannot go to another process; its name can."""
        return Shard, (self.path,)

    def counts(self, stream: int, draw: int, table: str) -> SparseCounts:
        """One table of one stream at one draw; empty where nothing was counted."""
        if table not in self.meta.tables:
            raise HacError(f"{self.path}: has no table {table!r} of counts; write it again with --shard")
        groups = self._groups.get((stream, draw, self.meta.tables.index(table)), [])
        if not groups:
            return SparseCounts.of(np.empty(0, np.int64))
        try:
            with pq.ParquetFile(self.path) as file:
                found = file.read_row_groups(groups, columns=COUNTS, use_threads=False)
            if any(column.null_count for column in found.columns):
                raise pa.ArrowInvalid("a count is missing")
        except (pa.ArrowException, OSError) as error:
            raise HacError(f"{self.path}: is damaged ({error}); write it again with --shard") from error
        return SparseCounts(*(found.column(name).to_numpy().astype(np.int64, copy=False) for name in COUNTS))


def _groups_of(metadata: pq.FileMetaData) -> dict[tuple[int, int, int], list[int]]:
    """Row groups by stream, draw and table.

    Raises:
        TypeError, ValueError: the list of them is damaged.
    """
    keys = load_json((metadata.metadata or {})[GROUPS])
    if len(keys) != metadata.num_row_groups:
        raise ValueError(f"{len(keys)} row groups are described, {metadata.num_row_groups} are there")
    groups: dict[tuple[int, int, int], list[int]] = {}
    for g, key in enumerate(keys):
        stream, draw, table = (operator.index(value) for value in key)
        groups.setdefault((stream, draw, table), []).append(g)
    return groups


def _check(meta: ShardMeta, file: pq.ParquetFile) -> None:
    """Complain about a shard whose parts are of other types than those written.

    Raises:
        TypeError: one is.
    """
    if not file.schema_arrow.remove_metadata().equals(SCHEMA):
        raise TypeError("other columns than those of counts")
    texts = [meta.command, meta.job, *meta.tables, *meta.streams]
    place, n_shards = meta.shard
    if not all(isinstance(text, str) for text in texts) or type(place) is not int or type(n_shards) is not int:
        raise TypeError("a name or a number is none")
    if not 0 <= place < n_shards <= MOST_SHARDS:
        raise TypeError(f"shard {place} of {n_shards}")
    for facts in meta.streams.values():
        Fraction(facts["frame_rate"]), int(facts["codebook_size"]), int(facts["n_frames"])
    if not all(isinstance(part, dict) for part in (meta.protocol, meta.about, meta.extra)):
        raise TypeError("a part of the description is no object")
    meta.row_tuple()
