"""Counts of words and codes against slow loops written from the definitions."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hac.data.tokens.token_store import Stream
from probes.clusters import Row, Rows
from probes.leakage.cells import coded
from probes.nulls.label_permutation import permuted_words
from probes.nulls.run_permutation import permuted_runs
from probes.splits import halves
from probes.words.word_codes import WordCounts, Words, WordType, count_words, label_frames
from tests.probes.words import oracles as word_oracles
from tests.strategies import Case, bounds, cases

SILENT = "SIL"


def words_of(case: Case, silent: str = SILENT) -> Words:
    """The case's labels as words; those named `silent` are none."""
    names = tuple(label for label in case.labels if label != silent)
    tokens = [[row for row in u.intervals if row[0] != silent] for u in case.utterances]
    flat = [row for rows in tokens for row in rows]
    return Words(
        case.ids,
        bounds([len(rows) for rows in tokens]),
        np.array([names.index(str(label)) for label, _, _ in flat], np.int32),
        np.array([onset for _, onset, _ in flat], np.int64),
        np.array([offset for _, _, offset in flat], np.int64),
        tuple(WordType("", name) for name in names),
        np.empty((0, 3), np.int64),
    )


def spoken_of(case: Case, codes: list[list[int]] | None = None) -> list[word_oracles.Spoken]:
    codes = codes or [list(u.codes) for u in case.utterances]
    return [
        word_oracles.Spoken(tuple((str(p), a, b) for p, a, b in u.intervals if p != SILENT), tuple(c))
        for u, c in zip(case.utterances, codes, strict=True)
    ]


def tables(counts: WordCounts, types: tuple[WordType, ...]) -> dict[str, dict]:
    """The counts as dictionaries over all rows, without zeros."""
    made: dict[str, dict] = {"held": {}, "near": {}, "inside": {}, "frames": {}, "tokens": {}}
    for word, code, n in zip(counts.word, counts.codes[counts.code], counts.counts, strict=True):
        for name, value in zip(("held", "near", "inside"), n.tolist(), strict=True):
            if value:
                key = (types[word].spelling, int(code))
                made[name][key] = made[name].get(key, 0) + value
    for code, n in zip(counts.codes[counts.frame_code].tolist(), counts.frame_n.tolist(), strict=True):
        made["frames"][code] = made["frames"].get(code, 0) + n
    for word, n in zip(counts.token_word.tolist(), counts.token_n.tolist(), strict=True):
        made["tokens"][types[word].spelling] = made["tokens"].get(types[word].spelling, 0) + n
    return made


def expected(spoken: list[word_oracles.Spoken], rate: Fraction, half_window: Fraction) -> dict[str, dict]:
    held, near, frames = {}, {}, {}
    for one in spoken:
        n = len(one.codes)
        for token in one.words:
            for code in {one.codes[i] for i in word_oracles.frames_overlapping(token, n, rate)}:
                held[token[0], code] = held.get((token[0], code), 0) + 1
        for i, code in enumerate(one.codes if one.words else ()):
            frames[code] = frames.get(code, 0) + 1
            for word in {t[0] for t in one.words if word_oracles.is_near(i, t, rate, half_window)}:
                near[word, code] = near.get((word, code), 0) + 1
    inside = word_oracles.inside(spoken, rate)
    return {"held": held, "near": near, "inside": inside, "frames": frames, "tokens": word_oracles.tokens_of(spoken)}


def by_utterance(n: int) -> Rows:
    return Rows(tuple(Row("", "", i) for i in range(n)), np.arange(n))


@given(cases(), st.sampled_from([0, 40, 90]))
@settings(max_examples=150, deadline=None)
def test_counts_are_those_of_the_definitions(case: Case, window_ms: int) -> None:
    words, half = words_of(case), Fraction(window_ms, 1000)
    counts = count_words(label_frames(words, case.stream, half), by_utterance(len(case.ids)))
    assert tables(counts, words.types) == expected(spoken_of(case), case.frame_rate, half)


@given(cases(max_utterances=4), st.integers(0, 15))
@settings(max_examples=50, deadline=None)
def test_parts_add_up_to_the_whole(case: Case, chosen: int) -> None:
    words, n = words_of(case), len(case.ids)
    labels, rows = label_frames(words, case.stream), by_utterance(n)
    part = np.array([bool(chosen >> u & 1) for u in range(n)])
    whole = tables(count_words(labels, rows), words.types)
    parts = [tables(count_words(labels, rows, part=mask), words.types) for mask in (part, ~part)]
    for name, table in whole.items():
        keys = {*parts[0][name], *parts[1][name]}
        assert table == {key: parts[0][name].get(key, 0) + parts[1][name].get(key, 0) for key in keys}


