"""Related words with one code, and where codes fire."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.words.run import Options, Outcome, run
from analysis.words.word_families import INFLECTIONS, TRANSLATIONS, read_translations, stems
from hac.data.tokens.token_store import Stream
from hac.errors import HacError
from probes.words.word_codes import WordType
from tests.analysis.words.worlds import WordWorld, make_words

SPEAKERS = tuple(f"s{i % 12}" for i in range(60))


def world_of(*words: str, languages: tuple[str, ...] = ("en",)) -> WordWorld:
    """Every utterance says all the words, 300 ms each with pauses of 100 ms; language by language in turn."""
    tokens = tuple((word, 100_000 + i * 400_000, 400_000 + i * 400_000) for i, word in enumerate(words))
    end = 100_000 + len(words) * 400_000
    return WordWorld((tokens,) * 60, (end,) * 60, SPEAKERS, tuple(languages[i % len(languages)] for i in range(60)))


def coded(world: WordWorld, code_of: dict[str, int]) -> Stream:
    codes = []
    for tokens, duration in zip(world.words, world.durations_us, strict=True):
        own = np.zeros(duration // 20_000, np.int64)
        for word, onset, offset in tokens:
            own[onset // 20_000 : offset // 20_000] = code_of[word]
        codes.append(own)
    return world.stream(codes, 1 + max(code_of.values()))


def kin(outcome: Outcome, kind: str) -> list[set[str]]:
    found = next(found for _, definition, found in outcome.related if definition == "vg-hubert" and found.kind == kind)
    return [{outcome.types[w].spelling for w in group.words} for group in found.groups]


def test_a_code_of_several_forms_of_a_word_is_found() -> None:
    world = world_of("walk", "walked", "house", "tree")
    outcome = run(world.request(coded(world, {"walk": 1, "walked": 1, "house": 2, "tree": 3})), jobs=1)
    assert kin(outcome, INFLECTIONS) == [{"walk", "walked"}]
    record = outcome.results.get("units.inflection_codes[vg-hubert]")
    assert record.value == 1
    assert record.null_mean < 0.9


def test_a_code_of_a_word_in_two_languages_is_found(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("en,de,fr\nhouse,Haus,maison\ntree,Baum,arbre\n", encoding="utf-8")
    # each half of the utterances is read as another language, so both say all four words
    world = world_of("house", "haus", "tree", "baum", languages=("en", "de"))
    stream = coded(world, {"house": 1, "haus": 1, "tree": 2, "baum": 3})
    outcome = run(world.request(stream), jobs=1, options=Options(translations=table))
    assert kin(outcome, TRANSLATIONS) == [{"house", "haus"}]


def test_stems_are_those_of_the_language() -> None:
    types = (WordType("en", "running"), WordType("en", "runs"), WordType("xx", "runs"), WordType("de", "häuser"))
    stem = stems(types)
    assert stem(0) == stem(1)
    assert stem(2) is None
    assert stem(3) == "de:haus"


@pytest.mark.parametrize(
    ("text", "says"), [("", "(none)"), ("fr,it\nun,uno\n", "fr, it"), ("en;de\nhouse;haus\n", "en;de")]
)
def test_a_table_of_other_languages_is_refused(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HacError, match="expected at least two") as error:
        read_translations(path, (WordType("en", "house"), WordType("de", "haus")))
    assert says in str(error.value)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(HacError, match="cannot be read as a table of translations"):
        read_translations(tmp_path / "none.csv", ())


def test_occurrences_are_the_runs_of_the_words_code() -> None:
    world = make_words(12, 60)
    stream = world.knowing(corrupt=0.25)
    outcome = run(world.request(stream), jobs=1, options=Options(occurrences=1000))
    fired = next(found for _, definition, found in outcome.occurrences if definition == "vg-hubert")
    by_word: dict[str, list] = {}
    for one in fired:
        by_word.setdefault(outcome.types[one.word].spelling, []).append(one)
    clean = world.knowing()
    for word, found in by_word.items():
        truth = set()
        for u, tokens in enumerate(world.words):
            for name, onset, offset in tokens:
                first, last = onset // 20_000, offset // 20_000
                if name == word and (stream.utterance(u)[first:last] == clean.utterance(u)[first:last]).all():
                    truth.add((world.ids[u], onset, offset))
        hits = {(one.id, one.onset_us, one.offset_us) for one in found if one.hit}
        # two tokens of a word without a pause between them are one run
        assert {(id, onset) for id, onset, _ in hits} <= {(id, onset) for id, onset, _ in truth}
        assert not [one for one in found if not one.hit]
        assert sum(b - a for _, a, b in hits) == sum(b - a for _, a, b in truth)


def test_false_alarms_are_told_from_hits() -> None:
    world = world_of("tree", "house")
    stream = coded(world, {"tree": 1, "house": 1})
    outcome = run(world.request(stream), jobs=1, options=Options(occurrences=5))
    fired = [one for one in outcome.occurrences[0][2] if outcome.types[one.word].spelling == "tree"]
    assert [one.hit for one in fired] == [True] * 5 + [False] * 5
    assert {one.onset_us for one in fired if one.hit} == {100_000}
    assert {one.onset_us for one in fired if not one.hit} == {500_000}


def test_no_occurrences_are_listed_where_none_are_asked_for() -> None:
    world = replace(world_of("tree", "house"))
    outcome = run(world.request(world.knowing()), jobs=1, options=Options(occurrences=0))
    assert all(not found for _, _, found in outcome.occurrences)
