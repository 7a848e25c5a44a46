"""Random numbers of nulls: a stream for each purpose, seed and draw."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from probes.nulls.random_streams import permutation_within, random_keys, random_stream


def test_no_two_purposes_draws_or_seeds_share_a_stream() -> None:
    each = [(purpose, draw, seed) for purpose in ("words", "labels") for draw in range(4) for seed in (0, 1, 1 << 70)]
    assert len({random_stream(*one).random() for one in each}) == len(each)
    assert len({random_keys(one[0], ["a"], *one[1:])[0] for one in each}) == len(each)
    assert random_stream("words", 1, 0).random() == random_stream("words", 1, 0).random()


@given(st.lists(st.text(max_size=5), unique=True), st.integers(0, 9))
def test_keys_depend_on_the_id_alone(ids: list[str], draw: int) -> None:
    keys = random_keys("words", ids, draw, 0)
    assert len(set(keys.tolist())) == len(ids)
    assert random_keys("words", ids[::-1], draw, 0)[::-1].tolist() == keys.tolist()


@given(st.lists(st.integers(-3, 3), max_size=40))
def test_a_permutation_keeps_groups(groups: list[int]) -> None:
    where = np.array(groups, np.int64)
    order = permutation_within(where, np.random.default_rng(0))
    assert sorted(order.tolist()) == list(range(len(groups)))
    assert (where[order] == where).all()


def test_every_place_of_a_group_is_as_likely() -> None:
    rng = np.random.default_rng(0)
    groups = np.array([1, 0, 1, 1])
    found = np.array([permutation_within(groups, rng) for _ in range(3000)])
    assert (found[:, 1] == 1).all()
    for place in (0, 2, 3):
        assert np.abs(np.bincount(found[:, place], minlength=4)[[0, 2, 3]] - 1000).max() < 150
