"""Words, whole: detection by both published definitions against slow oracles, closed forms, nulls, shards, files."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from analysis.results.schema import Record, write_results
from analysis.words.counting import FREQUENCY, WordProtocol, scopes
from analysis.words.detection import DEFINITIONS, Candidates, detect
from analysis.words.information import information, without_each
from analysis.words.run import Options, Outcome, counted, run, word_corpus
from analysis.words.shards import merge, run_shard
from hac.errors import FailureLog, HacError
from probes.words.word_codes import WordCounts, count_words, label_frames
from reports.render.result_files import write_run
from reports.words.files import words_files
from reports.words.tables import words_csv
from tests.analysis.words.worlds import QUICK, RATE, WordWorld, make_words
from tests.oracles import shifted_over_speakers
from tests.probes.words import oracles
from tests.probes.words.test_word_codes import by_utterance, spoken_of, tables, words_of
from tests.strategies import Case, cases


@pytest.fixture(scope="module")
def world() -> WordWorld:
    return make_words()


def get(outcome: Outcome, id: str, group: str = "") -> Record:
    return outcome.results.get(id, group)


def everything(n_words: int) -> Candidates:
    return Candidates(np.ones(n_words, bool), np.zeros(n_words, bool))


def counts_of(case: Case) -> WordCounts:
    return count_words(label_frames(words_of(case), case.stream), by_utterance(len(case.ids)))


@pytest.mark.parametrize("definition", DEFINITIONS)
@given(case=cases(max_utterances=5), split=st.integers(0, 31))
@settings(max_examples=80, deadline=None)
def test_detection_is_that_of_the_published_definition(definition: str, case: Case, split: int) -> None:
    words, counts = words_of(case), counts_of(case)
    half = np.array([split >> u & 1 for u in range(len(case.ids))], np.int64)
    scope = scopes(counts.rows, half, words.types)[0]
    found = detect(counts, scope, definition, everything(counts.n_words))
    said = [replace(one, half=int(h)) for one, h in zip(spoken_of(case), half, strict=True)]
    oracle = oracles.DEFINITIONS[definition]
    whole = oracle(said, case.frame_rate)
    halves = [oracle([one for one in said if one.half == h], case.frame_rate) for h in (0, 1)]
    for w, word in enumerate(words.types):
        scores = whole.get(word.spelling, {})
        assert found.classic[w] == pytest.approx(float(oracles.best(scores)), abs=1e-12)
        if found.best[w] >= 0:
            code = int(counts.codes[found.best[w]])
            assert code == min(oracles.chosen(scores))
            assert (found.precision[w], found.recall[w]) == pytest.approx(tuple(map(float, scores[code])), abs=1e-12)
        for h in (0, 1):
            own = oracles.chosen(halves[h].get(word.spelling, {}))
            if not own:
                assert found.chosen[w, h] == -1
                continue
            code = int(counts.codes[found.chosen[w, h]])
            assert code == min(own)
            there = halves[1 - h].get(word.spelling, {}).get(code)
            assert found.f1[w, 1 + h] == pytest.approx(float(oracles.f1(*there)) if there else 0.0, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("definition", DEFINITIONS)
def test_held_out_adds_the_counts_of_both_ways(definition: str, world: WordWorld) -> None:
    stream = world.random(6, seed=3)
    asked = world.request(stream)
    corpus = word_corpus(asked.labels, asked.tokens, asked.failures)
    source = counted(corpus, stream, QUICK)
    counts = source.draw(0)
    scope = scopes(*corpus.halves.of_draw(0), corpus.words.types)[0]
    found = detect(counts, scope, definition, everything(counts.n_words))
    half = corpus.halves.half[corpus.halves.rows.of_utterance].tolist()
    said = world.spoken(stream, half)
    parts = [oracles.DEFINITIONS[definition]([one for one in said if one.half == h], RATE) for h in (0, 1)]
    n = [oracles.tokens_of([one for one in said if one.half == h]) for h in (0, 1)]
    for w, word in enumerate(corpus.words.types):
        held = met = under = Fraction(0)
        for h in (0, 1):
            code = min(oracles.chosen(parts[h][word.spelling]))
            precision, recall = parts[1 - h][word.spelling][code]
            held += recall * n[1 - h][word.spelling]
            of = Fraction(int(_denominator(said, 1 - h, code, definition)))
            met, under = met + precision * of, under + of
        expected = oracles.f1(met / under, held / (n[0][word.spelling] + n[1][word.spelling]))
        assert found.held_out[w] == pytest.approx(float(expected), abs=1e-12)


def _denominator(said: list[oracles.Spoken], half: int, code: int, definition: str) -> int:
    if definition == "resdavenet":
        return sum(one.codes.count(code) for one in said if one.half == half and one.words)
    return sum(
        code in {one.codes[i] for i in oracles.frames_overlapping(token, len(one.codes), RATE)}
        for one in said
        if one.half == half
        for token in one.words
    )


def test_tokens_that_are_the_words_score_one(world: WordWorld) -> None:
    outcome = run(world.request(world.knowing()), jobs=1)
    for definition in DEFINITIONS:
        for tag in (f"[{definition}]", f"[{definition},held-out]"):
            assert get(outcome, f"units.word_f1{tag}").value == 1
            assert get(outcome, f"units.word_f1_top250{tag}").value == 1
            detected = get(outcome, f"units.detected_words{tag}")
            assert detected.value == detected.n == 12
    assert get(outcome, "units.word_nmi").value > 0.85  # only the frames at the edges of words are blank


@pytest.mark.parametrize(("corrupt", "f1"), [(0.2, 8 / 9), (0.4, 3 / 4)])
def test_corrupted_tokens_score_the_closed_form(corrupt: float, f1: float) -> None:
    """A share q of each word's tokens is junk: precision 1, recall 1 - q, F1 = 2 (1 - q) / (2 - q)."""
    tokens = tuple((f"word{w}", 100_000 + w * 400_000, 400_000 + w * 400_000) for w in range(6))
    world = WordWorld((tokens,) * 60, (2_600_000,) * 60, tuple(f"s{i % 12}" for i in range(60)), ("en",) * 60)
    outcome = run(world.request(world.knowing(corrupt=corrupt)), jobs=1)
    for definition in DEFINITIONS:
        assert get(outcome, f"units.word_f1[{definition}]").value == pytest.approx(f1, abs=1e-12)
        assert get(outcome, f"units.word_f1[{definition},held-out]").value == pytest.approx(f1, abs=1e-12)
        record = get(outcome, f"units.word_f1[{definition},held-out]")
        assert record.ci_low < (f1 - record.null_mean) / (1 - record.null_mean) < record.ci_high
        assert record.null_mean < 0.5
        same = get(outcome, f"units.word_f1[{definition}]")
        assert math.isnan(same.ci_low) and "scored on the speech that the codes were chosen on" in same.note
        count = get(outcome, f"units.detected_words[{definition}]")
        assert math.isnan(count.ci_low) and "no interval: a count of words" in count.note


