"""Rows and clusters: who stands or falls together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes.clusters import BINS_PER_SPEAKER, MAX_CLUSTERS, MIN_SPEAKERS, Row, assign_rows, clusters_of

languages = st.sampled_from(["en", "de", None])


@st.composite
def corpora(draw: st.DrawFn, max_speakers: int = 14) -> tuple[list[str], list[str | None], list[str | None]]:
    """Ids, languages and speakers, with numbers of speakers around the fewest that are clusters."""
    n_speakers = draw(st.integers(1, max_speakers))
    names = [None if draw(st.booleans()) and s == 0 else f"s{s}" for s in range(n_speakers)]
    who = [name for name in names for _ in range(draw(st.integers(1, 12)))]
    what = [draw(languages) for _ in who] if draw(st.booleans()) else ["en"] * len(who)
    return [f"u{i:03d}" for i in range(len(who))], what, who


@given(corpus=corpora(), data=st.data())
def test_rows_do_not_depend_on_the_order_of_the_manifest(corpus: tuple, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(corpus[0]))))
    rows, moved = assign_rows(*corpus), assign_rows(*([column[i] for i in order] for column in corpus))
    assert rows.rows == moved.rows
    assert np.array_equal(rows.of_utterance[list(order)], moved.of_utterance)


@given(corpus=corpora())
def test_a_row_holds_one_speaker_of_one_language(corpus: tuple) -> None:
    rows = assign_rows(*corpus)
    assert list(rows.rows) == sorted(set(rows.rows))
    for i, (language, speaker) in enumerate(zip(*corpus[1:], strict=True)):
        row = rows.rows[rows.of_utterance[i]]
        assert (row.language, row.speaker) == (language or "", speaker or "")
        assert row.bin < MAX_CLUSTERS


@given(corpus=corpora())
def test_the_rows_of_a_speaker_are_equally_full(corpus: tuple) -> None:
    rows = assign_rows(*corpus)
    sizes: dict[tuple[str, str], list[int]] = {}
    for row, size in zip(rows.rows, np.bincount(rows.of_utterance).tolist(), strict=True):
        sizes.setdefault((row.language, row.speaker), []).append(size)
    for parts in sizes.values():
        assert max(parts) - min(parts) <= 1


@given(corpus=corpora())
def test_order_groups_utterances_by_row(corpus: tuple) -> None:
    rows = assign_rows(*corpus)
    order, starts = rows.order()
    assert sorted(order.tolist()) == list(range(len(corpus[0])))
    for r in range(len(rows.rows)):
        part = order[starts[r] : starts[r + 1]]
        assert (rows.of_utterance[part] == r).all()
        assert len(part) > 0


ONE_UNKNOWN = ([f"u{i:03d}" for i in range(40)], ["en"] * 40, [None, *(f"s{i}" for i in range(1, 10))] * 4)
"""Ten voices, but only nine speakers."""


@given(corpus=corpora())
@example(corpus=ONE_UNKNOWN)
def test_coarse_rows_fall_into_the_same_clusters(corpus: tuple) -> None:
    """Null draws are counted on coarse rows: every utterance must stay in its cluster."""
    fine = assign_rows(*corpus)
    coarse = fine.coarse()
    a, b = clusters_of(fine.rows), clusters_of(coarse.rows)
    assert (a.unit, a.n, a.note) == (b.unit, b.n, b.note)
    assert np.array_equal(a.of_row[fine.of_utterance], b.of_row[coarse.of_utterance])


@given(corpus=corpora())
@example(corpus=ONE_UNKNOWN)
def test_clusters_of_each_language_stay_on_coarse_rows(corpus: tuple) -> None:
    fine = assign_rows(*corpus)
    coarse = fine.coarse()
    for language in {row.language for row in fine.rows}:
        n = [clusters_of([row for row in rows.rows if row.language == language]).n for rows in (fine, coarse)]
        assert n[0] == n[1], language


def test_enough_speakers_are_the_clusters() -> None:
    who = [f"s{i % MIN_SPEAKERS}" for i in range(200)]
    rows = assign_rows([f"u{i}" for i in range(200)], ["en"] * 200, who)
    clusters = clusters_of(rows.rows)
    assert (clusters.unit, clusters.n, clusters.note) == ("speaker", MIN_SPEAKERS, "")
    assert len(rows.rows) == MIN_SPEAKERS * BINS_PER_SPEAKER


def test_too_few_speakers_give_way_to_utterances_and_say_so() -> None:
    who = [f"s{i % (MIN_SPEAKERS - 1)}" for i in range(50)]
    rows = assign_rows([f"u{i}" for i in range(50)], ["en"] * 50, who)
    clusters = clusters_of(rows.rows)
    assert (clusters.unit, clusters.n) == ("utterance", 50)
    assert clusters.note == "2 speakers: intervals are over utterances, of these two speakers alone"


def test_of_one_speaker_the_note_says_so() -> None:
    clusters = clusters_of(assign_rows([f"u{i}" for i in range(9)], ["en"] * 9, ["anna"] * 9).rows)
    assert (clusters.unit, clusters.n) == ("utterance", 9)
    assert clusters.note == "one speaker: intervals are over utterances, of this speaker alone"


def test_one_speaker_of_many_utterances_has_bounded_rows() -> None:
    n = 10 * MAX_CLUSTERS
    rows = assign_rows([f"u{i}" for i in range(n)], ["en"] * n, ["anna"] * n)
    assert len(rows.rows) == MAX_CLUSTERS


def test_an_unknown_speaker_is_no_speaker() -> None:
    """Utterances without a speaker are not one voice that could be counted as a cluster."""
    who = [None if i % MIN_SPEAKERS == 0 else f"s{i % MIN_SPEAKERS}" for i in range(100)]
    assert clusters_of(assign_rows([f"u{i}" for i in range(100)], ["en"] * 100, who).rows).unit == "utterance"
    nobody = assign_rows([f"u{i}" for i in range(100)], [None] * 100, [None] * 100)
    assert clusters_of(nobody.rows).note.startswith("no speaker is known")


def test_one_name_in_two_languages_is_two_speakers() -> None:
    rows = assign_rows([f"u{i}" for i in range(4)], ["en", "de", "en", "de"], ["anna"] * 4)
    assert {(row.language, row.speaker) for row in rows.rows} == {("en", "anna"), ("de", "anna")}


@pytest.mark.parametrize("n_speakers", [MAX_CLUSTERS, MAX_CLUSTERS + 1, 1000])
def test_more_speakers_than_clusters_are_assigned_to_groups(n_speakers: int) -> None:
    who = [f"s{i % n_speakers}" for i in range(2 * n_speakers)]
    rows = assign_rows([f"u{i}" for i in range(len(who))], ["en"] * len(who), who)
    clusters = clusters_of(rows.rows)
    grouped = n_speakers > MAX_CLUSTERS
    assert clusters.n == MAX_CLUSTERS
    assert clusters.note == (
        f"more than {MAX_CLUSTERS} speakers: {MAX_CLUSTERS} random groups of them" if grouped else ""
    )
    assert all(row.grouped == grouped for row in rows.rows)
    # both utterances of a speaker stay together
    cluster = clusters.of_row[rows.of_utterance]
    assert np.array_equal(cluster[:n_speakers], cluster[n_speakers:])
    if grouped:
        sizes = np.bincount(cluster)
        assert sizes.max() - sizes.min() <= 2


def test_groups_are_not_in_order_of_name() -> None:
    """Names carry sex, place and date; groups must not."""
    who = [f"s{i:04d}" for i in range(600)]
    rows = assign_rows(who, ["en"] * 600, who)
    first = rows.of_utterance[:MAX_CLUSTERS]
    assert len(set(first.tolist())) < MAX_CLUSTERS


def test_rows_sort_by_language_speaker_and_bin() -> None:
    assert sorted([Row("en", "b", 0), Row("de", "c", 1), Row("en", "a", 2)])[0] == Row("de", "c", 1)
