"""Reading and writing manifests as JSONL and Parquet, and checking every row on the way in and out."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from hac.data.manifest.manifest import FIELDS, Manifest, Utterance
from hac.data.timeline import MAX_SECONDS
from hac.errors import FailureLog, HacError, Unusable
from hac.files.atomic import atomic_path
from hac.files.parsing import load_json
from hac.files.text import json_lines

VERSION = 1
"""Version of both formats, in the header."""

HEADER = "hac_manifest"
"""The header's key."""

_REQUIRED = ("id", "path", "duration")
_OPTIONAL = ("speaker", "language", "text", "alignment", "gender")
_ALIASES = {
    **dict.fromkeys(("utt", "utt_id", "utterance", "utterance_id", "name", "key"), "id"),
    **dict.fromkeys(("audio", "audio_path", "audio_filepath", "wav", "file", "filename"), "path"),
    **dict.fromkeys(("length", "dur", "seconds", "duration_s"), "duration"),
    **dict.fromkeys(("spk", "speaker_id", "client_id"), "speaker"),
    **dict.fromkeys(("lang", "locale"), "language"),
    **dict.fromkeys(("transcript", "transcription", "sentence"), "text"),
    **dict.fromkeys(("textgrid", "align"), "alignment"),
}


class _RowError(Unusable):
    """What is wrong with a row."""


def read_manifest(path: Path, root: Path | None = None, failures: FailureLog | None = None) -> Manifest:
    """Read a manifest (`.jsonl` or `.parquet`).

    Args:
        root: folder that paths are relative to; overrides the file's own.
        failures: where rows that cannot be used are counted, and left out; None makes the first one an error.

    Raises:
        HacError: the file is missing, broken or without utterances, or a row is bad: the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise HacError(f"{path}: no such manifest; make one with `hac corpus import` or `hac corpus builtin`")
    header, rows = _rows_of(path)
    base = _root(path, header) if root is None else Path(root)
    utterances: dict[str, Utterance] = {}
    first_line: dict[str, str] = {}
    trouble: HacError | None = None
    checker = _Checker(base)
    for where, row in rows:
        try:
            utterance = checker.utterance(row)
            if utterance.id in first_line:
                detail = f"id {utterance.id!r} was already given in {first_line[utterance.id]}; ids must be unique"
                raise _RowError("manifest-duplicate-id", detail)
        except _RowError as error:
            trouble = trouble or HacError(f"{path}: {where}: {error}")
            if failures is None:
                raise trouble from error
            failures.add(f"{path.name}: {where}", error.reason, str(error))
            continue
        utterances[utterance.id] = utterance
        first_line[utterance.id] = where
    if not utterances:
        raise trouble or HacError(f"{path}: the manifest has no utterances; expected one a line or row")
    return Manifest(base, tuple(utterances.values()))


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write a manifest as `.jsonl` or `.parquet`, by the name's ending.

    The root is written relative to the file where one lies inside the other, so that they can move together.

    Raises:
        HacError: a row is bad, the ending is not known, or the file cannot be written.
    """
    path = Path(path)
    writer = {".jsonl": _write_jsonl, ".parquet": _write_parquet}.get(path.suffix.lower())
    if writer is None:
        raise HacError(f"{path}: a manifest's name ends in .jsonl or .parquet")
    checker = _Checker(manifest.root)
    if len(manifest.by_id) < len(manifest):
        raise HacError(f"{path}: {len(manifest) - len(manifest.by_id)} ids are given twice; ids must be unique")
    for utterance in manifest.utterances:
        try:
            checker.utterance(utterance.as_row())
        except _RowError as error:
            raise HacError(f"{path}: utterance {utterance.id!r}: {error}") from error
    writer(manifest.utterances, _header(manifest.root, path), path)


