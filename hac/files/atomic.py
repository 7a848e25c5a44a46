"""Writing files so that nothing is ever half-written, and knowing which file it was."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hac.errors import HacError

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a full disk, a used-up quota, and a limit on the size of files."""
UNWRITABLE = (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST)
"""Errors of a place where nothing may be written, or where something else stands."""

_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}\.part")


@contextmanager
def explained(
    place: Path,
    full: str = "; free some or choose another folder with -o",
    unwritable: str = "; choose another folder with -o",
) -> Iterator[None]:
    """Say in one sentence why a place cannot be written.

    Args:
        place: named in the sentence.
        full: end of the sentence where the disk is full.
        unwritable: its end where nothing may be written there, or something else stands.

    Raises:
        HacError: instead of such an `OSError`; any other one is handed on.
    """
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise HacError(f"{place}: no space left on the disk{full}") from error
        if error.errno in UNWRITABLE:
            raise HacError(f"{place}: cannot be written ({error.strerror}){unwritable}") from error
        raise


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it to `path` on success, remove it on any failure.

    Raises:
        HacError: the folder cannot be written or the disk is full.
    """
    with explained(path), renamed(Path(path)) as temporary:
        yield temporary


@contextmanager
def renamed(path: Path) -> Iterator[Path]:
    """As `atomic_path`, for a caller that has words of its own for an `OSError`."""
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:80]}.", suffix=".part", dir=path.parent)
        os.close(descriptor)
        temporary = Path(name)
        temporary.chmod(0o666 & ~_umask())
        yield temporary
        temporary.replace(path)
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def is_leftover(name: str) -> bool:
    """Whether a file has a name that `atomic_path` gives for the time of writing; a killed process leaves it."""
    return _TEMPORARY.fullmatch(name) is not None


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove the temporary files that `atomic_path` left of these files where a run was killed."""
    starts: dict[Path, set[str]] = {}
    for path in paths:
        starts.setdefault(path.parent, set()).add(f".{path.name[:80]}")
    for folder, wanted in starts.items():
        for other in folder.glob(".*.part"):  # one look at a folder, however many files are asked for
            if is_leftover(other.name) and other.name.rsplit(".", 2)[0] in wanted:
                other.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically, with plain newlines on every system."""
    with atomic_path(path) as temporary:
        # half a surrogate pair is legal in JSON and in file names, but not in UTF-8
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def write_tensors(path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file atomically; same arrays, same bytes (but several keys of metadata have no order)."""
    from safetensors.numpy import save

    with atomic_path(path) as temporary:
        # its `save_file` has an error of its own for a full disk
        temporary.write_bytes(save(dict(tensors), None if metadata is None else dict(metadata)))


def distinct(names: Iterable[str]) -> list[str]:
    """File names made different where two are alike, also where capitals do not count: `-2`, `-3`, ... end them."""
    made: list[str] = []
    taken: set[str] = set()
    for first in names:
        name, n = first, 2
        while name.casefold() in taken:
            name, n = f"{first}-{n}", n + 1
        taken.add(name.casefold())
        made.append(name)
    return made


def user_cache(*parts: str) -> Path:
    """A place in the user's cache: below `$XDG_CACHE_HOME/hac`, else `~/.cache/hac`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(Path(base) if base else Path.home() / ".cache", "hac", *parts)


def real(path: Path) -> Path:
    """The path behind all symbolic links; `Path.resolve` has an error of its own for a link to itself."""
    return Path(os.path.realpath(path))


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, read in blocks."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
