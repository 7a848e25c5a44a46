"""Ids of parts: names of files that depend on nothing but what is shown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.document.part_ids import part_id, slug


@pytest.mark.parametrize("name", ["reference", "hubert-kmeans-500", "acoustic.0", "no_lexical_teacher", "x" * 48])
def test_a_plain_name_stays_what_it_is(name: str) -> None:
    assert slug(name) == name


@pytest.mark.parametrize(
    "name", ["HAC", "a b", "a_b&%$", "a--b", "-a", "../../etc", "", "ʃ", "x" * 49, "\ud800", "a/b", "."]
)
def test_any_other_has_its_checksum(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9._]*(?:-[a-z0-9._]+)*-?[0-9a-f]{8}", slug(name))


@given(st.lists(st.text(max_size=8), min_size=1, max_size=6, unique=True))
def test_no_two_names_have_one_slug_where_capitals_do_not_count_either(names: list[str]) -> None:
    slugs = [slug(name) for name in names]
    assert len({one.lower() for one in slugs}) == len(names)
    assert all("--" not in one and len(one) <= 57 for one in slugs)


def test_systems_and_streams_stay_apart() -> None:
    assert part_id("heat", "a-b", "c") == "heat--a-b--c" != part_id("heat", "a", "b-c")
