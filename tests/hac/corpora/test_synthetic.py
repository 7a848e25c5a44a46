"""The synthetic corpus: exact times, the same bytes for the same seed, nothing moved by augmentation."""

from __future__ import annotations

import ctypes
import hashlib
import random
import sys
from itertools import pairwise
from pathlib import Path

import espeakng_loader
import numpy as np
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hac.commands import corpus_builtin
from hac.corpora.acoustic_conditions import CONDITIONS, Conditions, augment, coloured_noise, room_response
from hac.corpora.synthetic import espeak, texts
from hac.corpora.synthetic.corpus import Settings, SyntheticCorpus, speakers, synthetic_corpus
from hac.corpora.synthetic.espeak import DRY_VARIANTS, FEMALE_VARIANTS, Speech, Voice, synthesize
from hac.corpora.synthetic.espeak_times import SILENCE, phone_label
from hac.data.alignments.alignment import PHONES, WORDS, Alignments, read_alignments
from hac.data.audio.audio import audio_info, read_audio
from hac.data.manifest.formats import read_manifest
from hac.errors import HacError

TINY = Settings(minutes=0.5, voices=8, seed=3)


def tiny(folder: Path, **changes: object) -> SyntheticCorpus:
    return synthetic_corpus(folder, Settings(**{"minutes": 0.5, "voices": 8, "seed": 3, **changes}))


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(alignments: Alignments, tier: str) -> list[tuple[str, str, int, int]]:
    table = alignments.tier(tier)
    owner = np.repeat(np.asarray(table.ids, dtype=object), np.diff(table.bounds))
    labels = [table.vocabulary[i] for i in table.labels]
    return list(zip(owner, labels, table.onset_us.tolist(), table.offset_us.tolist(), strict=True))


def same(a: Speech, b: Speech) -> bool:
    return np.array_equal(a.samples, b.samples) and (a.phones, a.words) == (b.phones, b.words)


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_sentences_are_spoken_word_for_word(language: str) -> None:
    lines = texts.sentences(language)
    assert len(lines) >= 60
    assert len(set(lines)) == len(lines)
    for line in lines:
        assert not any(letter.isdigit() for letter in line)
        speech = synthesize(line, Voice(language, "m3", 50, 170), 1)
        spoken = [word.label for word in speech.words]
        assert all(label and not any(letter.isspace() for letter in label) for label in spoken)
        assert letters_of(" ".join(spoken)) == letters_of(line)
        check_tiers(speech)


def letters_of(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalpha())


def check_tiers(speech: Speech) -> None:
    """Phones tile the sound; words start and end with phones, in order, and hold every phone that is no pause."""
    edges = [(phone.start, phone.end) for phone in speech.phones]
    assert edges[0][0] == 0
    assert edges[-1][1] == len(speech.samples)
    assert all(before[1] == after[0] for before, after in pairwise(edges))
    assert all(start < end for start, end in edges)
    starts, ends = {start for start, _ in edges}, {end for _, end in edges}
    at = 0
    for word in speech.words:
        assert at <= word.start < word.end
        assert word.start in starts
        assert word.end in ends
        at = word.end
    for phone in speech.phones:
        inside = any(word.start <= phone.start and phone.end <= word.end for word in speech.words)
        assert inside == (phone.label != SILENCE), phone


@pytest.mark.parametrize("variant", DRY_VARIANTS)
def test_a_stop_starts_with_its_closure(variant: str) -> None:
    """After a vowel the sound stops where p, t, k begin, at least 20 ms before the burst, and not earlier."""
    speech = synthesize("A paper, a teapot, a cake: look at a happy cook.", Voice("en", variant, 50, 170), 1)
    loud = np.abs(speech.samples.astype(int)) > 12
    found = 0
    for before, stop in pairwise(speech.phones):
        if stop.label in "ptk" and before.label[0] in "ɐeiaəuʊæ":
            closure = round(0.020 * speech.sample_rate)
            assert not loud[stop.start : stop.start + closure].any(), stop
            assert loud[stop.start - 1], stop
            assert loud[stop.start : stop.end].any(), stop
            found += 1
    assert found >= 5


def test_pauses_are_quiet_and_speech_is_not() -> None:
    speech = synthesize("We waited, then we ran away.", Voice("en", "m3", 50, 170), 1)
    level = {True: [], False: []}
    for phone in speech.phones:
        piece = speech.samples[phone.start : phone.end].astype(float)
        level[phone.label == SILENCE].append(float(np.sqrt(np.mean(piece**2))))
    assert max(level[True]) < 0.05 * np.median(level[False])