def test_nulls_are_counts_of_codes_shifted_over_speakers(world: WordWorld) -> None:
    stream = world.random(16)
    corpus = word_corpus(world.labels, world.request(stream).tokens, FailureLog())
    source = counted(corpus, stream, replace(QUICK, seed=3))
    voices = dict(zip(world.ids, zip(world.languages, world.speakers, strict=True), strict=True))
    codes = {id: stream.utterance(u).tolist() for u, id in enumerate(world.ids)}
    for draw in (1, 2):
        moved = shifted_over_speakers(codes, voices, RATE, draw, 3)
        shifted = world.stream([np.array(moved[id]) for id in world.ids], 16)
        expected = count_words(label_frames(corpus.words, shifted), corpus.halves.coarse)
        assert tables(source.draw(draw), corpus.words.types) == tables(expected, corpus.words.types)


def test_constant_tokens_are_their_own_null(world: WordWorld) -> None:
    outcome = run(world.request(world.random(1)), jobs=1)
    for definition in DEFINITIONS:
        record = get(outcome, f"units.word_f1[{definition}]")
        assert record.value == pytest.approx(record.null_mean, abs=1e-12)
        assert record.null_sd == pytest.approx(0, abs=1e-12)
        assert get(outcome, f"units.detected_words[{definition}]").value == 0
    assert get(outcome, "units.word_nmi").value == 0


