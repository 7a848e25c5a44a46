"""Work cut into parts, each done once, in processes or on the cluster in use.

Whoever calls writes what a part gives to files that are named by all that it depends on, and renamed into place when
they are whole. So a killed run loses at most a part per process, and the next one leaves out what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from hac.console import progress
from hac.parallel.pool import parallel_map

T = TypeVar("T")
R = TypeVar("R")

IDLE_S = 10
"""Seconds after which a worker process without work ends itself: it would otherwise hold a model in memory for minutes
after the process that started it was killed."""


class Part(Protocol):
    """What is done as one."""

    @property
    def seconds(self) -> float:
        """Of audio, for the progress bar."""
        ...


P = TypeVar("P", bound=Part)


def cut(
    items: Iterable[T], seconds: Callable[[T], float], least_s: float, most: int | None = None
) -> Iterator[tuple[T, ...]]:
    """Items in their order, in groups of at least `least_s` seconds or of `most` items (the last may be smaller)."""
    group: list[T] = []
    group_s = 0.0
    for item in items:
        group.append(item)
        group_s += seconds(item)
        if group_s >= least_s or len(group) == most:
            yield tuple(group)
            group, group_s = [], 0.0
    if group:
        yield tuple(group)


def run_parts(
    call: Callable[..., R],
    missing: Sequence[P],
    *arguments: Any,
    total_s: float,
    jobs: int,
    description: str,
) -> Iterator[R]:
    """Results of `call(part, *arguments)` for every part, as they are done.

    Args:
        call: a function that can be pickled.
        missing: the parts that are not there yet.
        total_s: seconds of audio in all parts.
    """
    with progress(f"{description} (s of audio)", total=round(total_s)) as advance:
        advance(round(total_s) - sum(round(part.seconds) for part in missing))
        tasks = ((call, part, *arguments) for part in missing)
        # one part is done here: a process would only load the model a second time
        for seconds, result in parallel_map(
            _timed, tasks, jobs=jobs if len(missing) > 1 else 1, idle_worker_timeout=IDLE_S
        ):
            yield result
            advance(round(seconds))


def _timed(call: Callable[..., R], part: Part, *arguments: Any) -> tuple[float, R]:
    return part.seconds, call(part, *arguments)
