"""Decoding token stores: named safely, resumed, in windows that change nothing, failures counted."""

from __future__ import annotations

import json
import resource
import signal
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hac.coding.decode import decode_corpus
from hac.coding.decoded_audio import file_names, read_mark, safe_name, write_marked
from hac.coding.decoders import decode_blocks
from hac.data.audio.audio import audio_info, read_audio
from hac.data.manifest.formats import read_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.formats import read_tokens, write_tokens
from hac.errors import FailureLog, HacError
from tests.hac.fake_decoder import HOP, RATE, Steps, write_store

STEP = 2.0**-15
"""One step of 16-bit audio."""


@pytest.fixture
def decoder(tmp_path: Path) -> Steps:
    return Steps(tmp_path / "log.txt")


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    return write_store(tmp_path / "tokens.parquet", {"one": 30, "two": 7, "three": 120, "four": 1})


def expected(tokens: Path, id: str, decoder: Steps) -> np.ndarray:
    store = read_tokens(tokens)
    index = store.ids.index(id)
    return replace(decoder, log=decoder.log.with_suffix(".other")).decode(
        {name: stream.utterance(index) for name, stream in store.streams.items()}
    )


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_every_utterance_becomes_a_file_of_whole_frames(
    format: str, tokens: Path, decoder: Steps, tmp_path: Path
) -> None:
    made = decode_corpus(tokens, tmp_path / "out", checkpoint=decoder, format=format, block_s=0.1)
    manifest = read_manifest(tmp_path / "out" / "manifest.jsonl")
    assert manifest.utterances == made.manifest.utterances
    assert manifest.ids == ("one", "two", "three", "four")
    assert made.n_new == 4
    for utterance in manifest.utterances:
        audio = read_audio(manifest.audio_path(utterance))
        whole = expected(tokens, utterance.id, decoder)
        assert manifest.audio_path(utterance) == tmp_path / "out" / f"{utterance.id}.{format}"
        assert audio.sample_rate == RATE
        assert len(audio.samples) == len(whole) == round(utterance.duration * RATE)
        assert np.abs(audio.samples - whole).max() <= STEP


