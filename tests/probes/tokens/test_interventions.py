"""Interventions as pure functions: what they change, what they leave alone, and that chance is a function of ids."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import HacError
from probes.tokens.interventions import (
    PARTNERS,
    choose_levels,
    choose_partners,
    levels_of,
    only,
    shuffled,
    swapped,
    tiled,
    without,
)

NAMES = ("acoustic.0", "acoustic.1", "phonetic")


def store_of(rows: list[list[list[int]]], names: tuple[str, ...] = NAMES) -> TokenStore:
    """Utterances as lists of streams as lists of codes."""
    bounds = np.concatenate([[0], np.cumsum([len(row[0]) for row in rows])]).astype(np.int64)
    streams = {
        name: Stream(name, 8, Fraction(50), np.array([c for row in rows for c in row[k]], np.int32), bounds)
        for k, name in enumerate(names)
    }
    return TokenStore(tuple(f"utt-{u}" for u in range(len(rows))), streams, {"tokenizer": "made up"})


@st.composite
def stores(draw: st.DrawFn) -> TokenStore:
    lengths = draw(st.lists(st.integers(0, 12), min_size=1, max_size=5))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    return store_of([[rng.integers(0, 3, n).tolist() for _ in NAMES] for n in lengths])


def frames(store: TokenStore, u: int, names: tuple[str, ...]) -> list[tuple[int, ...]]:
    return list(zip(*(store[name].utterance(u).tolist() for name in names), strict=True))


def runs(row: list[tuple[int, ...]]) -> list[tuple[tuple[int, ...], int]]:
    return [(code, len(list(same))) for code, same in groupby(row)]


def equal(one: TokenStore, other: TokenStore) -> bool:
    return one.ids == other.ids and all(
        np.array_equal(one[name].codes, other[name].codes) and np.array_equal(one[name].bounds, other[name].bounds)
        for name in one.streams
    )


@given(store=stores(), seed=st.integers(0, 3))
def test_a_shuffle_keeps_frames_and_the_other_streams_and_moves_runs_whole(store: TokenStore, seed: int) -> None:
    level = ("acoustic.0", "acoustic.1")
    made = shuffled(store, level, seed)
    assert np.array_equal(made["phonetic"].codes, store["phonetic"].codes)
    for u in range(len(store)):
        before, after = runs(frames(store, u, level)), frames(made, u, level)
        assert Counter(after) == Counter(frames(store, u, level))
        # two runs of one code may meet; each old run still lies somewhere as a whole
        longest = {code: max(n for c, n in before if c == code) for code, _ in before}
        assert all(any(c == code and n >= m for c, n in runs(after)) for code, m in longest.items())
        assert len(runs(after)) <= len(before)
    assert equal(made, shuffled(store, level, seed))


def test_a_shuffle_depends_on_the_seed_and_the_id_alone() -> None:
    rng = np.random.default_rng(0)
    store = store_of([[rng.integers(0, 8, 60).tolist() for _ in NAMES] for _ in range(3)])
    whole = shuffled(store, ("phonetic",), 1)
    assert not equal(whole, store)
    assert not equal(whole, shuffled(store, ("phonetic",), 2))
    part = shuffled(store.select(["utt-2", "utt-0"]), ("phonetic",), 1)
    assert np.array_equal(part["phonetic"].utterance(0), whole["phonetic"].utterance(2))


@given(store=stores(), seed=st.integers(0, 3))
def test_a_swap_brings_the_partners_codes_cut_or_begun_anew(store: TokenStore, seed: int) -> None:
    partners = np.random.default_rng(seed).integers(0, len(store), len(store))
    made = swapped(store, ("phonetic",), partners)
    assert np.array_equal(made["acoustic.1"].codes, store["acoustic.1"].codes)
    for u, partner in enumerate(partners.tolist()):
        mine, theirs = store["phonetic"].utterance(u).tolist(), store["phonetic"].utterance(partner).tolist()
        expected = [theirs[i % len(theirs)] for i in range(len(mine))] if theirs else mine
        assert made["phonetic"].utterance(u).tolist() == expected


@given(store=stores(), code=st.integers(0, 7))
def test_what_carries_nothing_can_be_swapped_and_shuffled_without_a_trace(store: TokenStore, code: int) -> None:
    constant = Stream("lexical", 8, Fraction(50), np.full_like(store["phonetic"].codes, code), store["phonetic"].bounds)
    with_it = TokenStore(store.ids, {**store.streams, "lexical": constant}, store.provenance)
    partners = np.roll(np.arange(len(store)), 1)
    assert equal(swapped(with_it, ("lexical",), partners), with_it)
    assert equal(shuffled(with_it, ("lexical",)), with_it)
    assert equal(swapped(with_it, NAMES, np.arange(len(store))), with_it)


@given(store=stores())
def test_drop_and_alone_choose_streams_and_change_no_code(store: TokenStore) -> None:
    alone, rest = only(store, ["phonetic"]), without(store, ["phonetic"])
    assert list(alone.streams) == ["phonetic"]
    assert list(rest.streams) == ["acoustic.0", "acoustic.1"]
    assert {**alone.streams, **rest.streams} == dict(store.streams)
    assert alone.provenance == rest.provenance == store.provenance


def test_levels_are_named_before_the_dot_and_groups_by_hand() -> None:
    assert levels_of(NAMES) == {"acoustic": ("acoustic.0", "acoustic.1"), "phonetic": ("phonetic",)}
    assert levels_of(NAMES[:2]) == {"acoustic.0": ("acoustic.0",), "acoustic.1": ("acoustic.1",)}
    chosen = choose_levels(NAMES, ["acoustic", "mine=phonetic, acoustic.0", "acoustic.1"])
    assert chosen == {
        "acoustic": ("acoustic.0", "acoustic.1"),
        "mine": ("acoustic.0", "phonetic"),
        "acoustic.1": ("acoustic.1",),
    }


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        (["lexical"], "no level or stream 'lexical'; the levels are acoustic, phonetic"),
        (["mine=acoustic.7"], "no level or stream 'acoustic.7'"),
        (["phonetic", "phonetic"], "'phonetic' is given twice"),
        (["all=phonetic"], "'all' cannot be a level's name"),
        (["=phonetic"], "'' cannot be a level's name"),
    ],
)
def test_a_level_that_cannot_be_is_named(asked: list[str], complaint: str) -> None:
    with pytest.raises(HacError, match=complaint):
        choose_levels(NAMES, asked)


PEOPLE = st.lists(
    st.tuples(st.sampled_from(["en", "de", None]), st.sampled_from(["anna", "ben", None])), min_size=2, max_size=9
)


def kind_of(one: tuple[str | None, str | None], other: tuple[str | None, str | None]) -> int:
    """Slow and by hand: place in `PARTNERS`."""
    if one[1] is None or other[1] is None:
        voice = "an unknown speaker"
    else:
        voice = "the same speaker" if one[1] == other[1] else "another speaker"
    return PARTNERS.index(f"{voice}, {'same' if one[0] == other[0] else 'another'} language")


@given(people=PEOPLE, seed=st.integers(0, 3))
def test_a_partner_is_of_the_best_kind_there_is_and_found_by_the_ids_alone(
    people: list[tuple[str | None, str | None]], seed: int
) -> None:
    ids = [f"utt-{i}" for i in range(len(people))]
    found = choose_partners(ids, [p[0] for p in people], [p[1] for p in people], seed)
    for u, partner in enumerate(found.of.tolist()):
        assert partner != u
        best = min(kind_of(people[u], people[v]) for v in range(len(people)) if v != u)
        assert found.kinds[u] == kind_of(people[u], people[partner]) == best
    assert sum(found.counts().values()) == len(people)
    back = list(range(len(people)))[::-1]
    again = choose_partners([ids[i] for i in back], *([people[i][k] for i in back] for k in (0, 1)), seed)
    assert [ids[back[p]] for p in again.of.tolist()][::-1] == [ids[p] for p in found.of.tolist()]


def test_another_seed_gives_other_partners_and_one_utterance_has_none() -> None:
    ids = [f"utt-{i}" for i in range(30)]
    one, other = (choose_partners(ids, [None] * 30, [None] * 30, seed).of for seed in (0, 1))
    assert not np.array_equal(one, other)
    with pytest.raises(HacError, match="cannot be swapped with another"):
        choose_partners(["a"], [None], [None])


def test_looping_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing can be tiled"):
        tiled(np.zeros(0), 3)


def test_streams_of_two_rates_are_no_level() -> None:
    store = store_of([[[1, 2], [1, 2], [1, 2]]])
    slow = Stream("slow", 8, Fraction(25), np.array([1], np.int32), np.array([0, 1]))
    mixed = TokenStore(store.ids, {**store.streams, "slow": slow}, {})
    with pytest.raises(HacError, match="must have one frame rate"):
        shuffled(mixed, ("phonetic", "slow"))
