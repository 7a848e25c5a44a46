"""Half-precision rows on disk, found by the hash of what they belong to: a folder of parts that only ever grows.

    MAKER-SOURCES.safetensors   `rows` float16 [n, dim] of k sources, one after the other; `sources` uint8 [k, 32],
                                their SHA-256; `lengths` int64 [k], rows of each. Named by the hashes of what made the
                                rows and of the sources, so that a folder keeps several makers apart
    lock                        held while parts are added

A part is renamed into place when the disk has it, so whatever stops a process or the machine loses at most what was not
yet written; a part that cannot be read is passed over, and its rows are made again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.errors import HacError
from hac.files.atomic import explained, is_leftover, renamed, user_cache
from hac.files.output_lock import waited_for

VERSION = 2
ROWS = np.dtype("<f2")

COMMIT_BYTES = 64 << 20
COMMIT_S = 60.0
"""A part is written when it has so many bytes, or when the last one was written so long ago: what a kill can lose."""
OPEN_PARTS = 256
"""Parts that a process keeps mapped into memory."""

Place = tuple[int, int, int]
"""Number of a part, first row in it, number of rows."""


def maker_key(maker: Mapping[str, Any]) -> str:
    """Hash of what fixes the rows, given as JSON can hold it."""
    return hashlib.sha256(json.dumps({"version": VERSION, **maker}, sort_keys=True).encode()).hexdigest()[:16]


def default_folder(name: str, maker: Mapping[str, Any]) -> Path:
    """A folder of its own for what `maker` makes: in `$XDG_CACHE_HOME/hac/teachers`, else `~/.cache/hac/teachers`."""
    plain = re.sub(r"[^\w.-]", "_", name)
    return user_cache("teachers", f"{plain}-{maker_key(maker)}")


class RowStore:
    """What one maker has made in a folder.

    Args:
        folder: where the parts lie; it need not be there yet.
        maker: what fixes the rows, as JSON can hold it.

    Attributes:
        parts: files of rows.
        places: where the rows of a source lie, by its hex SHA-256.
    """

    def __init__(self, folder: Path, dim: int, maker: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        self.dim = dim
        self.parts: list[Path] = []
        self.places: dict[str, Place] = {}
        self._maker = maker
        self.reload()

    def reload(self) -> None:
        """Find the parts that other processes have added."""
        for path in sorted(set(self.folder.glob(f"{maker_key(self._maker)}-*.safetensors")) - set(self.parts)):
            self._add(path)

    @contextmanager
    def writing(self, announce: Callable[[str], None] = lambda _: None) -> Iterator[Writer]:
        """Add rows, alone: waits while another process does. What is added is kept on any exit.

        Raises:
            HacError: the disk is full or the folder cannot be written; what was added before is kept.
        """
        busy = f"{self.folder}: another process fills this cache; waiting for it"
        with _explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with waited_for(self.folder / "lock", lambda: announce(busy)):
                for path in filter(lambda path: is_leftover(path.name), self.folder.iterdir()):
                    path.unlink()
                self.reload()
                writer = Writer(self)
                try:
                    yield writer
                finally:
                    writer.commit()

    def write_part(self, rows: Mapping[str, NDArray[np.float16]]) -> None:
        """Write rows [n, dim] by source as a part."""
        from safetensors.numpy import save

        sources = b"".join(bytes.fromhex(source) for source in rows)
        tensors: dict[str, NDArray[Any]] = {
            "rows": np.concatenate(list(rows.values())).astype(ROWS),
            "sources": np.frombuffer(sources, np.uint8).reshape(-1, 32),
            "lengths": np.array([len(each) for each in rows.values()], np.int64),
        }
        name = f"{maker_key(self._maker)}-{hashlib.sha256(sources).hexdigest()[:32]}.safetensors"
        with renamed(self.folder / name) as temporary, temporary.open("wb") as stream:
            stream.write(save(tensors, {"maker": json.dumps(self._maker)}))
            stream.flush()
            os.fsync(stream.fileno())
        self._add(self.folder / name)

    def _add(self, path: Path) -> None:
        """Take up a part, unless it is not whole."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as part:
                sources, lengths = part.get_tensor("sources"), part.get_tensor("lengths")
                shape = tuple(part.get_slice("rows").get_shape())
        except (OSError, SafetensorError):
            return
        if sources.shape != (len(lengths), 32) or (lengths < 1).any() or shape != (lengths.sum(), self.dim):
            return
        starts = np.cumsum(lengths) - lengths
        for source, start, n_rows in zip(sources, starts.tolist(), lengths.tolist(), strict=True):
            self.places[source.tobytes().hex()] = len(self.parts), start, n_rows
        self.parts.append(path)