@given(n_frames=st.integers(1, 90), block_s=st.floats(0.001, 0.5))
def test_windows_join_to_the_whole_and_bound_what_is_decoded_at_once(
    n_frames: int, block_s: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    decoder = Steps(tmp_path_factory.mktemp("windows") / "log.txt")
    codes = {"acoustic.0": np.random.default_rng(n_frames).integers(0, 16, n_frames).astype(np.int32)}
    blocks = list(decode_blocks(decoder, codes, block_s))
    core = max(1, -(-Fraction(block_s) * RATE // HOP))
    assert max(decoder.calls()) <= core + 3
    assert max(len(block) for block in blocks) <= (core + 1) * HOP
    assert np.array_equal(np.concatenate(blocks), decoder.decode(codes))


def test_a_decoder_without_a_bound_is_given_the_whole(decoder: Steps) -> None:
    codes = {"acoustic.0": np.arange(90, dtype=np.int32) % 16}
    assert len(list(decode_blocks(replace(decoder, context=None), codes, 0.05))) == 1
    assert decoder.calls() == [90]


def test_nothing_is_decoded_twice(tokens: Path, decoder: Steps, tmp_path: Path) -> None:
    out = tmp_path / "out"
    decode_corpus(tokens, out, checkpoint=decoder)
    before = {path.name: path.stat().st_ino for path in out.glob("*.wav")}
    assert len(decoder.calls()) == 4
    again = decode_corpus(tokens, out, checkpoint=decoder)
    assert again.n_new == 0
    assert len(again.manifest) == 4
    assert len(decoder.calls()) == 4
    assert {path.name: path.stat().st_ino for path in out.glob("*.wav")} == before
    (out / "two.wav").unlink()
    (out / "one.wav").write_bytes((out / "one.wav").read_bytes()[:1000])
    assert decode_corpus(tokens, out, checkpoint=decoder).n_new == 2
    assert decoder.calls()[4:] == [30, 7]


def test_other_tokens_weights_or_streams_are_decoded_anew(tokens: Path, decoder: Steps, tmp_path: Path) -> None:
    def n_new(checkpoint: Steps = decoder, **options: object) -> int:
        return decode_corpus(tokens, tmp_path / "out", checkpoint=checkpoint, **options).n_new

    assert n_new() == 4
    store = read_tokens(tokens)
    codes = store["phonetic"].codes.copy()
    codes[3] = (codes[3] + 1) % 16
    write_tokens(replace(store, streams={**store.streams, "phonetic": replace(store["phonetic"], codes=codes)}), tokens)
    assert n_new() == 1
    assert n_new(replace(decoder, weights_sha256="b" * 64)) == 4
    assert n_new(replace(decoder, weights_sha256="b" * 64), levels=["phonetic"]) == 4
    assert n_new(replace(decoder, weights_sha256="b" * 64), levels=["phonetic"], format="flac") == 4


def test_a_run_that_was_stopped_goes_on(tokens: Path, decoder: Steps, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        decode_corpus(tokens, out, checkpoint=replace(decoder, fail_at=3))
    assert sorted(path.name for path in out.iterdir()) == ["one.wav", "two.wav"]
    (out / ".three.wav.abcdefgh.part").write_bytes(b"RIFF")  # what SIGKILL leaves
    (out / ".other.wav.abcdefgh.part").write_bytes(b"RIFF")  # of somebody else
    assert decode_corpus(tokens, out, checkpoint=decoder).n_new == 2
    assert [path.name for path in out.glob(".*")] == [".other.wav.abcdefgh.part"]
    undisturbed = tmp_path / "undisturbed"
    decode_corpus(tokens, undisturbed, checkpoint=decoder)
    for path in undisturbed.iterdir():
        assert path.read_bytes() == (out / path.name).read_bytes()


def test_processes_do_not_change_a_bit(tokens: Path, decoder: Steps, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("hac.coding.decode.TASK_S", 0.1)
    decode_corpus(tokens, tmp_path / "single", checkpoint=decoder)
    decode_corpus(tokens, tmp_path / "several", checkpoint=decoder, jobs=2)
    for path in (tmp_path / "single").iterdir():
        assert path.read_bytes() == (tmp_path / "several" / path.name).read_bytes()


def test_a_manifest_cuts_to_its_durations_and_hands_on_what_it_knows(
    tokens: Path, decoder: Steps, tmp_path: Path
) -> None:
    n_samples = {"one": 30 * HOP - 79, "two": 7 * HOP - 1, "three": 120 * HOP, "four": 1}
    rows = [Utterance(id, f"{id}.wav", n / RATE, "anna", "en", "words", "x.TextGrid") for id, n in n_samples.items()]
    made = decode_corpus(tokens, tmp_path / "out", checkpoint=decoder, manifest=Manifest(tmp_path, tuple(rows)))
    for utterance in made.manifest.utterances:
        assert audio_info(made.manifest.audio_path(utterance)).n_samples == n_samples[utterance.id]
        assert utterance.duration == pytest.approx(n_samples[utterance.id] / RATE, abs=1e-6)
        assert (utterance.speaker, utterance.language, utterance.text) == ("anna", "en", "words")
        assert utterance.alignment is None


def test_a_manifest_of_other_audio_is_noticed(tokens: Path, decoder: Steps, tmp_path: Path) -> None:
    rows = (Utterance("one", "one.wav", 0.3), Utterance("two", "two.wav", 9.0), Utterance("three", "three.wav", 1.2))
    failures = FailureLog()
    made = decode_corpus(
        tokens, tmp_path / "out", checkpoint=decoder, manifest=Manifest(tmp_path, rows), failures=failures
    )
    assert made.manifest.ids == ("one", "three")
    assert failures.by_reason() == {"manifest-missing": 1, "tokens-duration": 1}


def test_what_cannot_be_decoded_is_counted_and_strict_stops(decoder: Steps, tmp_path: Path) -> None:
    tokens = write_store(tmp_path / "t.parquet", {"good": 5, "empty": 0, "bad": 400})
    broken = replace(decoder, broken=30, streams=decoder.streams)
    failures = FailureLog()
    made = decode_corpus(tokens, tmp_path / "out", checkpoint=broken, failures=failures)
    assert made.manifest.ids == ("good",)
    assert {failure.id: failure.reason for failure in failures} == {"empty": "tokens-empty", "bad": "audio-not-finite"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good.wav", "manifest.jsonl"]
    with pytest.raises(HacError, match=r"empty: .*--strict stops"):
        decode_corpus(tokens, tmp_path / "strict", checkpoint=broken, failures=FailureLog(strict=True))
    with pytest.raises(HacError, match=r"none of the utterances could be decoded; the first: .*'empty'"):
        decode_corpus(tokens, tmp_path / "none", checkpoint=broken, ids=["empty"])
    assert not (tmp_path / "none").exists()


def test_only_the_chosen_utterances_under_the_names_that_all_give(decoder: Steps, tmp_path: Path) -> None:
    tokens = write_store(tmp_path / "t.parquet", {"A": 3, "a": 3, "b": 3})
    made = decode_corpus(tokens, tmp_path / "out", checkpoint=decoder, ids=["b", "a"])
    assert [(u.id, u.path) for u in made.manifest.utterances] == [("b", "b.wav"), ("a", "a-2.wav")]
    with pytest.raises(HacError, match="'c'"):
        decode_corpus(tokens, tmp_path / "out", checkpoint=decoder, ids=["c"])


NASTY = [
    "../../outside",
    "/etc/passwd",
    "..",
    ".",
    ".hidden",
    "-rf",
    "a/b",
    "a b",
    "a\\b",
    "nul\0byte",
    "bell\x07and\x1b[31mred",
    "line\nbreak",
    "x" * 5000,
    "音" * 300,
    "𠀀" * 90,
    "CASE",
    "case",
    "manifest.jsonl",
    "a_b",
    "\u202egnp",
    "e\u0301",
    "é",
]


def test_untrusted_ids_stay_in_the_folder(decoder: Steps, tmp_path: Path) -> None:
    tokens = write_store(tmp_path / "t.parquet", dict.fromkeys(NASTY, 2))
    out = tmp_path / "deep" / "out"
    made = decode_corpus(tokens, out, checkpoint=decoder)
    assert made.manifest.ids == tuple(NASTY)
    files = {path.name for path in out.iterdir()}
    assert files == {utterance.path for utterance in made.manifest.utterances} | {"manifest.jsonl"}
    assert len({name.casefold() for name in files}) == len(NASTY) + 1
    assert {path.name for path in tmp_path.iterdir()} == {"t.parquet", "deep", "log.txt"}
    assert read_manifest(out / "manifest.jsonl").utterances == made.manifest.utterances


@given(ids=st.lists(st.text(), unique=True, max_size=20))
def test_names_are_safe_and_unique(ids: list[str]) -> None:
    names = file_names(ids)
    assert len({name.casefold() for name in names}) == len(ids)
    for name in names:
        assert 0 < len(name.encode()) <= 120
        assert name[0] not in ".-"
        assert name.isprintable()
        assert not set(name) & set('/\\:*?"<>| ')


def test_plain_ids_are_their_names() -> None:
    for id in ("1089-134686-0000", "LJ001-0001", "p225_001.mic1", "größe"):
        assert safe_name(id) == id


def test_half_a_character_is_a_failure(decoder: Steps, tmp_path: Path) -> None:
    path = tmp_path / "tokens.jsonl"
    head = json.dumps({"codebook_size": {"acoustic.0": 16, "phonetic": 16}})
    rows = [
        json.dumps({"id": id, "frame_rate": "100", "streams": {"acoustic.0": [1], "phonetic": [2]}})
        for id in ("a\ud800", "good")
    ]
    path.write_text("\n".join([head, *rows]))
    failures = FailureLog()
    assert decode_corpus(path, tmp_path / "out", checkpoint=decoder, failures=failures).manifest.ids == ("good",)
    assert failures.by_reason() == {"id-text": 1}


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    noise = np.random.default_rng(0).uniform(-1, 1, 50_000).astype(np.float32)
    try:
        for format in ("wav", "flac"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
            with pytest.raises(HacError, match=f"a.{format}: no space left on the disk"):
                write_marked(tmp_path / f"a.{format}", [noise, noise], 16_000, "mark")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_a_mark_is_found_in_a_whole_file_only(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{format}"
    noise = np.random.default_rng(0).uniform(-1.5, 1.5, 50_000).astype(np.float32)
    assert write_marked(path, [noise[:7], noise[7:]], 16_000, "mark") == 50_000
    assert np.abs(read_audio(path).samples - noise.clip(-1, 1)).max() <= STEP
    assert read_mark(path, 50_000) == "mark"
    assert read_mark(path, 49_999) is None
    data = path.read_bytes()
    for part in (b"", data[: len(data) // 2], b"garbage" * 100):
        path.write_bytes(part)
        assert read_mark(path, 50_000) is None
    soundfile.write(path, noise, 16_000)
    assert read_mark(path, 50_000) is None
    assert read_mark(tmp_path / "absent.wav", 50_000) is None


def test_impossible_requests_are_refused(tokens: Path, decoder: Steps, tmp_path: Path) -> None:
    with pytest.raises(HacError, match="format 'mp3'"):
        decode_corpus(tokens, tmp_path / "out", checkpoint=decoder, format="mp3")
    with pytest.raises(HacError, match="0 jobs"):
        decode_corpus(tokens, tmp_path / "out", checkpoint=decoder, jobs=0)
