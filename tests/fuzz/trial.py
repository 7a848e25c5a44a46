"""One spoilt folder read: what came out of it, where that is not one of our own errors."""

from __future__ import annotations

import resource
import shutil
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hac.errors import HacError
from tests.fuzz.readers import Reader

ROOT = Path(__file__).parents[2]
SLOW_S = 5.0
"""Reading a few kilobytes takes no longer, whatever is in them."""
SPARE_BYTES = 3 << 30
"""Memory that a reader may take beyond what the process has: a file of kilobytes is no reason for gigabytes."""


@dataclass(frozen=True)
class Finding:
    """Something else than one of our own errors.

    Attributes:
        kind: the exception's name, or `slow`.
        place: the innermost of our own lines in its way.
        text: the traceback.
    """

    kind: str
    place: str
    text: str


class Bench:
    """A folder in which a reader's files are spoilt, one at a time, and mended again.

    Args:
        reader: what is tried.
        folder: an empty folder.
    """

    def __init__(self, reader: Reader, folder: Path) -> None:
        self.reader = reader
        self.folder = folder
        self._aside = folder.with_name(f"{folder.name}-sound")
        folder.mkdir(parents=True, exist_ok=True)
        reader.make(folder)
        shutil.copytree(folder, self._aside)
        self.sound = {name: (folder / name).read_bytes() for name in reader.files}

    def read(self) -> Finding | None:
        """Read the folder as it is."""
        start = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                self.reader.read(self.folder)
        except HacError as error:
            str(error)
        except Exception as error:
            return Finding(type(error).__name__, _place(error), traceback.format_exc()[-6000:])
        used = time.process_time() - start
        return Finding("slow", self.reader.name, f"{used:.1f} s") if used > SLOW_S else None

    def read_with(self, name: str, content: bytes) -> Finding | None:
        """Read the folder with one file's content replaced."""
        (self.folder / name).write_bytes(content)
        try:
            return self.read()
        finally:
            self.mend()

    def mend(self) -> None:
        """The folder as it was made."""
        for name, content in self.sound.items():
            path = self.folder / name
            if path.is_dir() or path.is_symlink() or not path.exists() or path.read_bytes() != content:
                self._renew()
                return

    def _renew(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self._aside, self.folder)


def _place(error: BaseException) -> str:
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_ours(frame.filename)]
    return f"{Path(ours[-1].filename).relative_to(ROOT)}:{ours[-1].name}" if ours else "elsewhere"


def _is_ours(file: str) -> bool:
    path = Path(file)
    return path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in ("hac", "probes", "analysis", "reports")


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Within this context the process gets no more than `SPARE_BYTES` of further address space."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