def test_an_utterance_depends_on_nothing_said_before() -> None:
    jobs = [(language, variant) for language in ("de", "pl", "en") for variant in DRY_VARIANTS]
    say = {job: synthesize(texts.sentences(job[0])[0], Voice(*job, 45, 180), 7) for job in jobs}
    random.Random(5).shuffle(jobs)
    for job in jobs:
        assert same(say[job], synthesize(texts.sentences(job[0])[0], Voice(*job, 45, 180), 7)), job


def test_another_user_of_the_library_changes_nothing() -> None:
    voice, text = Voice("en", "f1", 45, 180), texts.sentences("en")[0]
    alone = synthesize(text, voice, 7)
    held = ctypes.CDLL(espeakng_loader.get_library_path())
    try:
        for _ in range(3):
            assert same(synthesize(text, voice, 7), alone)
    finally:
        espeak._unload(held._handle)
    assert same(synthesize(text, voice, 7), alone)


def test_pitch_and_rate_are_heard() -> None:
    text = texts.sentences("en")[0]
    slow, fast = (synthesize(text, Voice("en", "m3", 50, rate), 1) for rate in (145, 195))
    assert len(slow.samples) > 1.15 * len(fast.samples)
    low, high = (synthesize(text, Voice("en", "m3", pitch, 170), 1) for pitch in (30, 70))
    assert not np.array_equal(low.samples[:20000], high.samples[:20000])


def test_unknown_voice_and_missing_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HacError, match="no voice"):
        synthesize("x", Voice("xx", "m3", 50, 170))
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(HacError, match=r"hac-codec\[synth\]"):
        synthesize("hello", Voice("en", "m3", 50, 170))


def test_labels_are_plain() -> None:
    assert [phone_label(name) for name in ("ˈeɪ", "ˌɐ̃ʊ", "", "ə-", "ss")] == ["eɪ", "ɐ̃ʊ̃", SILENCE, "ə", "sː"]


def test_voices_are_balanced_and_named() -> None:
    cast = speakers(texts.LANGUAGES, 48)
    assert len({speaker.name for speaker in cast}) == 48
    assert len({speaker.voice for speaker in cast}) == 48
    for language in texts.LANGUAGES:
        own = [speaker.voice for speaker in cast if speaker.voice.language == language]
        assert len(own) == 6
        assert sum(voice.variant in FEMALE_VARIANTS for voice in own) == 3
    assert {speaker.voice.variant for speaker in cast} == set(DRY_VARIANTS)
    assert speakers(texts.LANGUAGES, 96)[:48] == cast
    assert speakers(("en",), 6) == [s for s in cast if s.voice.language == "en"]


@pytest.mark.slow
def test_same_seed_same_bytes_for_any_number_of_jobs(tmp_path: Path) -> None:
    synthetic_corpus(tmp_path / "one", TINY)
    synthetic_corpus(tmp_path / "two", TINY, jobs=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    tiny(tmp_path / "other", seed=4)
    assert digests(tmp_path / "one") != digests(tmp_path / "other")


def test_the_corpus_on_disk(tmp_path: Path) -> None:
    corpus = tiny(tmp_path)
    manifest = read_manifest(tmp_path / "manifest.jsonl")
    assert manifest.utterances == corpus.manifest.utterances
    assert sum(u.duration for u in manifest.utterances) >= 30.0
    assert {u.language for u in manifest.utterances} == set(texts.LANGUAGES)
    alignments = read_alignments(tmp_path / "alignments.parquet")
    assert alignments.provenance["settings"]["seed"] == 3
    phones = rows(alignments, PHONES)
    for utterance in manifest.utterances:
        info = audio_info(manifest.audio_path(utterance))
        assert (info.sample_rate, info.channels) == (16_000, 1)
        assert info.duration_us == round(utterance.duration * 1e6)
        own = [row for row in phones if row[0] == utterance.id]
        assert (own[0][2], own[-1][3]) == (0, info.duration_us)
        assert all(a[3] == b[2] and a[2] < a[3] for a, b in pairwise(own))
        assert own[0][1] == own[-1][1] == SILENCE
        words = [row[1] for row in rows(alignments, WORDS) if row[0] == utterance.id]
        assert letters_of("".join(words)) == letters_of(str(utterance.text))


def test_written_times_are_the_synthesizers(tmp_path: Path) -> None:
    """The file is quiet in its pauses and loud in its vowels, by the written times alone."""
    corpus = tiny(tmp_path, augmentation="none")
    for utterance in corpus.manifest.utterances[:4]:
        audio = read_audio(corpus.manifest.audio_path(utterance))
        level = {True: [], False: []}
        for id, label, onset_us, offset_us in rows(corpus.alignments, PHONES):
            if id == utterance.id and (label == SILENCE or label[0] in "aeiouɛɔæɐ"):
                piece = audio.samples[round(onset_us * 0.016) : round(offset_us * 0.016)]
                level[label == SILENCE].append(float(np.sqrt(np.mean(piece**2))))
        assert max(level[True]) < 0.2 * np.median(level[False])


def test_augmentation_changes_the_sound_and_no_time(tmp_path: Path) -> None:
    made = {name: tiny(tmp_path / name, augmentation=name) for name in ("none", "light", "strong")}
    tiers = [{tier: rows(corpus.alignments, tier) for tier in (PHONES, WORDS)} for corpus in made.values()]
    assert tiers[0] == tiers[1] == tiers[2]
    first = made["none"].manifest.utterances[0]
    sounds = [read_audio(corpus.manifest.audio_path(first)).samples for corpus in made.values()]
    assert len({sound.tobytes() for sound in sounds}) == 3
    for sound in sounds[1:]:
        # the lag of the best match with the clean sound is none
        spectrum = np.fft.rfft(sounds[0], 2 * len(sound)).conj() * np.fft.rfft(sound, 2 * len(sound))
        whitened = np.fft.irfft(spectrum / (np.abs(spectrum) + 1e-9))
        assert int(np.argmax(np.abs(whitened))) == 0


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    at=st.integers(0, 7999),
    telephone=st.sampled_from([0.0, 1.0]),
)
def test_an_impulse_stays_where_it_is(seed: int, at: int, telephone: float) -> None:
    click = np.zeros(8000, np.float32)
    click[at] = 1.0
    harmless = Conditions((0.1, 0.5), (6.0, 18.0), (60.0, 60.0), (0.0, 2.0), 0.5, telephone, (-20.0, -20.0))
    heard = augment(click, 16_000, harmless, np.random.default_rng(seed))
    assert heard.shape == click.shape
    assert heard.dtype == np.float32
    assert int(np.argmax(np.abs(heard))) == at
    assert np.abs(heard).max() <= 0.951


