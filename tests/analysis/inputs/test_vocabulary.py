"""What of a words tier is a word, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.inputs.corpus import Labels
from analysis.inputs.vocabulary import normalize, warnings_of, word_tokens
from analysis.words.run import run, word_corpus
from hac.data.alignments.alignment import Alignments, tier_from_rows
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import HacError
from tests.analysis.words.worlds import QUICK, make_words


def tier(*labels: str, step: int = 100_000):
    rows = [("a", label, i * step, (i + 1) * step) for i, label in enumerate(labels)]
    return tier_from_rows("words", rows)


def test_every_rule_is_counted() -> None:
    words, cleaning = word_tokens(
        tier("", "The", "sil", "<unk>", "the", "good morning", "[laughter]", "silence"), ["en"]
    )
    assert [word.spelling for word in words.types] == ["silence", "the"]
    assert words.word.tolist() == [1, 1, 0]
    assert words.hidden.tolist() == [[0, 500_000, 600_000]]
    counted = (cleaning.words, cleaning.silence, cleaning.markers, cleaning.several_words, cleaning.no_duration)
    assert counted == (3, 2, 2, 1, 0)
    assert "1 intervals of the words tier hold several words" in warnings_of(words, cleaning, None)[0]


def test_case_and_accents_written_two_ways_are_one_word() -> None:
    words, _ = word_tokens(tier("CAFÉ", "cafe\u0301", "Café"), ["fr"])
    assert len(words.types) == 1


def test_a_word_without_duration_is_dropped() -> None:
    rows = [("a", "one", 0, 100), ("a", "two", 100, 100)]
    words, cleaning = word_tokens(tier_from_rows("words", rows), [None])
    assert (len(words.word), cleaning.no_duration) == (1, 1)


def test_the_same_letters_in_two_languages_are_two_words() -> None:
    rows = [("a", "die", 0, 100), ("b", "die", 0, 100), ("b", "der", 100, 200)]
    words, _ = word_tokens(tier_from_rows("words", rows), ["en", "de"])
    assert words.types == (("de", "der"), ("de", "die"), ("en", "die"))
    assert words.word.tolist() == [2, 1, 0]


def test_a_tier_of_silence_has_no_words() -> None:
    with pytest.raises(HacError, match="no words in the 1 utterances"):
        word_tokens(tier("", "sil", "<unk>"), ["en"])


def manifest(text: str) -> Manifest:
    return Manifest(Path(), (Utterance("a", "a.wav", 1.0, None, "ru", text),))


def test_words_of_another_script_than_the_transcripts_are_said() -> None:
    words, cleaning = word_tokens(tier("privet", "mir"), ["ru"])
    (warning,) = warnings_of(words, cleaning, manifest("Привет, мир!"))
    assert "only 0%" in warning
    assert "script" in warning


def test_words_of_the_transcripts_are_not_warned_of() -> None:
    words, cleaning = word_tokens(tier("ПРИВЕТ", "мир"), ["ru"])
    assert warnings_of(words, cleaning, manifest("Привет, мир!")) == []


def test_stop_words_of_another_script_are_said() -> None:
    world = make_words()
    outcome = run(world.request(world.random(5), protocol=replace(QUICK, stop_words=None)), jobs=1)
    assert any("none of the 17 stop words" in warning for warning in outcome.results.warnings)


def test_one_speaker_is_split_by_utterance_and_that_is_said() -> None:
    world = replace(make_words(1, 30), speakers=("anna",) * 30)
    outcome = run(world.request(world.knowing()), jobs=1)
    assert any("the halves for held-out scores are split by utterance" in said for said in outcome.results.warnings)
    assert outcome.results.get("units.word_f1[vg-hubert,held-out]").value == 1


def test_utterances_without_words_are_counted() -> None:
    world = make_words(4, 12)
    world = replace(world, words=((), *world.words[1:]))
    request = world.request(world.random(5))
    tier_ = request.labels.alignments.tiers["words"]
    assert tier_.ids == world.ids
    assert run(request, jobs=1).results.coverage["words"]["utterances_without_words"] == 1


def test_words_beyond_the_tokens_are_counted() -> None:
    world = make_words(4, 12)
    late = [
        (*tokens, ("late", end, end + 100_000)) for tokens, end in zip(world.words, world.durations_us, strict=True)
    ]
    outcome = run(replace(world, words=tuple(late)).request(world.random(5)), jobs=1)
    assert outcome.results.coverage["words"]["tokens_without_frames"] == {"units": 12}
    place = outcome.types.index(("en", "late"))
    assert outcome.streams[0].lists[0].detection.classic[place] == 0


def test_a_tier_that_only_some_utterances_have_leaves_the_others_out() -> None:
    world = make_words(4, 12)
    labels = world.labels
    some = labels.alignments.tiers["words"].select(world.ids[:9])
    request = replace(world.request(world.random(5)), labels=Labels(labels.manifest, Alignments({"words": some}, {})))
    assert len(word_corpus(request.labels, request.tokens, request.failures).met.ids) == 9
    assert request.failures.by_reason() == {"no-alignment": 3}


def test_a_long_vocabulary_is_numbered_once() -> None:
    n = 50_000
    rows = [("a", f"w{i}", i * 10, i * 10 + 10) for i in range(n)]
    words, _ = word_tokens(tier_from_rows("words", rows), ["en"])
    assert len(words.types) == n
    assert np.array_equal(np.sort(words.word), np.arange(n))


@pytest.mark.parametrize(("label", "word"), [(" The ", "the"), ("ÜBER", "über"), ("İ", "i̇")])
def test_words_are_compared_in_small_letters(label: str, word: str) -> None:
    assert normalize(label) == word
