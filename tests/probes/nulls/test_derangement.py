"""Nulls: whom each utterance is held against, never itself."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hac.data.tokens.token_store import Stream
from probes.nulls.derangement import cycle, deranged_codes, derangement, length_blocks


@given(n=st.integers(2, 40), draw=st.integers(1, 5), seed=st.integers(0, 5))
def test_a_derangement_is_one_cycle_and_knows_no_order(n: int, draw: int, seed: int) -> None:
    ids = [f"utt-{i}" for i in range(n)]
    others = derangement(ids, draw, seed)
    assert sorted([0, *cycle(others, 0)]) == list(range(n))
    assert others[list(cycle(others, 0))[-1]] == 0
    back = derangement(ids[::-1], draw, seed)
    assert [n - 1 - int(v) for v in back[::-1]] == others.tolist()


def test_draws_and_seeds_differ() -> None:
    ids = [f"utt-{i}" for i in range(30)]
    assert len({derangement(ids, draw, seed).tobytes() for draw in range(1, 5) for seed in range(3)}) == 12


def test_a_derangement_is_the_same_on_every_machine() -> None:
    assert derangement([f"utt-{i}" for i in range(8)], 1, 0).tolist() == [7, 3, 4, 6, 0, 2, 5, 1]


@given(groups=st.lists(st.integers(-2, 3), max_size=30), draw=st.integers(1, 5))
def test_a_derangement_stays_in_its_groups(groups: list[int], draw: int) -> None:
    others = derangement([f"utt-{i}" for i in range(len(groups))], draw, 0, np.array(groups, np.int64))
    for u, other in enumerate(others.tolist()):
        members = [v for v, group in enumerate(groups) if group == groups[u]]
        assert sorted([u, *cycle(others, u)]) == members
        assert other == -1 if members == [u] else other in members and other != u


@given(lengths=st.lists(st.integers(0, 40), min_size=2, max_size=40), draw=st.integers(1, 5))
def test_utterances_of_like_length_are_a_block(lengths: list[int], draw: int) -> None:
    ids = [f"utt-{i}" for i in range(len(lengths))]
    groups = length_blocks(ids, np.array(lengths), draw, 0)
    sizes = np.bincount(groups)
    assert (sizes[:-1] == 8).all()
    assert 8 <= sizes[-1] < 16 or len(sizes) == 1
    for g in range(len(sizes) - 1):
        longest = max(n for n, group in zip(lengths, groups, strict=True) if group == g)
        assert longest <= min(n for n, group in zip(lengths, groups, strict=True) if group == g + 1)
    others = derangement(ids, draw, 0, groups)
    assert sorted(others) == list(range(len(lengths)))
    back = length_blocks(ids[::-1], np.array(lengths[::-1]), draw, 0)
    assert back[::-1].tolist() == groups.tolist()


@given(st.lists(st.integers(0, 30), min_size=2, max_size=5), st.integers(1, 3))
def test_deranged_codes_are_another_utterances(lengths: list[int], draw: int) -> None:
    rows = [[100 * u + i for i in range(n)] for u, n in enumerate(lengths)]
    whole = Stream.of_parts("units", 1000, Fraction(50), [np.array(row, np.int32) for row in rows])
    swapped = replace(whole, codes=deranged_codes([f"u{u}" for u in range(len(rows))], whole, draw, 0))
    for u, row in enumerate(rows):
        found = swapped.utterance(u).tolist()
        if not row:
            assert not found
            continue
        source = found[0] // 100
        assert (source == u) == (sum(n > 0 for n in lengths) == 1)
        assert found == [rows[source][i % len(rows[source])] for i in range(len(row))]
