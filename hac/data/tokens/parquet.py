"""Token stores on disk: Parquet, one row per utterance.

Columns: `id` (string) and one list column per stream, named as the stream, of uint16 (int32 where the
codebook has more than 65,536 codes). The schema's metadata has the key `hac` with JSON:

    {"version": 1,
     "streams": {"phonetic": {"codebook_size": 1024, "frame_rate": "44100/512"}, ...},
     "provenance": {...}}

A folder of such files is one store, its files in the order of their names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hac.data.ragged import bounds_of
from hac.data.tokens.stream_options import StreamOptions, check_keys
from hac.data.tokens.token_store import Stream, TokenStore, concatenate
from hac.errors import HacError
from hac.files.atomic import atomic_path
from hac.files.parsing import load_json

FORMAT_VERSION = 1
METADATA_KEY = b"hac"


def write_parquet(store: TokenStore, path: Path) -> None:
    """Write a store atomically; the bytes depend on nothing but the store."""
    columns: dict[str, pa.Array] = {"id": pa.array(store.ids, pa.string())}
    for name, stream in store.streams.items():
        dtype = np.uint16 if stream.codebook_size <= 1 << 16 else np.int32
        # 64-bit offsets: 2^31 codes of one stream are only 12,000 hours at 50 Hz
        columns[name] = pa.LargeListArray.from_arrays(stream.bounds, pa.array(stream.codes.astype(dtype)))
    header = {
        "version": FORMAT_VERSION,
        "streams": {
            name: {"codebook_size": stream.codebook_size, "frame_rate": str(stream.frame_rate)}
            for name, stream in store.streams.items()
        },
        "provenance": dict(store.provenance),
    }
    metadata = {METADATA_KEY: json.dumps(header, sort_keys=True, ensure_ascii=False).encode()}
    table = pa.table(columns).replace_schema_metadata(metadata)
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def read_parquet(path: Path, streams: Iterable[str] | None, options: StreamOptions) -> TokenStore:
    """Read one file, or a folder of files as one store (unchecked).

    Raises:
        HacError: no Parquet file, a truncated one, a missing column, codes that are no integers, sizes or
            rates that nobody gives.
    """
    if path.is_file():
        return _read_file(path, streams, options)
    files = sorted(file for file in path.glob("*.parquet") if not file.name.startswith("."))
    if not files:
        raise HacError(f"{path}: the folder holds no .parquet file, expected a token store")
    stores = [_read_file(file, streams, options) for file in files]
    provenances = [dict(store.provenance) for store in stores]
    same = all(provenance == provenances[0] for provenance in provenances)
    return concatenate(stores, provenances[0] if same else {"parts": provenances})


def _read_file(path: Path, streams: Iterable[str] | None, options: StreamOptions) -> TokenStore:
    try:
        with pq.ParquetFile(path, memory_map=True, page_checksum_verification=True) as file:
            schema = file.schema_arrow
            header = _header(path, schema)
            names = _stream_names(path, schema, header, streams)
            table = file.read(columns=["id", *names])
        table.validate(full=True)
        ids = table.column("id").cast(pa.string()).to_pylist()
    except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
        reason = "empty" if path.stat().st_size == 0 else "truncated or not Parquet"
        raise HacError(f"{path}: cannot be read as a token store, the file is {reason}; make it again") from error
    declared = header.get("streams", {})
    sizes = {name: declared[name].get("codebook_size") for name in names if name in declared}
    rates = {name: declared[name].get("frame_rate") for name in names if name in declared}
    specs = options.resolve(path, names, sizes, rates)
    read = {}
    for name, spec in specs.items():
        codes, bounds = _column(path, name, table.column(name))
        read[name] = Stream(name, spec.codebook_size, spec.frame_rate, codes, bounds)
    if None in ids:
        raise HacError(f"{path}: row {ids.index(None)} has no id")
    return TokenStore(tuple(ids), read, header.get("provenance", {}))


def _header(path: Path, schema: pa.Schema) -> dict[str, Any]:
    """The JSON under the key `hac`, or {} where another program wrote the file."""
    text = (schema.metadata or {}).get(METADATA_KEY)
    if text is None:
        return {}
    try:
        header = load_json(text)
    except ValueError as error:
        raise HacError(f"{path}: its metadata under the key `hac` is not JSON") from error
    if not isinstance(header, dict) or header.get("version") != FORMAT_VERSION:
        found = header.get("version") if isinstance(header, dict) else type(header).__name__
        raise HacError(f"{path}: token format version {found}, this program reads version {FORMAT_VERSION}")
    check_keys(header, {"version", "streams", "provenance"}, f"{path}, metadata `hac`")
    for key in ("streams", "provenance"):
        if not isinstance(header.setdefault(key, {}), dict):
            raise HacError(f"{path}, metadata `hac`: {key!r} is {header[key]!r}, expected a JSON object")
    for name, entry in header["streams"].items():
        check_keys(entry, {"codebook_size", "frame_rate"}, f"{path}, metadata of stream {name!r}")
    return header


def _stream_names(
    path: Path, schema: pa.Schema, header: Mapping[str, Any], wanted: Iterable[str] | None
) -> Sequence[str]:
    """Which columns to read: those asked for, else those declared, else every column but `id`."""
    if "id" not in schema.names:
        raise HacError(f"{path}: no column `id`, found {', '.join(schema.names)}; is it a token store?")
    present = [name for name in schema.names if name != "id"]
    missing = [name for name in header.get("streams", {}) if name not in present]
    if missing:
        raise HacError(f"{path}: stream {missing[0]!r} is declared, but there is no such column")
    names = list(header.get("streams", present)) if wanted is None else list(wanted)
    # columns in the order of the file: JSON metadata is sorted by name
    unknown = [name for name in names if name not in present]
    if unknown:
        raise HacError(f"{path}: no stream {unknown[0]!r}; there are {', '.join(present)}")
    return [name for name in present if name in names] if wanted is None else names


def _column(path: Path, name: str, column: pa.ChunkedArray) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """A list column as flat codes and utterance bounds, without a Python loop."""
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise HacError(f"{path}: column {name!r} holds {kind}, expected lists of integers")
    if not pa.types.is_integer(kind.value_type):
        raise HacError(f"{path}: codes of stream {name!r} are {kind.value_type}, expected integers")
    flat = pc.list_flatten(column)
    if column.null_count or flat.null_count:
        raise HacError(f"{path}: stream {name!r} has empty (null) cells; an utterance without frames is an empty list")
    lengths = pc.list_value_length(column).to_numpy().astype(np.int64)
    return flat.to_numpy(), bounds_of(lengths)