class Writer:
    """Gathers rows into parts; one process at a time has one."""

    def __init__(self, store: RowStore) -> None:
        self._store = store
        self._pending: dict[str, NDArray[np.float16]] = {}
        self._n_bytes = 0
        self._since = time.monotonic()

    def __contains__(self, source: str) -> bool:
        """Whether a source has rows, be they written or not."""
        return source in self._pending or source in self._store.places

    def append(self, source: str, rows: NDArray[np.float16]) -> None:
        """Add the rows [n, dim] of a source, named by its hex SHA-256, unless it has some; n is at least 1."""
        if source in self:
            return
        if rows.ndim != 2 or rows.shape[1] != self._store.dim or len(rows) == 0:
            raise ValueError(f"rows of shape {rows.shape}, expected [n, {self._store.dim}] with n at least 1")
        self._pending[source] = rows
        self._n_bytes += rows.nbytes
        if self._n_bytes >= COMMIT_BYTES or time.monotonic() - self._since >= COMMIT_S:
            self.commit()

    def commit(self) -> None:
        """Write what is pending."""
        pending, self._pending, self._n_bytes, self._since = self._pending, {}, 0, time.monotonic()
        if pending:
            self._store.write_part(pending)


class StoredTargets:
    """Targets of utterances whose rows lie in a store. Goes to other processes without them.

    Args:
        sources: hex SHA-256 of each utterance's source, by id.

    Attributes:
        ids: the utterances, in the order of `sources`.
    """

    def __init__(self, store: RowStore, sources: Mapping[str, str]) -> None:
        self.dim = store.dim
        self.ids = tuple(sources)
        self.folder = store.folder
        self._parts = tuple(store.parts)
        self._position = {id: position for position, id in enumerate(sources)}
        self._places = np.array([store.places[source] for source in sources.values()], np.int64).reshape(-1, 3)

    def __contains__(self, id: object) -> bool:
        """Whether an utterance has a target."""
        return id in self._position

    def place(self, id: str) -> Place:
        """Where the rows of an utterance lie.

        Raises:
            KeyError: it has no target.
        """
        part, start, n_rows = self._places[self._position[id]].tolist()
        return part, start, n_rows

    def content(self, id: str) -> Hashable:
        """Equal for utterances of the same source."""
        return self.place(id)[:2]

    def rows(self, id: str) -> NDArray[np.float16]:
        """The rows of an utterance, float16 [n, dim]."""
        part, start, n_rows = self.place(id)
        found: NDArray[np.float16] = _mapped(self._parts[part])[start : start + n_rows]
        return found


@lru_cache(maxsize=OPEN_PARTS)
def _mapped(path: Path) -> Any:
    """The rows of a part, which stay on the disk until they are asked for."""
    from safetensors import safe_open

    part: Any = safe_open(path, framework="numpy")
    return part.get_slice("rows")


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Say in one sentence why a folder cannot be written."""
    kept = " for a teacher's targets; what was made is kept: free some and run the command again"
    try:
        with explained(folder, f"{kept}, or choose another folder", "; choose another folder"):
            yield
    except OSError as error:
        if error.errno == errno.ENOLCK:
            raise HacError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error
        raise