def test_hidden_speech_counts_for_no_code() -> None:
    stream = Stream("units", 3, Fraction(50), np.array([0, 0, 1, 1, 2, 2], np.int32), bounds([6]))
    words = Words(
        ("a",),
        bounds([1]),
        np.array([0], np.int32),
        np.array([0]),
        np.array([40_000]),
        (WordType("", "w"),),
        np.array([[0, 40_000, 80_000]]),
    )
    counts = tables(count_words(label_frames(words, stream), by_utterance(1)), words.types)
    assert counts["frames"] == {0: 2, 2: 2}
    assert counts["near"] == {("w", 0): 2, ("w", 2): 0} or counts["near"] == {("w", 0): 2}
    assert counts["held"] == {("w", 0): 1}


def test_a_huge_codebook_costs_what_occurs() -> None:
    codes = np.array([5, (1 << 30) - 1, 5], np.int32)
    stream = Stream("units", 1 << 30, Fraction(50), codes, bounds([3]))
    words = Words(
        ("a",), bounds([1]), np.array([0], np.int32), np.array([0]), np.array([60_000]), (WordType("", "w"),),
        np.empty((0, 3), np.int64),
    )  # fmt: skip
    counts = count_words(label_frames(words, stream), by_utterance(1))
    assert tables(counts, words.types)["inside"] == {("w", 5): 2, ("w", (1 << 30) - 1): 1}


def test_words_beyond_the_tokens_are_tokens_without_frames() -> None:
    stream = Stream("units", 2, Fraction(50), np.array([1], np.int32), bounds([1]))
    words = Words(
        ("a",), bounds([2]), np.array([0, 0], np.int32), np.array([0, 50_000]), np.array([20_000, 90_000]),
        (WordType("", "w"),), np.empty((0, 3), np.int64),
    )  # fmt: skip
    labels = label_frames(words, stream)
    assert labels.without_frames == 1
    assert tables(count_words(labels, by_utterance(1)), words.types)["tokens"] == {"w": 2}


@given(cases())
@settings(max_examples=30, deadline=None)
def test_permuted_words_keep_their_frequencies_in_each_language(case: Case) -> None:
    words = words_of(case)
    types = tuple(WordType("de" if i % 2 else "en", word.spelling) for i, word in enumerate(words.types))
    words = replace(words, types=types)
    permuted = permuted_words(words, 1, 0)
    assert sorted(permuted.tolist()) == sorted(words.word.tolist())
    language = np.array([word.language for word in types])
    assert (language[permuted] == language[words.word]).all()


def test_words_are_permuted_in_every_draw() -> None:
    n = 200
    words = Words(
        ("a",), bounds([n]), np.arange(n, dtype=np.int32), np.arange(n), np.arange(n) + 1,
        tuple(WordType("", f"{i:03d}") for i in range(n)), np.empty((0, 3), np.int64),
    )  # fmt: skip
    draws = [permuted_words(words, r, 0) for r in range(1, 4)]
    assert all((draw != words.word).mean() > 0.9 for draw in draws)
    assert not np.array_equal(draws[0], draws[1])
    assert np.array_equal(draws[0], permuted_words(words, 1, 0))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=40), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_permuted_runs_keep_what_the_streams_say_of_each_other(pairs: list[tuple[int, int]], draw: int) -> None:
    codes = np.array(pairs, np.int32).reshape(-1, 2)
    where = bounds([len(codes) // 2, len(codes) - len(codes) // 2])
    given_, stream = (Stream(name, 4, Fraction(50), codes[:, k], where) for k, name in enumerate(("b", "a")))
    permuted = stream.used_codes()[permuted_runs(coded(stream), coded(given_), draw, 0)]

    def runs(values: np.ndarray) -> list[tuple[int, int]]:
        starts = [
            i
            for i in range(len(codes))
            if i in where[:-1].tolist() or tuple(codes[i]) != tuple(codes[i - 1])
        ]  # fmt: skip
        return sorted((int(codes[i, 0]), int(values[i])) for i in starts)

    assert runs(permuted) == runs(codes[:, 1])


def test_halves_are_speakers_and_about_equal() -> None:
    rows = [Row("en", f"s{i}", b) for i in range(7) for b in range(2)]
    sizes = np.array([1 + i % 5 for i in range(14)], np.int64)
    half, notes = halves(rows, sizes)
    assert not notes
    sides = {
        row.speaker: {int(half[r]) for r, other in enumerate(rows) if other.speaker == row.speaker} for row in rows
    }
    assert all(len(side) == 1 for side in sides.values())
    weights = [int(sizes[half == h].sum()) for h in (0, 1)]
    assert abs(weights[0] - weights[1]) <= max(sizes) * 2
    assert np.array_equal(half, halves(rows, sizes)[0])


def test_one_speaker_is_halved_by_utterance_and_that_is_said() -> None:
    rows = [Row("en", "anna", b) for b in range(6)]
    half, notes = halves(rows, np.ones(6, np.int64))
    assert sorted(half.tolist()) == [0, 0, 0, 1, 1, 1]
    assert "1 known speaker" in notes[0]
