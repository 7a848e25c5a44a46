"""A task on its way to a worker, and in it.

Large arguments do not travel through the scheduler: they are written once, named by the hash of their content, into a
folder that all machines share, and every worker reads them once.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import socket
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from hac.errors import HacError
from hac.files.atomic import atomic_path

PACKAGES = ("hac-codec", "numpy", "scipy", "numba", "pyarrow", "scikit-learn", "soundfile", "soxr", "torch")
"""Packages on whose version bits may depend."""
LARGE_BYTES = 1 << 20
"""Arguments of this size and more are read from the shared folder."""
SEEN_S = 60.0
"""Seconds within which a worker must see a folder that was just made."""

Packed = bytes | str
"""A pickle, or the name of the file that holds it."""

_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Environment:
    """What a worker must have in common with the process that gives out the work.

    Attributes:
        folder: seen by both.
        cwd: where relative paths begin.
        versions: of Python and `PACKAGES`.
    """

    folder: str
    cwd: str
    versions: tuple[tuple[str, str], ...]


def environment_of(folder: Path) -> Environment:
    """The environment of this process."""
    return Environment(str(folder), str(Path.cwd()), _versions())


@lru_cache(maxsize=1)
def _versions() -> tuple[tuple[str, str], ...]:
    found = [("python", ".".join(platform.python_version_tuple()[:2]))]
    for name in PACKAGES:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            found.append((name, "missing"))
    return tuple(found)


class Packer:
    """Makes tasks that can travel; `call` is a pickle."""

    def __init__(self, call: Callable[..., Any], folder: Path) -> None:
        import cloudpickle

        self._dumps = cloudpickle.dumps
        self._folder = folder
        self.call: bytes = self._dumps(call)
        # arguments stay alive here, so that no other object can take over their id
        self._written: dict[int, tuple[Any, str]] = {}

    def pack(self, task: tuple[Any, ...]) -> tuple[Packed, ...]:
        """The arguments of a task."""
        return tuple(self._pack(argument) for argument in task)

    def _pack(self, argument: Any) -> Packed:
        if id(argument) in self._written:
            return self._written[id(argument)][1]
        blob: bytes = self._dumps(argument)
        if len(blob) < LARGE_BYTES:
            return blob
        path = self._folder / f"{hashlib.sha256(blob).hexdigest()}.argument"
        if not path.exists():
            with atomic_path(path) as temporary:
                temporary.write_bytes(blob)
        self._written[id(argument)] = argument, str(path)
        return str(path)


def run_packed(environment: Environment, call: bytes, arguments: tuple[Packed, ...], single_thread: bool) -> Any:
    """Run a task in a worker: one at a time in a process, whatever its threads; in the folder of the caller.

    Raises:
        HacError: the worker has another environment.
    """
    from joblib import parallel_config
    from threadpoolctl import threadpool_limits

    with _one_at_a_time:
        _check(environment)
        os.chdir(environment.cwd)
        limits = threadpool_limits(1) if single_thread else nullcontext()
        # what a task calls must not go back to the cluster, which may wait for this very task
        with parallel_config(backend="sequential"), limits:
            return pickle.loads(call)(*(_unpack(argument) for argument in arguments))


def _unpack(argument: Packed) -> Any:
    return pickle.loads(argument) if isinstance(argument, bytes) else _read(argument)


@lru_cache(maxsize=2)
def _read(path: str) -> Any:
    _await(Path(path))
    return pickle.loads(Path(path).read_bytes())


@lru_cache(maxsize=4)
def _check(environment: Environment) -> None:
    """Refuse to work with other versions or without the files.

    Raises:
        HacError: what differs.
    """
    here = dict(_versions())
    for name, version in environment.versions:
        if here.get(name) != version:
            raise HacError(
                f"worker on {socket.gethostname()}: {name} is {here.get(name, 'missing')}, expected {version} as where "
                "the command runs; give all machines the same environment"
            )
    _await(Path(environment.folder))
    if not Path(environment.cwd).is_dir():
        raise HacError(f"worker on {socket.gethostname()} does not see {environment.cwd}; {_SHARE}")


_SHARE = "the command and all workers need the same files under the same paths, as on a shared file system"


def _await(path: Path) -> None:
    until = time.monotonic() + SEEN_S
    while not path.exists():
        if time.monotonic() > until:
            raise HacError(f"worker on {socket.gethostname()} does not see {path}; {_SHARE}")
        time.sleep(0.2)
