"""What a run keeps to be heard: of all voices, within its budget, nothing of an earlier run, no id as a path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from analysis.clips.choose import LONGEST_S, SHORT_S, ClipBudget, ClipSource, Rendering, by_turns, keep_clips
from analysis.clips.time_tiers import TimeLabels
from analysis.clips.word_hits import FoundWord
from analysis.words.occurrences import Occurrence
from hac.data.alignments.alignment import Alignments, tier_from_rows
from hac.data.audio.audio import write_audio
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.token_store import Stream, TokenStore
from tests.analysis.clips.worlds import all_bytes, read_listen, tiers_by_name
from tests.corpora import speech

PLENTY = 10_000_000
HOSTILE = ("../../etc/passwd", '<script>alert("1")</script>', "‮desrever", "a\nb", "con/aux", "x" * 5000, "-rf")


def world(folder: Path, ids: Sequence[str] = ("a", "b", "c", "d"), seconds: float = 1.0) -> ClipSource:
    """Utterances of two speakers with a word, two phones and a stream at 12.5 Hz."""
    rows, words, phones = [], [], []
    for i, id in enumerate(ids):
        write_audio(folder / f"{i}.wav", speech(seconds, 1.5 * i), 16_000)
        rows.append(Utterance(id, f"{i}.wav", seconds, f"voice-{i % 2}", "en", f"text of {id}"))
        words.append((id, f"word {id}", 0, 500_000))
        phones += [(id, "AA", 0, 250_000), (id, "B", 250_000, 500_001)]
    codes = np.tile(np.array([3, 3, 3, 1, 1, 2, 3, 3, 3, 3, 0, 0], np.int32), len(ids))
    bounds = np.arange(len(ids) + 1, dtype=np.int64) * 12
    store = TokenStore(tuple(ids), {"units": Stream("units", 4, Fraction(25, 2), codes, bounds)})
    tiers = {"words": tier_from_rows("words", words), "phones": tier_from_rows("phones", phones)}
    return ClipSource(Manifest(folder, tuple(rows)), tuple(ids), TimeLabels(Alignments(tiers), store))


def with_words(heard: ClipSource, n: int = 1) -> ClipSource:
    occurrences = [
        Occurrence(0, 3, "a", 0, 240_000, True),
        Occurrence(0, 3, "b", 480_000, 800_000, True),
        Occurrence(0, 3, "c", 480_000, 800_000, False),
    ]
    return replace(heard, words=[FoundWord("units", 3, f"word-{i}", 0.5, occurrences) for i in range(n)])


def manifest_of(heard: ClipSource) -> Manifest:
    """The manifest of what is heard, which these worlds all have."""
    assert heard.manifest is not None
    return heard.manifest


def test_clips_hold_sound_and_exact_tiers(tmp_path: Path) -> None:
    assert keep_clips(tmp_path / "run", world(tmp_path), ClipBudget(2, PLENTY)) == []
    found = read_listen(tmp_path / "run")
    assert len(found.clips) == 2
    assert {clip.speaker for clip in found.clips} == {"voice-0", "voice-1"}
    clip = found.clips[0]
    assert clip.text == f"text of {clip.utterance}"
    tiers = tiers_by_name(clip)
    assert list(tiers) == ["words", "phones", "units"]
    assert tiers["words"] == ((0.0, 0.5, f"word {clip.utterance}"),)
    assert tiers["phones"] == ((0.0, 0.25, "AA"), (0.25, 0.500001, "B"))
    assert tiers["units"] == ((0, 0.24, "3"), (0.24, 0.4, "1"), (0.4, 0.48, "2"), (0.48, 0.8, "3"), (0.8, 0.96, "0"))
    row = manifest_of(world(tmp_path)).by_id[clip.utterance]
    heard, _ = soundfile.read(tmp_path / "run" / clip.sounds[0].file)
    original, _ = soundfile.read(tmp_path / row.path)
    assert np.corrcoef(heard, original)[0, 1] > 0.8


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    heard = with_words(world(tmp_path))
    for name in ("one", "two"):
        keep_clips(tmp_path / name, heard, ClipBudget(3, PLENTY))
    assert all_bytes(tmp_path / "one") == all_bytes(tmp_path / "two")
    shuffled = Manifest(tmp_path, manifest_of(heard).utterances[::-1])
    keep_clips(tmp_path / "three", replace(heard, manifest=shuffled), ClipBudget(3, PLENTY))
    assert all_bytes(tmp_path / "one") == all_bytes(tmp_path / "three")


def test_renderings_are_named_and_equal_sounds_are_one_file(tmp_path: Path) -> None:
    heard = world(tmp_path)
    files = {row.id: tmp_path / row.path for row in manifest_of(heard).utterances}
    write_audio(tmp_path / "else.wav", speech(0.75, 20.0), 24_000)
    other = dict.fromkeys(files, tmp_path / "else.wav")
    renderings = (
        Rendering("reconstruction", "reconstruction", files),
        Rendering("swap acoustic", "swap", other, dict.fromkeys(files, "b")),
    )
    keep_clips(tmp_path / "run", replace(heard, renderings=renderings), ClipBudget(1, PLENTY))
    [clip] = read_listen(tmp_path / "run").clips
    original, again, swap = clip.sounds
    assert (again.name, again.kind, again.file, again.spectrogram) == (
        "reconstruction",
        "reconstruction",
        original.file,
        original.spectrogram,
    )
    assert (swap.name, swap.kind, swap.duration_s) == ("swap acoustic from b", "swap", 0.5)
    assert swap.file != original.file


def test_utterances_that_have_every_rendering_come_first(tmp_path: Path) -> None:
    heard = world(tmp_path)
    only = {"c": tmp_path / "2.wav"}
    some = replace(heard, renderings=(Rendering("reconstruction", "reconstruction", only),))
    keep_clips(tmp_path / "run", some, ClipBudget(2, PLENTY))
    clips = read_listen(tmp_path / "run").clips
    assert clips[0].utterance == "c"
    assert [len(clip.sounds) for clip in clips] == [2, 1]


def test_no_text_of_the_corpus_becomes_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "run"
    heard = with_words(world(tmp_path, HOSTILE))
    words = [FoundWord("../s", 3, HOSTILE[1], 0.5, [Occurrence(0, 3, HOSTILE[0], 0, 200_000, True)])]
    assert keep_clips(folder, replace(heard, words=words), ClipBudget(len(HOSTILE), PLENTY)) == []
    found = read_listen(folder)
    assert {clip.utterance for clip in found.clips} == set(HOSTILE)
    assert found.detections[0].word == HOSTILE[1]
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"deep"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["run"]


def test_detections_are_cut_with_context(tmp_path: Path) -> None:
    keep_clips(tmp_path / "run", with_words(world(tmp_path)), ClipBudget(1, PLENTY))
    [word] = read_listen(tmp_path / "run").detections
    assert (word.stream, word.code, word.word, word.f1) == ("units", 3, "word-0", 0.5)
    assert [(hit.utterance, hit.onset_s, hit.offset_s, hit.correct) for hit in word.hits] == [
        ("a", 0.0, 0.24, True),
        ("b", 0.48, 0.8, True),
        ("c", 0.48, 0.8, False),
    ]
    # 0.4 s before and after, as far as there is sound
    assert [hit.duration_s for hit in word.hits] == [0.64, 0.92, 0.92]
    cut, _ = soundfile.read(tmp_path / "run" / word.hits[1].file)
    whole, _ = soundfile.read(tmp_path / "1.wav")
    assert np.corrcoef(cut[1000:], whole[round(0.08 * 16_000) + 1000 :][: len(cut) - 1000])[0, 1] > 0.8


def test_a_budget_is_kept_and_what_does_not_fit_is_told(tmp_path: Path) -> None:
    notes = keep_clips(tmp_path / "run", world(tmp_path), ClipBudget(4, 40_000))
    assert 0 < len(read_listen(tmp_path / "run").clips) < 4
    assert len(notes) == 1
    assert "do not fit into 0.04 MB; give more with --clips-mb" in notes[0]
    notes = keep_clips(tmp_path / "run", with_words(world(tmp_path), 9), ClipBudget(1, 44_000))
    found = read_listen(tmp_path / "run")
    assert found.detections
    assert len(found.clips) == 1
    [note] = keep_clips(tmp_path / "run", world(tmp_path), ClipBudget(4, 1000))
    assert "4 of 4 clips" in note
    assert not (tmp_path / "run" / "listen").exists()


def test_an_earlier_runs_clips_do_not_stay(tmp_path: Path) -> None:
    run = tmp_path / "run"
    keep_clips(run, world(tmp_path), ClipBudget(4, PLENTY))
    many = set(all_bytes(run))
    keep_clips(run, world(tmp_path), ClipBudget(1, PLENTY))
    assert set(all_bytes(run)) < many
    read_listen(run)
    (run / "listen" / "mine.ogg").write_bytes(b"somebody else's")
    assert keep_clips(run, world(tmp_path), ClipBudget(0, PLENTY)) == []
    assert set(all_bytes(run)) == {"listen/mine.ogg"}


def test_without_a_manifest_or_audio_nothing_is_written_and_it_is_said_once(tmp_path: Path) -> None:
    heard = world(tmp_path)
    [note] = keep_clips(tmp_path / "run", replace(heard, manifest=None), ClipBudget(4, PLENTY))
    assert "without a manifest" in note
    for path in tmp_path.glob("*.wav"):
        path.unlink()
    [note] = keep_clips(tmp_path / "run", with_words(heard), ClipBudget(4, PLENTY))
    assert "the audio of 4 utterances could not be read" in note
    assert not (tmp_path / "run" / "listen").exists()


def test_a_libsndfile_without_opus_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundfile, "available_subtypes", lambda format: {"VORBIS": "Vorbis"})
    [note] = keep_clips(tmp_path / "run", world(tmp_path), ClipBudget(4, PLENTY))
    assert "writes no Opus" in note
    assert not (tmp_path / "run").exists()


def test_one_broken_recording_is_passed_over(tmp_path: Path) -> None:
    heard = world(tmp_path)
    keep_clips(tmp_path / "all", heard, ClipBudget(1, PLENTY))
    first = read_listen(tmp_path / "all").clips[0].utterance
    row = manifest_of(heard).by_id[first]
    (tmp_path / row.path).write_bytes(b"no audio")
    assert keep_clips(tmp_path / "run", heard, ClipBudget(3, PLENTY)) == []
    clips = read_listen(tmp_path / "run").clips
    assert len(clips) == 3
    assert first not in {clip.utterance for clip in clips}


def test_long_utterances_come_last_and_very_long_ones_never(tmp_path: Path) -> None:
    heard = world(tmp_path, ("a", "b"))
    long = Utterance("long", "long.wav", SHORT_S + 1)
    endless = Utterance("endless", "endless.wav", LONGEST_S + 1)
    for row in (long, endless):
        write_audio(tmp_path / row.path, np.tile(speech(1.0), 40)[: round(row.duration * 16_000)], 16_000)
    rows = (endless, long, *manifest_of(heard).utterances)
    more = replace(heard, manifest=Manifest(tmp_path, rows), ids=("endless", "long", "a", "b"))
    keep_clips(tmp_path / "run", more, ClipBudget(9, PLENTY))
    names = [clip.utterance for clip in read_listen(tmp_path / "run").clips]
    assert names[-1] == "long"
    assert sorted(names) == ["a", "b", "long"]
    [note] = keep_clips(tmp_path / "run", replace(more, ids=("endless",)), ClipBudget(1, PLENTY))
    assert "at most 30 s" in note


@pytest.mark.parametrize("n", [1, 3, 8, 20])
def test_the_first_ones_are_of_as_many_languages_and_voices_as_there_are(n: int) -> None:
    rows = [
        Utterance(f"{language}-{voice}-{i}", "x.wav", 1.0, f"{voice}", language)
        for language, voices in (("de", 5), ("en", 2), ("pl", 1))
        for voice in range(voices)
        for i in range(9)
    ]
    first = by_turns(rows)[:n]
    assert len({row.language for row in first}) == min(n, 3)
    assert sorted(row.id for row in by_turns(rows)) == sorted(row.id for row in rows)
    for language, voices in (("de", 5), ("en", 2)):
        mine = [row.speaker for row in first if row.language == language]
        assert len(set(mine)) == min(len(mine), voices)
