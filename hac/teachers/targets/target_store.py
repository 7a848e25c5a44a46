"""Half-precision rows on disk, found by the hash of what they belong to: a folder that only ever grows.

    meta.json     what made the rows; a folder belongs to one maker
    rows.f16      float16 [n, dim], little-endian, appended to
    index.bin     48 bytes an item: SHA-256 of its source, first row, number of rows (int64, little-endian)
    claim         held by who writes meta.json
    lock          held while rows are appended

Rows reach the disk before the index names them, so whatever stops a process leaves at most rows without a name.
`writing` cuts these off, and reading never sees them.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.errors import HacError
from hac.files.atomic import NO_SPACE, UNWRITABLE, user_cache, write_text
from hac.files.parsing import load_json

FORMAT = "hac-teacher-targets"
VERSION = 1

ROWS = np.dtype("<f2")
_ITEM = np.dtype([("source", "V32"), ("start", "<i8"), ("rows", "<i8")])

COMMIT_BYTES = 8 << 20
COMMIT_S = 10.0
"""Rows are written when there are so many, or when the last ones were written so long ago: what a kill can lose."""


def default_folder(name: str, maker: Mapping[str, Any]) -> Path:
    """A folder of its own for what `maker` makes: in `$XDG_CACHE_HOME/hac/teachers`, else `~/.cache/hac/teachers`."""
    key = hashlib.sha256(json.dumps(maker, sort_keys=True).encode()).hexdigest()
    plain = re.sub(r"[^\w.-]", "_", name)
    return user_cache("teachers", f"{plain}-{key[:16]}")


class Rows:
    """A file of rows, mapped into memory by each process that reads it, at its first reading.

    Args:
        path: the file.
        dim: columns.
    """

    def __init__(self, path: Path, dim: int) -> None:
        self.path = path
        self.dim = dim
        self._map: NDArray[np.float16] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the map."""
        return {**self.__dict__, "_map": None}

    def read(self, start: int, n_rows: int) -> NDArray[np.float16]:
        """Rows, float16 [n_rows, dim], copied out of the file."""
        if self._map is None or start + n_rows > len(self._map):  # or it has grown since
            n_there = self.path.stat().st_size // (self.dim * ROWS.itemsize)
            self._map = np.memmap(self.path, dtype=ROWS, mode="r", shape=(n_there, self.dim)).view(np.ndarray)
        return self._map[start : start + n_rows].copy()