@pytest.mark.parametrize("name", ["light", "strong"])
def test_augmented_speech_stays_within_full_scale(name: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        heard = augment(rng.standard_normal(16_000).astype(np.float32), 16_000, CONDITIONS[name], rng)
        assert np.isfinite(heard).all()
        assert 0.005 < np.abs(heard).max() <= 0.951


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
def test_noise_has_its_slope(slope: float) -> None:
    noise = coloured_noise(160_000, slope, np.random.default_rng(2))
    assert np.sqrt(np.mean(noise.astype(float) ** 2)) == pytest.approx(1.0, abs=1e-3)
    power = np.abs(np.fft.rfft(noise)) ** 2
    octaves = [power[2**k : 2 ** (k + 1)].mean() for k in range(10, 16)]
    fitted = -np.polyfit(np.arange(6), np.log2(octaves), 1)[0]
    assert fitted == pytest.approx(slope, abs=0.15)


@pytest.mark.parametrize("seconds", [0.2, 0.6])
def test_a_room_decays_as_asked(seconds: float) -> None:
    room = room_response(seconds, 6.0, 16_000, np.random.default_rng(3)).astype(float)
    assert room[0] == 1.0
    assert 10 * np.log10(1.0 / np.sum(room[1:] ** 2)) == pytest.approx(6.0, abs=0.2)
    # Schroeder's backward integral, fitted between -5 and -25 dB
    decay = 10 * np.log10(np.cumsum(room[:0:-1] ** 2)[::-1] / np.sum(room[1:] ** 2))
    fit = (decay < -5) & (decay > -25)
    slope = np.polyfit(np.flatnonzero(fit) / 16_000, decay[fit], 1)[0]
    assert -60 / slope == pytest.approx(seconds, rel=0.1)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"minutes": 0.0}, "--minutes"),
        ({"minutes": float("nan")}, "--minutes"),
        ({"voices": 3}, "--voices"),
        ({"languages": ("en", "fi")}, "fi"),
        ({"languages": ()}, "--languages"),
        ({"augmentation": "heavy"}, "heavy"),
        ({"seed": -1}, "--seed"),
    ],
)
def test_senseless_settings_are_refused(tmp_path: Path, changes: dict[str, object], word: str) -> None:
    with pytest.raises(HacError, match=word):
        synthetic_corpus(tmp_path / "made", Settings(**changes))
    assert not (tmp_path / "made").exists()


def test_an_interrupted_run_leaves_no_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny(tmp_path)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hac.corpora.synthetic.corpus.write_audio", interrupt)
    with pytest.raises(KeyboardInterrupt):
        tiny(tmp_path, seed=9)
    assert not (tmp_path / "manifest.jsonl").exists()
    assert not (tmp_path / "alignments.parquet").exists()


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(corpus_builtin.builtin)
    options = ["--minutes", "0.2", "--voices", "2", "--languages", "en,de", "--augment", "none"]
    result = CliRunner().invoke(app, [str(tmp_path), *options])
    assert result.exit_code == 0, result.output
    assert "2 voices" in result.output
    assert "words, exact" in result.output