class _Checker:
    """Turns rows into utterances; remembers what it saw of field names and of the root, to be quick."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.normpath(Path(root).absolute())
        self._good_names: set[tuple[str, ...]] = set()

    def utterance(self, row: Any) -> Utterance:
        """Check a row.

        Raises:
            _RowError: it cannot be used.
        """
        if not isinstance(row, Mapping):
            raise _RowError("manifest-row", f"expected an object with {', '.join(FIELDS)}, found {_shown(row)}")
        names = tuple(row)
        if names not in self._good_names:
            _check_names(names)
            self._good_names.add(names)
        texts = {name: _text(row, name) for name in _OPTIONAL}
        for name in ("id", "path"):
            if _text(row, name) is None:
                raise _RowError(f"manifest-{name}", f"{name} is empty; expected text")
        path = self._relative("path", row["path"])
        if texts["alignment"] is not None:
            texts["alignment"] = self._relative("alignment", texts["alignment"])
        return Utterance(row["id"], path, _duration(row["duration"]), **texts)

    def _relative(self, field: str, path: str) -> str:
        """A path relative to the root, lexically inside it (symbolic links are looked at on use)."""
        if not path.startswith("/") and ".." not in path and "\0" not in path:
            return path
        full = os.path.normpath(Path(self._root) / path)
        if "\0" in path or os.path.commonpath([full, self._root]) != self._root or full == self._root:
            detail = f"{field} {path!r} leads out of the root {self._root}; move the file in, or give another root"
            raise _RowError("manifest-path-outside", detail)
        return os.path.relpath(full, self._root)


def _check_names(names: tuple[str, ...]) -> None:
    """Refuse a row that lacks a field or seems to misspell one."""
    absent = [name for name in FIELDS if name not in names]
    for name in names:
        if name in FIELDS:
            continue
        near = difflib.get_close_matches(name.lower(), absent, 1, 0.75)
        meant = _ALIASES.get(name.lower(), near[0] if near else None)
        if meant in absent:
            raise _RowError("manifest-field", f"unknown field {name!r}; did you mean {meant!r}?")
    if missing := [name for name in _REQUIRED if name in absent]:
        found = ", ".join(map(str, names)) or "nothing"
        raise _RowError("manifest-field", f"no field {missing[0]!r}; found {found}")


def _text(row: Mapping[str, Any], name: str) -> str | None:
    """A text field, None where absent or empty."""
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _RowError(f"manifest-{name}", f"{name} is {_shown(value)}; expected text (in quotes)")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise _RowError(f"manifest-{name}", f"{name} {value!r} holds half a character") from error
    return value or None


def _duration(value: Any) -> float:
    """Seconds, to the microsecond."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _RowError("manifest-duration", f"duration is {_shown(value)}; expected seconds as a number")
    if not 0 < value < MAX_SECONDS:  # NaN too
        raise _RowError("manifest-duration", f"duration is {_shown(value)}; expected a positive number of seconds")
    return round(float(value), 6)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _rows_of(path: Path) -> tuple[Mapping[str, Any], Iterator[tuple[str, Any]]]:
    """A file's header (empty where it has none) and its rows, each with its place in words."""
    ending = path.suffix.lower()
    if ending == ".jsonl":
        return _read_jsonl(path)
    if ending == ".parquet":
        return _read_parquet(path)
    raise HacError(f"{path}: a manifest's name ends in .jsonl or .parquet")


def _read_jsonl(path: Path) -> tuple[Mapping[str, Any], Iterator[tuple[str, Any]]]:
    rows = ((f"line {number}", row) for number, row in json_lines(path))
    for first in rows:
        if isinstance(first[1], Mapping) and HEADER in first[1]:
            return first[1], rows
        return {}, chain([first], rows)
    return {}, rows


def _read_parquet(path: Path) -> tuple[Mapping[str, Any], Iterator[tuple[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
        table = pq.read_table(path, columns=[name for name in schema.names if name in FIELDS])
        header = load_json((schema.metadata or {}).get(HEADER.encode(), b"{}"))
        columns = [table.column(name).to_pylist() for name in table.column_names]
        if not isinstance(header, Mapping):
            raise ValueError("its header is no object")
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise HacError(f"{path}: not a Parquet file that can be read; it may be truncated") from error
    try:
        _check_names(tuple(schema.names))
    except _RowError as error:
        raise HacError(f"{path}: {error}") from error
    rows = (
        (f"row {number}", dict(zip(table.column_names, values, strict=True)))
        for number, values in enumerate(zip(*columns, strict=True))
    )
    return header, rows


def _root(path: Path, header: Mapping[str, Any]) -> Path:
    """The folder that a header, or its absence, means."""
    if header and header.get(HEADER) != VERSION:
        found = _shown(header.get(HEADER))
        raise HacError(f"{path}: the header gives format {found}; this version of hac reads {VERSION}")
    root = header.get("root", ".")
    if not isinstance(root, str) or not root.isprintable():
        raise HacError(f"{path}: the header's root is {_shown(root)}; expected a folder as text")
    return Path(os.path.normpath(path.parent / root))


def _header(root: Path, path: Path) -> dict[str, Any]:
    """The header that leads from the file's folder to the root."""
    folder, base = os.path.realpath(path.parent), os.path.realpath(root)
    nested = os.path.commonpath([folder, base]) in (folder, base)
    return {HEADER: VERSION, "root": os.path.relpath(base, folder) if nested else base}


def _write_jsonl(utterances: Iterable[Utterance], header: Mapping[str, Any], path: Path) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as lines:
        lines.write(json.dumps(header, ensure_ascii=False) + "\n")
        for utterance in utterances:
            row = {name: value for name, value in utterance.as_row().items() if value is not None}
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_parquet(utterances: Iterable[Utterance], header: Mapping[str, Any], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = [(name, pa.float64() if name == "duration" else pa.string()) for name in FIELDS]
    schema = pa.schema(types, metadata={HEADER: json.dumps(header, ensure_ascii=False)})
    table = pa.Table.from_pylist([utterance.as_row() for utterance in utterances], schema=schema)
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
