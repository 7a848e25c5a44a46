"""The alignment store: one Parquet file with a row per interval.

Columns: `id`, `tier` and `label` (dictionary-encoded text), `onset` and `offset` (float64 seconds, each an
exact number of microseconds). An utterance that a tier covers without any interval has one row whose label
and times are null. The schema's metadata holds, under the key `hac.alignments`, a JSON object with the
format's version, the provenance and each tier's vocabulary, so that unused labels of a given set survive.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hac.data.tiers import Alignments, Tier, tier_from_columns
from hac.data.timeline import MAX_SECONDS, US_PER_S, to_us_array
from hac.errors import HacError
from hac.files.atomic import atomic_path
from hac.files.parsing import load_json

VERSION = 1
KEY = b"hac.alignments"
COLUMNS = ("id", "tier", "label", "onset", "offset")


def write_alignments(alignments: Alignments, path: Path) -> None:
    """Write the store, atomically; the same alignments give the same bytes.

    Raises:
        HacError: the file cannot be written.
    """
    tiers = [alignments.tiers[name] for name in sorted(alignments.tiers)]
    schema = _schema(alignments, tiers)
    tables = [_table(tier).cast(schema.remove_metadata()) for tier in tiers]
    empty = schema.remove_metadata().empty_table()
    table = pa.concat_tables([empty, *tables]).unify_dictionaries().replace_schema_metadata(schema.metadata)
    with atomic_path(Path(path)) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _schema(alignments: Alignments, tiers: list[Tier]) -> pa.Schema:
    text = pa.dictionary(pa.int32(), pa.string())
    types = (text, text, text, pa.float64(), pa.float64())
    about = {
        "version": VERSION,
        "provenance": dict(alignments.provenance),
        "vocabularies": {tier.name: list(tier.vocabulary) for tier in tiers},
    }
    metadata = {KEY: json.dumps(about, ensure_ascii=False, sort_keys=True).encode()}
    return pa.schema(list(zip(COLUMNS, types, strict=True)), metadata=metadata)


def _table(tier: Tier) -> pa.Table:
    """One tier's rows, with a null row for each utterance that has no interval."""
    lengths = np.diff(tier.bounds)
    where = np.repeat(tier.bounds[:-1], lengths == 0)
    absent = np.insert(np.zeros(tier.n_intervals, dtype=bool), where, True)
    columns = [
        _dictionary(np.repeat(np.arange(len(tier.ids)), np.maximum(lengths, 1)), tier.ids),
        _dictionary(np.zeros(len(absent), dtype=np.int32), (tier.name,)),
        _dictionary(np.insert(tier.labels, where, 0), tier.vocabulary, absent),
        pa.array(np.insert(tier.onset_us, where, 0) / US_PER_S, mask=absent),
        pa.array(np.insert(tier.offset_us, where, 0) / US_PER_S, mask=absent),
    ]
    return pa.table(dict(zip(COLUMNS, columns, strict=True)))


def _dictionary(
    indices: NDArray[Any], names: tuple[str, ...], absent: NDArray[np.bool_] | None = None
) -> pa.DictionaryArray:
    codes = pa.array(indices.astype(np.int32), mask=absent)
    return pa.DictionaryArray.from_arrays(codes, pa.array(names, type=pa.string()))


def read_store(path: Path, vocabularies: Mapping[str, Sequence[str]] | None = None) -> Alignments:
    """Read a store, ours or any Parquet file with the columns `id`, `tier`, `label`, `onset`, `offset`.

    Args:
        vocabularies: the labels allowed, by tier; by default what the store says, else those found, sorted.

    Returns:
        Its tiers; utterances in the order of the file, intervals sorted by onset.

    Raises:
        HacError: the file is missing, no Parquet, lacks a column, holds times that are no
            numbers, or a label outside its vocabulary.
    """
    table = _read_table(Path(path))
    about = _about(path, table.schema.metadata or {})
    ids, id_codes = _codes(table["id"])
    tiers, tier_codes = _codes(table["tier"])
    labels, label_codes = _codes(table["label"])
    absent = label_codes < 0
    onset, offset = (_seconds(path, table[name], absent) for name in ("onset", "offset"))
    if len(absent) and min(id_codes.min(), tier_codes.min()) < 0:
        raise HacError(f"{path}: rows without an id or a tier; every row of an alignment store needs both")
    allowed = about["vocabularies"] | dict(vocabularies or {})
    found = {}
    for k, name in enumerate(tiers):
        here = tier_codes == k
        kept = here & ~absent
        covered = _in_order_of_appearance(id_codes[here])
        found[name] = tier_from_columns(
            name,
            ids,
            id_codes[kept],
            labels,
            label_codes[kept],
            to_us_array(onset[kept]),
            to_us_array(offset[kept]),
            vocabulary=allowed.get(name),
            ids=[ids[i] for i in covered],
        )
    return Alignments(found, about["provenance"])


def _read_table(path: Path) -> pa.Table:
    if not path.is_file():
        raise HacError(f"{path}: no such alignment store; expected a Parquet file written by `hac align`")
    try:
        names = pq.read_schema(path).names
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise HacError(
                f"{path}: no alignment store, the column {missing[0]!r} is missing (columns found: "
                f"{', '.join(names)}); expected {', '.join(COLUMNS)}"
            )
        with pq.ParquetFile(path, read_dictionary=["id", "tier", "label"]) as file:
            table = file.read(columns=list(COLUMNS))
        if table.num_columns != len(COLUMNS):
            raise ValueError("a column is there twice")
        table.validate(full=True)
        return table
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise HacError(
            f"{path}: cannot be read as Parquet, it is truncated or damaged; write it again with `hac align`"
        ) from error


def _about(path: Path, metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """What the schema's metadata says; a Parquet file written by somebody else says nothing."""
    if KEY not in metadata:
        return {"provenance": {"path": str(path)}, "vocabularies": {}}
    try:
        about: dict[str, Any] = load_json(metadata[KEY])
        version = int(about["version"])
        _check_about(about)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise HacError(f"{path}: the store's own description is damaged; write it again with `hac align`") from error
    if version > VERSION:
        raise HacError(
            f"{path}: written in version {version} of the alignment store, this program reads up to "
            f"{VERSION}; update hac-codec"
        )
    return {"provenance": {}, "vocabularies": {}} | about


def _check_about(about: dict[str, Any]) -> None:
    """Complain about parts of the description that are no description."""
    if not isinstance(about.get("provenance", {}), dict):
        raise TypeError("the provenance is no object")
    for name, labels in about.get("vocabularies", {}).items():
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            raise TypeError(f"the vocabulary of {name!r} is no list of labels")


def _codes(column: pa.ChunkedArray) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """A text column as its distinct values and int64 [n_rows] indices into them, -1 for null."""
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # a column without rows
        return (), np.zeros(0, dtype=np.int64)
    codes = pc.fill_null(whole.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return tuple(whole.dictionary.to_pylist()), codes


def _seconds(path: Path, column: pa.ChunkedArray, absent: NDArray[np.bool_]) -> NDArray[np.float64]:
    try:
        seconds: NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    except pa.ArrowException as error:
        raise HacError(f"{path}: times of type {column.type}; expected seconds as numbers") from error
    bad = np.flatnonzero(~(np.abs(seconds) < MAX_SECONDS) & ~absent)
    if len(bad):
        raise HacError(f"{path}: row {bad[0]} has the time {seconds[bad[0]]}; expected seconds as finite numbers")
    return seconds


def _in_order_of_appearance(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    distinct, first = np.unique(codes, return_index=True)
    return distinct[np.argsort(first)]
