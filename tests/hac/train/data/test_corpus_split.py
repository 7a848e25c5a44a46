"""Which utterances are trained on, and which are held out."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from hac.data.alignments.alignment import Alignments, tier_from_rows, write_alignments
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import FailureLog, HacError
from hac.train.config_sections import DataConfig
from hac.train.data.corpus_split import join, load_corpus


def utterances(n, n_speakers=1, prefix="u", duration=1.0):
    return tuple(Utterance(f"{prefix}{i}", f"{prefix}{i}.wav", duration, f"speaker-{i % n_speakers}") for i in range(n))


def write(folder, name="train", rows=None, **options):
    """A manifest without audio: nothing here opens any."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.jsonl"
    write_manifest(Manifest(folder, utterances(**options) if rows is None else tuple(rows)), path)
    return str(path)


def load(failures=None, seed=0, **data):
    return load_corpus(DataConfig(**data), seed, FailureLog() if failures is None else failures)


def test_whole_speakers_are_held_out(tmp_path):
    corpus = load(train=write(tmp_path, n=60, n_speakers=10), validation_share=0.2)
    assert corpus.held_out == "speakers"
    assert len(corpus.validation) == 12 and len(corpus.validation.speakers) == 2
    assert not set(corpus.train.speakers) & set(corpus.validation.speakers)
    assert set(corpus.train.ids) | set(corpus.validation.ids) == {f"u{i}" for i in range(60)}
    assert set(corpus.both.ids) == {f"u{i}" for i in range(60)}


@pytest.mark.parametrize("unknown", [False, True])
def test_utterances_are_held_out_where_speakers_are_few_or_unknown(tmp_path, unknown):
    rows = utterances(40, 10 if unknown else 4)
    if unknown:
        rows = (*rows[:-1], dataclasses.replace(rows[-1], speaker=None))
    corpus = load(train=write(tmp_path, rows=rows), validation_share=0.1)
    assert corpus.held_out == "utterances"
    assert len(corpus.validation) == 4 and len(corpus.train) == 36
    assert not set(corpus.train.ids) & set(corpus.validation.ids)


@pytest.mark.parametrize("n_speakers", [1, 12])
def test_the_seed_fixes_what_is_held_out(tmp_path, n_speakers):
    path = write(tmp_path, n=60, n_speakers=n_speakers)
    backwards = write(tmp_path, "backwards", utterances(60, n_speakers)[::-1])
    held = [set(load(train=path, seed=seed).validation.ids) for seed in (0, 0, 1, 2, 3)]
    assert held[0] == held[1] == set(load(train=backwards, seed=0).validation.ids)
    assert len({frozenset(ids) for ids in held}) > 1


def test_at_least_one_is_held_out_and_one_is_left(tmp_path):
    path = write(tmp_path, n=2)
    for share in (0.01, 0.99):
        corpus = load(train=path, validation_share=share)
        assert (len(corpus.train), len(corpus.validation)) == (1, 1)
    with pytest.raises(HacError, match=r"no utterance between .* is left to validate on"):
        load(train=write(tmp_path, "one", n=1))


def test_manifests_for_both_parts(tmp_path):
    corpus = load(
        train=(write(tmp_path / "a", n=3, prefix="a"), write(tmp_path / "b", n=2, prefix="b")),
        validation=write(tmp_path / "c", n=4, prefix="c"),
    )
    assert corpus.held_out == "manifest" and corpus.phones is None
    assert corpus.train.ids == ("a0", "a1", "a2", "b0", "b1") and corpus.validation.ids == ("c0", "c1", "c2", "c3")
    assert len(corpus.both) == 9


def test_an_utterance_in_both_parts(tmp_path):
    rows = utterances(3)
    with pytest.raises(HacError, match=r"2 utterances are in data\.train and in data\.validation, the first is 'u0'"):
        load(train=write(tmp_path, rows=rows), validation=write(tmp_path, "dev", rows[:2]))


def test_too_short_and_too_long_are_left_out_and_counted(tmp_path):
    rows = [Utterance(f"u{i}", "x.wav", s) for i, s in enumerate((0.49, 0.5, 1.0, 2.0, 2.01, 9.0))]
    failures = FailureLog(strict=True)  # a choice of the configuration: no failure to stop at
    corpus = load(failures, train=write(tmp_path, rows=rows), min_s=0.5, max_s=2.0)
    assert set(corpus.both.ids) == {"u1", "u2", "u3"}
    assert failures.by_reason() == {"too-long": 2, "too-short": 1}
    assert "9 s, above data.max_s = 2" in next(f.detail for f in failures if f.id == "u5")


