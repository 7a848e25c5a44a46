"""Texts compared: edits equal jiwer's and a slow search, and normalizers do what their names say."""

from __future__ import annotations

import math
import unicodedata
from functools import cache

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hac.errors import HacError
from hac.judges.base import Unjudged
from probes.transcripts import NORMALIZERS, Edits, char_edits, normalize, word_edits

WORDS = st.lists(st.sampled_from(["a", "b", "cc", "the"]), max_size=7).map(" ".join)
TEXTS = WORDS.filter(bool)


def fewest(reference: tuple[str, ...], hypothesis: tuple[str, ...]) -> int:
    """Fewest edits, by its recursive definition."""

    @cache
    def distance(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        same = reference[i - 1] == hypothesis[j - 1]
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (not same))

    return distance(len(reference), len(hypothesis))


@given(TEXTS, WORDS)
def test_edits_are_the_fewest(reference: str, hypothesis: str) -> None:
    words = word_edits(reference, hypothesis)
    assert words.errors == fewest(tuple(reference.split()), tuple(hypothesis.split()))
    assert words.reference_length == len(reference.split())
    assert words.hypothesis_length == len(hypothesis.split())
    characters = char_edits(reference, hypothesis)
    assert characters.errors == fewest(tuple(reference), tuple(hypothesis))
    assert (characters.reference_length, characters.hypothesis_length) == (len(reference), len(hypothesis))


@given(st.lists(st.tuples(TEXTS, WORDS), min_size=1, max_size=5))
def test_the_corpus_value_is_jiwers(pairs: list[tuple[str, str]]) -> None:
    references, hypotheses = ([pair[i] for pair in pairs] for i in range(2))
    words = sum((word_edits(*pair) for pair in pairs), Edits())
    characters = sum((char_edits(*pair) for pair in pairs), Edits())
    assert words.rate == jiwer.wer(references, hypotheses)
    assert characters.rate == jiwer.cer(references, hypotheses)


@given(TEXTS, TEXTS, TEXTS)
def test_errors_are_a_distance(one: str, other: str, third: str) -> None:
    assert word_edits(one, one) == Edits(hits=len(one.split()))
    assert (word_edits(one, other).errors == 0) == (one == other)
    there, back = word_edits(one, other), word_edits(other, one)
    assert there.errors == back.errors
    assert there.errors <= word_edits(one, third).errors + word_edits(third, other).errors


@given(TEXTS)
def test_nothing_heard_is_everything_deleted(text: str) -> None:
    assert word_edits(text, "") == Edits(deletions=len(text.split()))
    assert char_edits(text, " \n") == Edits(deletions=len(text))


@pytest.mark.parametrize("empty", ["", "  ", "\n\t"])
def test_an_empty_reference_has_no_edits(empty: str) -> None:
    for edits in (word_edits, char_edits):
        with pytest.raises(Unjudged, match="no error rate is defined") as refused:
            edits(empty, "words")
        assert refused.value.reason == "reference-empty"
    assert math.isnan(Edits(insertions=3).rate)


def test_white_space_of_any_kind_parts_words() -> None:
    assert word_edits("a\tb\nc", " a  b c ") == Edits(hits=3)
    assert char_edits("a\tb\nc", " a  b c ") == Edits(hits=5)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("none-1", " Don't  STOP,\nnow! ", "Don't STOP, now!"),
        ("basic-1", "Don't STOP,\nnow!", "dont stop now"),
        ("basic-1", "rock 'n' roll—the boys’ 3½ \uff21\ufb01", "rock n roll the boys 31 2 afi"),
        ("basic-1", "Straße, ÉCOLE, e\u0301cole, Łódź", "strasse école école łódź"),
        ("basic-1", "¡¿…?!", ""),
        ("basic-1", "हिन्दी, ภาษา", "हिन्दी ภาษา"),
        ("english-1", "Mr. O'Brien won't pay $20 million!", "mister 0 brien will not pay $20000000"),
        ("english-1", "It's twenty-three [noise] um, thousand.", "it is 23000"),
        ("english-1", "press one", "press one"),
        ("english-1", "Press 1.", "press one"),
        ("english-1", "We've two dogs; they'd gone", "we have 2 dogs they had gone"),
    ],
)
def test_normalizers_by_hand(name: str, text: str, expected: str) -> None:
    assert normalize(text, name) == expected


@given(st.text(max_size=30))
def test_basic_is_stable_and_blind_to_case_and_punctuation(text: str) -> None:
    once = normalize(text, "basic-1")
    assert normalize(once, "basic-1") == once
    assert normalize(f"({text})...", "basic-1") == once
    assert all(c == " " or unicodedata.category(c)[0] in "LNM" for c in once)
    assert "  " not in once


@given(st.text(max_size=30))
def test_every_normalizer_leaves_words_with_single_spaces(text: str) -> None:
    for name in NORMALIZERS:
        assert normalize(text, name) == " ".join(normalize(text, name).split())


def test_an_unknown_normalizer_is_named() -> None:
    with pytest.raises(HacError, match=r"'english' is unknown; known are none-1, basic-1, english-1; did you mean"):
        normalize("text", "english")
    assert all(name == normalizer.name and normalizer.rules for name, normalizer in NORMALIZERS.items())
