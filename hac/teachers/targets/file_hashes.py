"""Hashes of files by their content, remembered by name, size and time: ten thousand hours are not read at every start.

A text file that only grows, one line a file: SHA-256, size in bytes, time of change in nanoseconds, and the path as
JSON, tab-separated. A line that was cut short is passed over, and the newest line of a path counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from hac.files.atomic import sha256_file
from hac.files.parsing import load_json

Stamp = tuple[int, int]


class FileHashes:
    """Hashes known from earlier runs, in a text file that need not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        self._known: dict[str, tuple[str, Stamp]] = {}
        self._stream: TextIO | None = None
        self._load()

    def known(self, file: Path) -> str | None:
        """Hash of a file, if it has not changed since it was taken; None where that is not known."""
        entry = self._known.get(_name(file))
        if entry is None:
            return None
        try:
            return entry[0] if entry[1] == _stamp(file) else None
        except OSError:
            return None

    def get(self, file: Path) -> str:
        """Hash of a file, read where it is not known.

        Raises:
            OSError: it cannot be read.
        """
        return self.known(file) or self._read(file)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Keep what `get` reads meanwhile; for one process at a time, which first learns what others have kept."""
        self._load()
        with self._path.open("a+", encoding="utf-8", newline="\n", buffering=1) as stream:
            if stream.tell():
                stream.write("\n")  # ends a line that was cut short
            self._stream = stream
            try:
                yield
            finally:
                self._stream = None

    def _read(self, file: Path) -> str:
        stamp, name = _stamp(file), _name(file)
        digest = sha256_file(file)
        self._known[name] = digest, stamp
        if self._stream is not None:
            self._stream.write(f"{digest}\t{stamp[0]}\t{stamp[1]}\t{json.dumps(name)}\n")
        return digest

    def _load(self) -> None:
        if self._path.exists():
            with self._path.open(encoding="utf-8", errors="replace") as stream:
                for line in stream:
                    self._take(line)

    def _take(self, line: str) -> None:
        try:
            digest, size, time_ns, name = line.rstrip("\n").split("\t")
            if line.endswith("\n") and len(bytes.fromhex(digest)) == 32:
                self._known[str(load_json(name))] = digest, (int(size), int(time_ns))
        except ValueError:
            pass


def _stamp(file: Path) -> Stamp:
    """Size and time of change; taken before the file is read, so that a change meanwhile is noticed."""
    stat = Path(file).stat()
    return stat.st_size, stat.st_mtime_ns


def _name(file: Path) -> str:
    return str(Path(file).absolute())
