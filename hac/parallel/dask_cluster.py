"""Work on other machines: a Dask cluster that is there or that a batch system starts.

All machines must see the same files under the same paths, and have the same versions; both are checked in every
worker, also in those that join late. A worker that is lost loses nothing but time: Dask gives its tasks to others.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from hac.errors import HacError
from hac.files.parsing import load_json
from hac.parallel import pool
from hac.parallel.dask_tasks import Packer, environment_of, run_packed

T = TypeVar("T")

CONNECT_S = 15
WORKERS_S = 60.0
"""Seconds within which a cluster that is there must have its first worker."""
FILES_S = 90.0
"""Seconds within which a file must be seen on every machine: network file systems remember for a while what was not."""


@contextmanager
def on_cluster(where: str | None, output: Path) -> Iterator[None]:
    """Spread work over a cluster inside the `with` block; over processes here where `where` is None.

    Args:
        where: address of a Dask scheduler, its scheduler file (`.json`), or a batch system's file (`.yaml`).
        output: what the work will write, on a file system that all machines share.

    Raises:
        HacError: no such cluster, no worker, workers of several threads, or packages are missing.
    """
    if where is None:
        yield
        return
    with _client(where) as client, _shared_folder(output) as folder, pool.using(Cluster(client, folder)):
        yield


class Cluster:
    """A Dask cluster behind the `hac.parallel.pool.Cluster` protocol; all see `folder`, for what many tasks need."""

    def __init__(self, client: Any, folder: Path) -> None:
        self._client = client
        self._environment = environment_of(folder)

    def results(self, call: Callable[..., T], tasks: pool.Tasks, *, ordered: bool, single_thread: bool) -> Iterator[T]:
        """See `hac.parallel.pool.parallel_map`; everything is handed out at once: late workers find something to do."""
        numbered: Iterator[tuple[int, T]] = self._numbered(call, tasks, single_thread)
        return (result for _, result in (in_order(numbered) if ordered else numbered))

    def _numbered(self, call: Callable[..., T], tasks: pool.Tasks, single_thread: bool) -> Iterator[tuple[int, T]]:
        """Number and result of every task, as they are done."""
        from distributed import CancelledError, KilledWorker, as_completed

        packer = Packer(call, Path(self._environment.folder))
        packed = [packer.pack(task) for task in tasks]
        try:
            self._client.wait_for_workers(1, timeout=WORKERS_S)
        except TimeoutError as error:
            raise _gone(" ".join(str(error).split())[:200]) from error
        run = partial(run_packed, self._environment, packer.call, single_thread=single_thread)
        number = {future: i for i, future in enumerate(self._client.map(run, packed, pure=False))}
        done = as_completed(list(number), loop=self._client.loop, with_results=True)  # type: ignore[no-untyped-call]
        try:
            for future, result in done:
                if isinstance(result, CancelledError):
                    raise _gone("its scheduler does not answer any more")
                yield number.pop(future), result
        except KilledWorker as error:
            raise HacError(
                f"a task ended {error.allowed_failures + 1} workers of the cluster, one after the other: is their "
                "memory too small? What was finished is kept, the same command goes on from there"
            ) from error
        finally:
            for future in number:  # nobody waits for them any more
                future.release()

    def everywhere(self, call: Callable[[], Any]) -> None:
        """Call a function in every process of the cluster; one that is just leaving is no trouble."""
        self._client.run(call, on_error="ignore")

    def wait_for(self, paths: Iterable[Path]) -> None:
        """Wait until files are seen here."""
        until = time.monotonic() + FILES_S
        for path in paths:
            while not path.exists():
                if time.monotonic() > until:
                    raise HacError(f"{path}: a worker wrote it, but it is not seen here; do all share this folder?")
                time.sleep(0.5)


def in_order(numbered: Iterable[tuple[int, T]]) -> Iterator[tuple[int, T]]:
    """Numbered results 0, 1, 2, ..., each as soon as those before it are there."""
    early: dict[int, T] = {}
    n = 0
    for i, result in numbered:
        early[i] = result
        while n in early:
            yield n, early.pop(n)
            n += 1


def _gone(reason: str) -> HacError:
    return HacError(
        f"the cluster is gone ({reason}); start it again: what was finished is kept, the same command goes on from "
        "there"
    )


@contextmanager
def _client(where: str) -> Iterator[Any]:
    """A client of the cluster, with its first worker there."""
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise HacError(f"--cluster needs Dask ({error}): pip install 'hac-codec[cluster]'") from error
    # a lost worker is no news, and a lost scheduler is told in our words; Dask gives some loggers levels of their own
    for name in [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "distributed"]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    suffix = Path(where).suffix
    if suffix in (".yaml", ".yml"):
        from hac.parallel.job_queue import started

        with started(Path(where)) as (system, wait_s), distributed.Client(system, set_as_default=False) as client:
            _first_worker(client, where, wait_s)
            yield client
        return
    address = _address_in(Path(where)) if suffix == ".json" else where
    try:
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise HacError(
            f"--cluster {where}: no Dask scheduler answers there ({' '.join(str(error).split())[:200]}); expected an "
            "address such as tcp://host:8786, a scheduler file (.json) or a batch system's file (.yaml)"
        ) from error
    with client:
        _first_worker(client, where, WORKERS_S)
        yield client


def _address_in(path: Path) -> str:
    """The address in a scheduler file."""
    try:
        return str(load_json(path.read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HacError(
            f"--cluster {path}: no scheduler file; expected what `dask scheduler --scheduler-file` writes"
        ) from error


def _first_worker(client: Any, where: str, wait_s: float) -> None:
    try:
        client.wait_for_workers(1, timeout=wait_s)
    except TimeoutError as error:
        raise HacError(
            f"--cluster {where}: no worker came within {wait_s:g} s; start some with `dask worker`, or look at "
            "the batch system's queue"
        ) from error
    for address, n in client.nthreads().items():
        if n != 1:
            raise HacError(
                f"--cluster {where}: worker {address} has {n} threads, and work needs one a process; start workers with"
                " `dask worker --nworkers N --nthreads 1`"
            )


@contextmanager
def _shared_folder(output: Path) -> Iterator[Path]:
    """A folder of this run beside what it writes, gone afterwards."""
    above = next(folder for folder in Path(output).absolute().parents if folder.is_dir())
    if not os.access(above, os.W_OK):
        raise HacError(f"{above}: cannot be written; choose another folder with -o")
    folder = Path(tempfile.mkdtemp(prefix=".hac-cluster-", dir=above))
    try:
        folder.chmod(0o755)  # workers may run as another user
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