def test_nothing_is_left(tmp_path):
    path = write(tmp_path, n=5)
    with pytest.raises(HacError, match=r"no utterance between data\.min_s = 2 and data\.max_s = 3 s is left to train"):
        load(train=path, min_s=2, max_s=3)
    long = write(tmp_path, "long", n=2, prefix="v", duration=9.0)
    with pytest.raises(HacError, match="is left to validate on"):
        load(train=path, validation=long, max_s=3)


def test_a_manifest_that_is_not_there(tmp_path):
    with pytest.raises(HacError, match=r"gone\.jsonl"):
        load(train=str(tmp_path / "gone.jsonl"))


def test_broken_rows_are_counted(tmp_path):
    path = Path(write(tmp_path, n=3))
    path.write_text(path.read_text() + json.dumps({"id": "bad", "path": "x.wav", "duration": -1}) + "\n")
    failures = FailureLog()
    assert len(load(failures, train=str(path)).both) == 3
    assert len(failures) == 1
    with pytest.raises(HacError, match="--strict"):
        load(FailureLog(strict=True), train=str(path))


def test_joined_manifests_find_their_files(tmp_path):
    parts = []
    for name in ("a", "b/c"):
        folder = tmp_path / name
        (folder / "audio").mkdir(parents=True)
        id = name[-1]
        (folder / "audio" / f"{id}.wav").touch()
        parts.append(Manifest(folder, (Utterance(id, f"audio/{id}.wav", 1.0, text="words", alignment="x.TextGrid"),)))
    whole = join(parts)
    assert whole.ids == ("a", "c") and whole.root == tmp_path.resolve()
    for part in parts:
        (before,) = part.utterances
        after = whole.by_id[before.id]
        assert whole.audio_path(after).resolve() == part.audio_path(before).resolve()
        assert after.text == "words" and after.alignment is None
    assert join(parts[:1]) is parts[0]


def test_joining_refuses_an_id_twice_and_paths_out_of_the_root(tmp_path):
    a = Manifest(tmp_path / "a", utterances(2))
    with pytest.raises(HacError, match="'u0' stands in two manifests"):
        join([a, Manifest(tmp_path / "b", utterances(1))])
    outside = Manifest(tmp_path / "b", (Utterance("v", "../a/u0.wav", 1.0),))
    with pytest.raises(HacError, match="leads out of the root"):
        join([a, outside])


def store(path, *rows):
    write_alignments(Alignments({"phones": tier_from_rows("phones", rows)}, {}), path)
    return str(path)


def test_phones_of_the_validation_part_out_of_several_stores(tmp_path):
    first = store(tmp_path / "1.parquet", ("v1", "B", 0, 100), ("v1", "AA", 100, 300), ("u0", "S", 0, 100))
    second = store(tmp_path / "2.parquet", ("v0", "S", 0, 200), ("elsewhere", "T", 0, 10))
    parts = {"train": write(tmp_path, n=2), "validation": write(tmp_path, "dev", n=3, prefix="v")}
    corpus = load(**parts, alignments=(first, second))
    assert sorted(corpus.phones.rows()) == [("v0", "S", 0, 200), ("v1", "AA", 100, 300), ("v1", "B", 0, 100)]
    assert corpus.phones.vocabulary == ("AA", "B", "S")
    assert load(**parts, alignments=store(tmp_path / "3.parquet", ("elsewhere", "T", 0, 10))).phones is None


def test_an_utterance_in_two_stores(tmp_path):
    """Its intervals would lie over one another."""
    stores = [store(tmp_path / f"{i}.parquet", (id, "B", 0, 100), ("v1", "B", 0, 100)) for i, id in enumerate("xx")]
    parts = {"train": write(tmp_path, n=2), "validation": write(tmp_path, "dev", n=3, prefix="v")}
    with pytest.raises(HacError, match=r"1\.parquet: utterance 'v1' stands in two of data\.alignments"):
        load(**parts, alignments=stores)


def test_a_store_without_phones(tmp_path):
    write_alignments(Alignments({"words": tier_from_rows("words", [("u0", "x", 0, 5)])}, {}), tmp_path / "w.parquet")
    with pytest.raises(HacError, match="no tier 'phones'"):
        load(train=write(tmp_path, n=4), alignments=str(tmp_path / "w.parquet"))