def test_chance_swallows_what_random_tokens_detect() -> None:
    """With 16,384 codes a word said once is always "detected"; the null says so, and the held-out score is nothing."""
    world = make_words(12, 80, 10, 400, seed=1)
    outcome = run(world.request(world.random(16384), protocol=replace(QUICK, n_nulls=10)), jobs=1)
    for definition in DEFINITIONS:
        detected = get(outcome, f"units.detected_words[{definition}]")
        assert detected.value > 100
        assert abs(detected.value - detected.null_mean) < 5 * detected.null_sd
        assert abs(detected.value - detected.nulls[FREQUENCY].mean) < 5 * detected.nulls[FREQUENCY].sd
        assert get(outcome, f"units.detected_words[{definition},held-out]").value <= 2
    share = get(outcome, "units.word_nmi")
    assert share.value > 0.5
    assert abs(share.estimate) < 0.02


def test_names_of_codes_do_not_matter(world: WordWorld) -> None:
    stream = world.random(40, seed=5)
    renamed = replace(stream, codes=(39 - stream.codes).astype(np.int32))
    first, second = (run(world.request(one), jobs=1).results.metrics for one in (stream, renamed))
    for a, b in zip(first, second, strict=True):
        if "held-out" not in a.id:  # equal codes are told apart by their numbers there
            assert (a.id, a.group) == (b.id, b.group)
            assert [a.value, a.null_mean] == pytest.approx([b.value, b.null_mean], abs=1e-12, nan_ok=True)


def test_least_count_leaves_rare_words_out(world: WordWorld) -> None:
    said = oracles.tokens_of(world.spoken(world.random(4)))
    least = sorted(said.values())[6]
    outcome = run(world.request(world.random(4), protocol=replace(QUICK, min_count=least)), jobs=1)
    assert get(outcome, "units.word_f1[vg-hubert]").n == sum(n >= least for n in said.values())


def test_stop_words_are_not_scored(world: WordWorld) -> None:
    protocol = replace(QUICK, stop_words=("word03", "word04"))
    outcome = run(world.request(world.random(30), protocol=protocol), jobs=1)
    spellings = {outcome.types[w].spelling for w in outcome.streams[0].lists[0].ranked()}
    assert len(spellings) == 10
    assert not spellings & {"word03", "word04"}


def test_languages_keep_their_words_apart() -> None:
    world = make_words(4, 40)
    world = replace(world, languages=tuple("de" if i % 2 else "en" for i in range(40)))
    outcome = run(world.request(world.knowing()), jobs=1)
    assert len(outcome.types) == 24
    # one code for a word of two languages detects neither alone, but does so within a language
    assert get(outcome, "units.word_f1[vg-hubert]").value < 0.8
    assert get(outcome, "units.word_f1[vg-hubert]", "language=de").value == 1


def test_bands_are_parts_of_the_whole(world: WordWorld) -> None:
    outcome = run(world.request(world.random(50)), jobs=1)
    bands = [r for r in outcome.results.metrics if r.id == "units.detected_words[vg-hubert]" and "band" in r.group]
    assert sum(r.n for r in bands) == get(outcome, "units.detected_words[vg-hubert]").n


