"""Work in parts: cut in order, each result once."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from hac.parallel.dask_cluster import in_order
from hac.parallel.parts import cut, run_parts

SECONDS = st.lists(st.integers(0, 30), max_size=20)


@given(SECONDS, st.integers(1, 60), st.none() | st.integers(1, 5))
def test_parts_are_the_items_in_order_and_as_small_as_they_may_be(
    seconds: list[int], least_s: int, most: int | None
) -> None:
    parts = list(cut(seconds, float, least_s, most))
    assert [item for part in parts for item in part] == seconds
    for part in parts:
        assert part and len(part) <= (most or len(part))
        assert sum(part[:-1]) < least_s
    for part in parts[:-1]:
        assert sum(part) >= least_s or len(part) == most


@dataclass(frozen=True)
class Numbered:
    number: int
    seconds: float = 1.5


def squared(part: Numbered, add: int) -> int:
    return part.number**2 + add


def test_every_part_is_done_once() -> None:
    parts = [Numbered(i) for i in range(5)]
    for jobs in (1, 2):
        found = run_parts(squared, parts, 7, total_s=100.0, jobs=jobs, description="squaring")
        assert sorted(found) == [i * i + 7 for i in range(5)]
    assert list(run_parts(squared, parts[:0], 7, total_s=0.0, jobs=2, description="squaring")) == []


@given(st.permutations(range(8)))
def test_results_come_in_order_as_soon_as_they_can(order: list[int]) -> None:
    arrived: list[int] = []

    def arriving():
        for i in order:
            arrived.append(i)
            yield i, str(i)

    for n, (i, result) in enumerate(in_order(arriving())):
        assert (i, result) == (n, str(n))
        assert len(arrived) == max(order.index(j) for j in range(n + 1)) + 1
