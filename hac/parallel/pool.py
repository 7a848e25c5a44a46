"""The one seam through which work is spread: over processes of this machine, or over a cluster that is in use.

Results depend on neither, nor on how many there are: tasks are cut without looking at the processes, and where bits
depend on threads every task computes in one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Tasks = Iterable[tuple[Any, ...]]


class Cluster(Protocol):
    """Other machines; see `hac.parallel.dask_cluster`."""

    def results(self, call: Callable[..., T], tasks: Tasks, *, ordered: bool, single_thread: bool) -> Iterator[T]:
        """Results of `call(*task)`, as `parallel_map` gives them."""
        ...

    def everywhere(self, call: Callable[[], Any]) -> None:
        """Call a function in every process of the cluster."""
        ...

    def wait_for(self, paths: Iterable[Path]) -> None:
        """Wait until files that other machines wrote are seen here."""
        ...


_in_use: list[Cluster | None] = []


@contextmanager
def using(cluster: Cluster) -> Iterator[None]:
    """Spread over this cluster inside the `with` block."""
    _in_use.append(cluster)
    try:
        yield
    finally:
        _in_use.pop()


@contextmanager
def here() -> Iterator[None]:
    """Spread over processes of this machine inside the `with` block: for work on files that only it sees."""
    _in_use.append(None)
    try:
        yield
    finally:
        _in_use.pop()


def _cluster() -> Cluster | None:
    return _in_use[-1] if _in_use else None


def on_cluster() -> bool:
    """Whether work is spread over a cluster now."""
    return _cluster() is not None


def parallel_map(
    call: Callable[..., T],
    tasks: Tasks,
    *,
    jobs: int,
    ordered: bool = False,
    single_thread: bool = False,
    **loky: Any,
) -> Iterator[T]:
    """Call `call(*task)` for every task, in processes here or on the cluster in use.

    Args:
        call: a function that can be pickled.
        jobs: processes here, -1 for one per core; on a cluster every worker takes part.
        ordered: whether results come in the order of the tasks, or as they are done.
        single_thread: whether numerical libraries are held to one thread.
        loky: further options of joblib's processes here.
    """
    if cluster := _cluster():
        return cluster.results(call, tasks, ordered=ordered, single_thread=single_thread)
    from joblib import Parallel, delayed, parallel_config

    if single_thread:
        loky["inner_max_num_threads"] = 1
    with parallel_config(backend="loky", n_jobs=jobs, **loky):
        found = Parallel(return_as="generator" if ordered else "generator_unordered")(
            delayed(call)(*task) for task in tasks
        )
    return iter(found)


def everywhere(call: Callable[[], Any]) -> None:
    """Call a function in every process of the cluster in use, if there is one."""
    if cluster := _cluster():
        cluster.everywhere(call)


def wait_for(paths: Iterable[Path]) -> None:
    """Wait until files that tasks wrote are seen here; at once where there is no cluster."""
    if cluster := _cluster():
        cluster.wait_for(paths)
