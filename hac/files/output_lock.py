"""One run at a time where a command writes, by a lock of the operating system.

    OUT/.lock             while a run writes into the folder OUT
    .report.html.lock     while a run writes the file report.html beside it

The lock is `flock`'s (by filelock), so it ends with the process that holds it, however that ends: `kill -9` leaves a
file that means nothing, which the next run takes over. Whoever holds a place also knows that temporary files there are
what a killed run left, and removes them.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from hac.errors import HacError
from hac.files.atomic import explained, is_leftover, remove_leftovers

LOCK = ".lock"
DEPTH = 3
"""Folders below OUT in which commands write, at most: OUT may be a folder with a whole disk below it."""
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
"""Errors of file systems that know no locks, such as Lustre mounted without `flock`."""
_SOFT = False
"""filelock's own substitute for `flock` would outlive a killed process."""


@contextmanager
def locked(folders: Sequence[Path] = (), files: Sequence[Path] = ()) -> Iterator[None]:
    """Hold the places that a command writes, against other processes.

    Args:
        folders: made where they are missing; removed again where nothing was put into them.
        files: single files; others beside them are free.

    Raises:
        HacError: another process holds one of them, or it cannot be written.
    """
    with ExitStack() as stack:
        for place, lock in [(p, Path(p) / LOCK) for p in folders] + [(p, _beside(Path(p))) for p in files]:
            stack.enter_context(_made(lock.parent))
            stack.enter_context(_held(Path(place), lock))
        for folder in folders:
            _tidy(Path(folder))
        remove_leftovers(Path(file) for file in files)
        yield


@contextmanager
def waited_for(lock: Path, announce: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock file, which stays: who waits has it open; wait where another process holds it, and `announce` that.

    Raises:
        OSError: it cannot be written.
    """
    from filelock import FileLock, Timeout

    held = FileLock(lock, fallback_to_soft=_SOFT)
    try:
        held.acquire(blocking=False)
    except Timeout:
        announce()
        held.acquire()
    try:
        yield
    finally:
        held.release()


def _beside(file: Path) -> Path:
    return file.with_name(f".{file.name[:80]}{LOCK}")


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """The folder; gone again afterwards where it was made for nothing."""
    missing = []
    above = folder
    while not above.exists():
        missing.append(above)
        above = above.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HacError(f"{folder}: cannot be written ({error.strerror}); choose another folder with -o") from error
    try:
        yield
    finally:
        with suppress(OSError):  # something is in it
            for path in missing:
                path.rmdir()


@contextmanager
def _held(place: Path, lock: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    held = FileLock(lock, fallback_to_soft=_SOFT)
    try:
        with explained(place):
            held.acquire(blocking=False)
    except Timeout:
        raise HacError(
            f"{place}: another run is writing there ({_holder(lock)}); wait until it ends, or give another -o"
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        print(f"warning: {place}: its file system knows no locks; see that no other run writes there", file=sys.stderr)
        yield
        return
    try:
        with suppress(OSError):  # a full disk: only the sentence above is poorer
            lock.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
        yield
    finally:
        # before it is let go: who opened it meanwhile sees that it has no name any more, and opens a new one
        lock.unlink(missing_ok=True)
        held.release()


def _holder(lock: Path) -> str:
    try:
        return lock.read_text(encoding="utf-8", errors="replace").strip()[:200] or "it has just begun"
    except OSError:
        return "its process is not known"


def _tidy(folder: Path) -> None:
    """Remove temporary files of a killed run; folders in it that another run holds are left alone."""
    for inside, names, found in os.walk(folder):
        place = Path(inside)
        if (place != folder and LOCK in found) or len(place.relative_to(folder).parts) == DEPTH:
            names.clear()
        if place == folder or LOCK not in found:
            for name in filter(is_leftover, found):
                Path(inside, name).unlink(missing_ok=True)
