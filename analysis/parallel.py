"""How analyses spread their work: over processes, threads, or the cluster in use (`hac.parallel.pool`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from hac.console import progress

T = TypeVar("T")


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    call: Callable[..., T], tasks: Sequence[tuple[Any, ...]], *, jobs: int, what: str, threads: bool = False
) -> list[T]:
    """Call `call(*task)` for every task, in processes, and return the results in the order of the tasks.

    Every call runs with one BLAS thread, so that the bits do not depend on the number of processes.

    Args:
        call: a function that can be pickled.
        tasks: its arguments; large arrays in them are shared between processes through memory maps.
        jobs: processes; 0 or less: one per core. A cluster in use takes all tasks, whatever the number of jobs.
        what: shown beside the progress bar.
        threads: in threads of this process instead: for compiled loops that let go of the interpreter, whose arrays
            then need no copies.
    """
    from joblib import Parallel, delayed, parallel_config
    from threadpoolctl import threadpool_limits

    from hac.parallel.pool import on_cluster, parallel_map

    jobs = min(jobs if jobs > 0 else cores(), max(1, len(tasks)))
    with progress(what, len(tasks)) as advance:
        here = not on_cluster()
        if here and jobs == 1:
            with threadpool_limits(1):
                return _collect((call(*task) for task in tasks), advance)
        if here and threads:
            with threadpool_limits(1), parallel_config(backend="threading", n_jobs=jobs):
                return _collect(Parallel(return_as="generator")(delayed(call)(*task) for task in tasks), advance)
        found = parallel_map(call, tasks, jobs=jobs, ordered=True, single_thread=True, max_nbytes="1M")
        return _collect(found, advance)


def _collect(results: Iterable[T], advance: Callable[[int], None]) -> list[T]:
    done = []
    for result in results:
        done.append(result)
        advance(1)
    return done