class RowStore:
    """A folder of rows.

    Args:
        folder: where it lies; made where it is not there.
        dim: columns.
        maker: what fixes the rows, as JSON can hold it.
        title: what the rows are, for the error.

    Raises:
        HacError: the folder's rows come from another maker, or it cannot be written.
    """

    def __init__(self, folder: Path, dim: int, maker: Mapping[str, Any], title: str) -> None:
        self.folder = Path(folder)
        self.dim = dim
        self._rows = self.folder / "rows.f16"
        self._index = self.folder / "index.bin"
        self._items: dict[bytes, tuple[int, int]] = {}
        self._claim(dict(json.loads(json.dumps(maker))), title)
        self.reload()

    def find(self, source: str) -> tuple[int, int] | None:
        """First row and number of rows of a source, named by its hex SHA-256; None where it has none."""
        return self._items.get(bytes.fromhex(source))

    def rows(self) -> Rows:
        """The rows, for reading alone."""
        return Rows(self._rows, self.dim)

    def reload(self) -> tuple[int, int]:
        """Read the index anew, as far as it is whole; returns how many items that are and how many rows they have."""
        try:
            n_rows = self._rows.stat().st_size // (self.dim * ROWS.itemsize)
            content = self._index.read_bytes()
        except FileNotFoundError:
            n_rows, content = 0, b""
        items = np.frombuffer(content[: len(content) // _ITEM.itemsize * _ITEM.itemsize], dtype=_ITEM)
        ends = np.cumsum(items["rows"])
        # a machine that lost power may leave zeros in the index, or less in the file of rows than was promised
        good = (items["rows"] > 0) & (items["start"] == ends - items["rows"]) & (ends <= n_rows)
        n_good = len(good) if good.all() else int(np.argmin(good))
        names = (bytes(name) for name in items["source"][:n_good])
        places = zip(items["start"][:n_good].tolist(), items["rows"][:n_good].tolist(), strict=True)
        self._items = dict(zip(names, places, strict=True))
        return n_good, int(ends[n_good - 1]) if n_good else 0

    @contextmanager
    def writing(self, announce: Callable[[str], None] | None = None) -> Iterator[Writer]:
        """Append to the folder, alone: waits while another process does. What is appended is kept on any exit.

        Raises:
            HacError: the disk is full or the folder cannot be written; what was appended before is kept.
        """
        with _explained(self.folder), (self.folder / "lock").open("a") as lock:
            _wait_for(lock.fileno(), self.folder, announce)
            n_items, n_rows = self.reload()
            with self._rows.open("ab", buffering=0) as rows, self._index.open("ab", buffering=0) as index:
                rows.truncate(n_rows * self.dim * ROWS.itemsize)
                index.truncate(n_items * _ITEM.itemsize)
                writer = Writer(rows.fileno(), index.fileno(), self.dim, n_rows, self._items)
                try:
                    yield writer
                finally:
                    writer.commit()

    def _claim(self, maker: dict[str, Any], title: str) -> None:
        """Write `meta.json`, or check that the one there is ours."""
        path = self.folder / "meta.json"
        ours = {"format": FORMAT, "version": VERSION, "title": title, "dim": self.dim, "maker": maker}
        if not path.exists():
            self._found(path, ours)
        try:
            found = load_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise HacError(f"{path}: cannot be read as JSON ({error}); choose another folder for the cache") from error
        if not isinstance(found, dict) or found.get("format") != FORMAT or found.get("version") != VERSION:
            raise HacError(f"{path}: is no cache of version {VERSION} of this program; choose another folder")
        if found.get("maker") != maker:
            raise HacError(
                f"{self.folder}: holds the targets of {found.get('title')}, but those of {title} are wanted"
                f" ({_difference(found.get('maker'), maker)}); choose another folder, or none for one of its own"
            )

    def _found(self, path: Path, ours: dict[str, Any]) -> None:
        """Make the folder; of several processes that come at once, the first says whose it is."""
        with _explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "claim").open("a") as claim:
                fcntl.flock(claim.fileno(), fcntl.LOCK_EX)
                if path.exists():
                    return
                if self._rows.exists():
                    raise HacError(
                        f"{self.folder}: holds rows without a meta.json that says whose; choose another folder"
                    )
                write_text(path, json.dumps(ours, indent=2, ensure_ascii=False) + "\n")


class Writer:
    """Appends items; one process at a time has one."""

    def __init__(self, rows: int, index: int, dim: int, n_rows: int, items: dict[bytes, tuple[int, int]]) -> None:
        self._files = rows, index
        self._dim = dim
        self._n_rows = n_rows
        self._items = items
        self._pending: list[tuple[bytes, NDArray[np.float16]]] = []
        self._n_bytes = 0
        self._since = time.monotonic()

    def append(self, source: str, rows: NDArray[np.float16]) -> None:
        """Add the rows [n, dim] of a source, named by its hex SHA-256, unless it has some; n is at least 1."""
        name = bytes.fromhex(source)
        if name in self._items:
            return
        if rows.ndim != 2 or rows.shape[1] != self._dim or len(rows) == 0:
            raise ValueError(f"rows of shape {rows.shape}, expected [n, {self._dim}] with n at least 1")
        self._items[name] = self._n_rows, len(rows)
        self._n_rows += len(rows)
        self._pending.append((name, np.ascontiguousarray(rows, dtype=ROWS)))
        self._n_bytes += rows.nbytes
        if self._n_bytes >= COMMIT_BYTES or time.monotonic() - self._since >= COMMIT_S:
            self.commit()

    def commit(self) -> None:
        """Write what is pending: the rows first, then their names."""
        pending, self._pending, self._n_bytes, self._since = self._pending, [], 0, time.monotonic()
        if not pending:
            return
        row_file, index_file = self._files
        try:
            _write(row_file, b"".join(rows.tobytes() for _, rows in pending))
            os.fsync(row_file)
            entries = np.array([(name, *self._items[name]) for name, _ in pending], dtype=_ITEM)
            _write(index_file, entries.tobytes())
        except OSError:
            for name, _ in pending:
                del self._items[name]
            raise


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Say in one sentence why a folder cannot be written."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise HacError(
                f"{folder}: no space left on the disk for a teacher's targets; what was made is kept:"
                " free some and run the command again, or choose another folder"
            ) from error
        if error.errno in (*UNWRITABLE, errno.ENOLCK):
            raise HacError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error
        raise


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _wait_for(descriptor: int, folder: Path, announce: Callable[[str], None] | None) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if announce is not None:
            announce(f"{folder}: another process fills this cache; waiting for it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _difference(found: Any, wanted: dict[str, Any]) -> str:
    """The first settings in which two makers differ, in words."""
    flat_found, flat_wanted = _flat(found), _flat(wanted)
    keys = [key for key in {**flat_wanted, **flat_found} if flat_found.get(key) != flat_wanted.get(key)]
    shown = [f"{key} {flat_found.get(key)!r} there, {flat_wanted.get(key)!r} wanted" for key in keys[:3]]
    return "; ".join(shown)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix.rstrip("."): value}
    return {key: leaf for name, part in value.items() for key, leaf in _flat(part, f"{prefix}{name}.").items()}