@given(cases(max_utterances=3))
@settings(max_examples=40, deadline=None)
def test_information_is_that_of_the_frames(case: Case) -> None:
    counts = counts_of(case)
    told = information(counts, np.zeros(len(counts.rows), np.int64))
    pairs = [key for key, n in oracles.inside(spoken_of(case), case.frame_rate).items() for _ in range(n)]
    if not pairs:
        assert math.isnan(told.mutual)
        return
    assert told.mutual == pytest.approx(mutual_info_score(*zip(*pairs, strict=True)), abs=1e-9)


def test_leaving_a_cluster_out_is_counting_without_it(world: WordWorld) -> None:
    stream = world.random(20)
    asked = world.request(stream)
    corpus = word_corpus(asked.labels, asked.tokens, asked.failures)
    counts = counted(corpus, stream, QUICK).draw(0)
    cluster = np.arange(len(counts.rows)) * 5 // len(counts.rows)
    left = without_each(counts, cluster, 5)
    for c in range(5):
        told = information(counts, np.where(cluster == c, -1, 0))
        assert left[c] == pytest.approx([told.mutual, told.h_word], abs=1e-9)


def test_what_a_stream_adds_is_what_the_other_does_not_say() -> None:
    world = make_words(12, 60, seed=2)
    knows, blind = world.knowing("phonetic"), world.random(5, name="phonetic")
    told = {}
    for given_stream in (knows, blind):
        for lexical in (world.knowing("lexical"), world.random(5, name="lexical", seed=9)):
            outcome = run(world.request(given_stream, lexical), jobs=1)
            told[given_stream is knows, lexical.codebook_size > 5] = get(outcome, "lexical.word_ncmi[given=phonetic]")
    # codes that know words add all that blind ones leave open
    assert told[False, True].estimate > 0.8
    assert told[False, True].value > told[False, True].null_mean + 10 * told[False, True].null_sd
    # and what knows nothing adds nothing beyond chance
    assert abs(told[False, False].value - told[False, False].null_mean) < 5 * told[False, False].null_sd
    # where the given codes are the words, nothing is left open, so there is no share of it
    assert math.isnan(told[True, True].value)
    assert "leaves nothing open" in told[True, True].note


def text_of(outcome: Outcome, path: Path) -> dict:
    write_results(outcome.results, path)
    data = json.loads(path.read_text())
    data["provenance"].pop("shards", None)
    return data


@pytest.mark.parametrize("n", [1, 2, 5])
def test_shards_merge_to_the_bits_of_one_run(n: int, tmp_path: Path) -> None:
    world = make_words(4, 24, seed=4)
    world = replace(world, languages=tuple("de" if i % 4 == 1 else "en" for i in range(24)))
    request = world.request(world.random(30, name="phonetic"), world.random(9, seed=2, name="lexical"))
    whole = run(request, jobs=1)
    paths = [tmp_path / str(i) / "counts.parquet" for i in range(n)]
    for i, path in enumerate(paths):
        run_shard(request, i, n, path)
    merged = merge(paths[::-1], jobs=2 if n == 5 else 1)
    assert text_of(merged, tmp_path / "m.json") == text_of(whole, tmp_path / "w.json")
    assert words_csv(merged) == words_csv(whole)


def test_processes_change_nothing(world: WordWorld, tmp_path: Path) -> None:
    request = world.request(world.random(30), world.random(9, seed=2, name="other"))
    texts = [text_of(run(request, jobs), tmp_path / f"{jobs}.json") for jobs in (1, 2)]
    assert texts[0] == texts[1]


