"""What is done, runs or failed, in one JSON file that can be read at any time, also while others write it.

    {"schema": ..., "version": 1, ..., "cells": {CELL: {"state": ..., "steps": {STEP: {"state": ..., "key": ...}}}}}

Every change is made under a lock and by rename, so several processes (an array of a scheduler) may share the file. A
step is finished when it is `done` under the very key it has now: a hash of the contents of everything that goes in.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hac.errors import HacError
from hac.files.atomic import sha256_file, write_text
from hac.files.output_lock import waited_for
from hac.files.parsing import load_json

VERSION = 1
LogLine = Callable[[str], None]
"""Prints a line."""
DONE, FAILED, RUNNING, STOPPED, WAITING = "done", "failed", "running", "stopped", "waiting"


class ProgressFile:
    """The file.

    Args:
        path: where it lies.
        schema: what it is; another kind of file is refused.

    Raises:
        HacError: the file is another kind of file, or cannot be read.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self.schema = schema
        self.read()

    def read(self) -> dict[str, Any]:
        """The whole content; that of a fresh file where there is none."""
        try:
            found = load_json(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {"schema": self.schema, "version": VERSION, "cells": {}}
        except (OSError, ValueError) as error:
            raise HacError(f"{self.path}: cannot be read as JSON ({error}); remove it, or give another -o") from error
        if not isinstance(found, dict) or found.get("schema") != self.schema or found.get("version") != VERSION:
            raise HacError(f"{self.path}: is no {self.schema} of version {VERSION}; give another -o")
        return found

    def describe(self, **facts: Any) -> None:
        """Set facts beside the cells."""
        with self._changing() as content:
            content.update(facts)

    def cell(self, cell: str, **facts: Any) -> None:
        """Set facts of a cell."""
        with self._changing() as content:
            _cell(content, cell).update(facts)

    def step(self, cell: str, step: str, **facts: Any) -> None:
        """Replace what is known of a step."""
        with self._changing() as content:
            _cell(content, cell)["steps"][step] = facts

    def of_step(self, cell: str, step: str) -> dict[str, Any]:
        """What is known of a step; empty: nothing."""
        return dict(self.read()["cells"].get(cell, {}).get("steps", {}).get(step, {}))

    def failed_steps(self, cell: str) -> dict[str, dict[str, Any]]:
        """What is known of the steps of a cell that failed."""
        steps = self.read()["cells"][cell]["steps"]
        return {name: step for name, step in steps.items() if step["state"] == FAILED}

    def finished(self, cell: str, step: str, key: str) -> bool:
        """Whether a step was done with the same contents."""
        known = self.of_step(cell, step)
        return bool(known.get("state") == DONE and known.get("key") == key)

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with waited_for(self.path.with_name(f".{self.path.name}.lock")):
            content = self.read()
            yield content
            write_text(self.path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def now() -> str:
    """The time, for a person who looks at the file."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def key_of(**contents: Any) -> str:
    """Hash of everything that goes into a step."""
    return hashlib.sha256(json.dumps(contents, sort_keys=True, default=str).encode()).hexdigest()


def content_of(path: Path) -> str:
    """Hash of a file's bytes, or of all files in a folder with their names.

    Raises:
        HacError: there is no such file or folder.
    """
    try:
        if not path.is_dir():
            return sha256_file(path)
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return key_of(files=[(file.relative_to(path).as_posix(), sha256_file(file)) for file in files])
    except OSError as error:
        raise HacError(f"{path}: cannot be read ({error.strerror}); expected a file or a folder") from error


@contextmanager
def locked(folder: Path) -> Iterator[int | None]:
    """Hold a folder against other processes; gives the lock's descriptor, or None where another one holds it.

    A process that inherits the descriptor holds the folder too: a training that outlives whoever started it. That is
    why this is no lock of `hac.files.output_lock`: filelock unlocks the file itself, and so for such a process too,
    where closing the descriptor leaves it locked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield lock.fileno()


def _cell(content: dict[str, Any], cell: str) -> dict[str, Any]:
    found: dict[str, Any] = content["cells"].setdefault(cell, {"state": WAITING, "steps": {}})
    return found