def test_a_run_leaves_the_same_bytes_twice(world: WordWorld, tmp_path: Path) -> None:
    for name in ("a", "b"):
        outcome = run(world.request(world.knowing(corrupt=0.3)), jobs=1)
        write_run(outcome.results, words_files(outcome), tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert {str(path) for path in files} >= {"words.csv", "results.json", "firings.parquet", "bands.csv", "related.csv"}
    for path in files:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes(), path


def test_the_table_of_words_is_ranked_and_says_the_truth(world: WordWorld) -> None:
    outcome = run(world.request(world.knowing(corrupt=0.3)), jobs=1)
    rows = list(csv.DictReader(io.StringIO(words_csv(outcome))))
    f1 = [float(row["f1"]) for row in rows if row["definition"] == "vg-hubert"]
    assert f1 == sorted(f1, reverse=True)
    said = oracles.tokens_of(world.spoken(world.knowing()))
    scores = oracles.vg_hubert(world.spoken(world.knowing(corrupt=0.3)), RATE)
    for row in rows[:12]:
        assert int(row["count"]) == said[row["word"]]
        precision, recall = scores[row["word"]][int(row["code"])]
        assert (float(row["precision"]), float(row["recall"])) == pytest.approx((float(precision), float(recall)))
        low, high = row["heldout_ci_low"], row["heldout_ci_high"]
        assert (low, high) == ("", "") or float(low) < float(row["f1_heldout"]) < float(high)
        assert float(row["null"]) < float(row["f1"])
    assert sum(row["heldout_ci_low"] != "" for row in rows) > len(rows) / 2


def test_the_null_of_a_word_is_that_of_the_mean_where_it_is_the_only_word(world: WordWorld) -> None:
    """Mean and deviation over the shifts, of the classic and the held-out score; of one shift there is no deviation."""
    corrupt = world.knowing(corrupt=0.3)
    said = oracles.tokens_of(world.spoken(world.knowing()))
    only = max(said, key=lambda word: said[word])
    alone = replace(QUICK, n_nulls=5, stop_words=tuple(word for word in said if word != only))
    outcome = run(world.request(corrupt, protocol=alone), jobs=1)
    rows = list(csv.DictReader(io.StringIO(words_csv(outcome))))
    assert {row["word"] for row in rows} == {only}
    for row in rows:
        for tag, name in (("", "null"), (",held-out", "null_heldout")):
            record = outcome.results.get(f"{row['stream']}.word_f1[{row['definition']}{tag}]")
            sd = "null_sd" if not tag else "null_heldout_sd"
            assert (float(row[name]), float(row[sd])) == pytest.approx((record.null_mean, record.null_sd), abs=1e-6)
            assert record.null_sd > 0
    single = run(world.request(corrupt, protocol=replace(alone, n_nulls=1)), jobs=1)
    assert {row["null_sd"] for row in csv.DictReader(io.StringIO(words_csv(single)))} == {""}


@pytest.mark.slow
def test_intervals_hold_the_truth_of_other_speakers_as_often_as_they_say() -> None:
    """Worlds drawn from one law: the mean held-out F1 of an endless one lies in about 95 % of the intervals."""
    tokens = tuple((f"word{w}", 100_000 + w * 400_000, 400_000 + w * 400_000) for w in range(6))
    n, inside = 20, 0
    for seed in range(n):
        world = WordWorld((tokens,) * 120, (2_600_000,) * 120, tuple(f"s{i % 24}" for i in range(120)), ("en",) * 120)
        rng = np.random.default_rng(seed)
        clean = world.knowing()
        junk = rng.random((120, 6)) < np.clip(rng.normal(0.3, 0.1, 24), 0, 1)[np.arange(120) % 24, None]
        codes = clean.codes.reshape(120, -1).copy()
        codes[(codes > 0) & np.pad(junk, ((0, 0), (1, 1)))[np.arange(120)[:, None], np.minimum(codes, 7)]] = 7
        protocol = WordProtocol(min_count=1, n_nulls=2, stop_words=(), definitions=("vg-hubert",))
        record = get(
            run(world.request(replace(clean, codes=codes.ravel()), protocol=protocol), jobs=1),
            "units.word_f1[vg-hubert,held-out]",
        )
        chance = record.null_mean
        inside += record.ci_low <= (2 * 0.7 / 1.7 - chance) / (1 - chance) <= record.ci_high
    assert inside >= 16


def test_an_unknown_stream_to_condition_on_is_named(world: WordWorld) -> None:
    with pytest.raises(HacError, match="no stream 'phones'"):
        run(world.request(world.random(3)), jobs=1, options=Options(given="phones"))
