"""Clips and TextGrids through the real command lines: each command keeps what it can be heard by, or says why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hac.data.alignments.textgrid import read_textgrid
from hac.data.manifest.formats import read_manifest
from hac.data.segments import runs_of
from hac.data.tokens.formats import read_tokens
from tests.analysis.clips.worlds import all_bytes, read_listen, tiers_by_name
from tests.analysis.reconstruction.worlds import decode
from tests.analysis.words.test_bad_input import rewrite, rows_of, spoken
from tests.bad import test_bad_input as bad
from tests.bad.test_bad_input import PNMI, Run, refused
from tests.hac.tiny_hac import one_thread, tiny_model  # noqa: F401

corpus, run = bad.corpus, bad.run
QUIET = ("--asr", "none", "--speaker", "none", "--mos", "none", "-j", "1", "--nulls", "2")
NO_CLIPS = "warning: no clips for the report: "


def done(run: Run, *words: str) -> str:
    code, error = run(*words)
    assert code == 0, error
    return error


def test_pnmi_keeps_recordings_over_their_tiers(run: Run, corpus: Path) -> None:
    error = done(run, *PNMI, "--clips", "3")
    assert "warning" not in error
    found = read_listen(corpus / "out")
    assert found.budget_bytes == 8_000_000
    assert len(found.clips) == 3
    tokens = read_tokens(corpus / "tokens.parquet")
    runs = runs_of(tokens["units"], tokens.ids)
    for clip in found.clips:
        assert [sound.kind for sound in clip.sounds] == ["original"]
        tiers = tiers_by_name(clip)
        assert list(tiers) == ["words", "phones", "units"]
        mine = tuple((a / 1e6, b / 1e6, label) for id, label, a, b in runs.rows() if id == clip.utterance)
        assert tiers["units"] == mine
    before = all_bytes(corpus / "out" / "listen")
    done(run, *PNMI, "--clips", "3")
    assert all_bytes(corpus / "out" / "listen") == before
    done(run, *PNMI, "--clips", "0")
    assert not (corpus / "out" / "listen").exists()


def test_without_audio_there_are_numbers_and_one_warning(run: Run, corpus: Path) -> None:
    done(run, *PNMI)
    for path in (corpus / "audio").iterdir():
        path.unlink()
    error = done(run, *PNMI)
    assert error.count(NO_CLIPS) == error.count("warning") == 1
    assert not (corpus / "out" / "listen").exists()
    alone = [word for word in PNMI if word not in ("--manifest", "manifest.jsonl")]
    error = done(run, *alone, "--alignments", "alignments.parquet")
    assert f"{NO_CLIPS}without a manifest" in error


def test_a_merge_does_not_keep_the_clips_of_another_run(run: Run, corpus: Path) -> None:
    done(run, *PNMI)
    assert (corpus / "out" / "listen").exists()
    done(run, *(word if word != "out" else "shard" for word in PNMI), "--shard", "1/1")
    done(run, "merge", "shard", "-o", "out", "-j", "1")
    assert not (corpus / "out" / "listen").exists()


def test_words_can_be_clicked_and_heard(run: Run, corpus: Path) -> None:
    rewrite(corpus, spoken("press", "now"))
    words = ("words", *PNMI[1:], "--nulls", "2", "--min-count", "1", "--stop-words", "none")
    done(run, *words)
    found = read_listen(corpus / "out").detections
    ranked = [row for row in rows_of(corpus / "out" / "words.csv") if row["definition"] == "vg-hubert"]
    expected = [(row["stream"], row["word"], int(row["code"]), float(row["f1"])) for row in ranked]
    assert [(one.stream, one.word, one.code) for one in found] == [row[:3] for row in expected]
    assert [one.f1 for one in found] == pytest.approx([row[3] for row in expected], abs=1e-6)
    tokens = read_tokens(corpus / "tokens.parquet")
    for word in found:
        assert 1 <= sum(hit.correct for hit in word.hits) <= 3
        assert sum(not hit.correct for hit in word.hits) <= 2
        for hit in word.hits:
            codes = tokens["units"].utterance(tokens.ids.index(hit.utterance))
            assert set(codes[round(hit.onset_s * 50) : round(hit.offset_s * 50)].tolist()) == {word.code}
            # each word lasts half a second
            assert hit.correct == (
                hit.onset_s < 0.5 if word.word == "press" else hit.offset_s > 0.5 and hit.onset_s < 1
            )
    done(run, *words, "--firings", "0")
    assert read_listen(corpus / "out").detections == ()


def test_somebodys_reconstructions_are_heard(run: Run, corpus: Path) -> None:
    decode(read_manifest(corpus / "manifest.jsonl"), corpus / "theirs", 0.2)
    words = ("recon", "--decoded", "theirs", "--manifest", "manifest.jsonl", "-o", "out", *QUIET, "--metrics", "si_sdr")
    done(run, *words, "--null-pairs", "2", "--clips", "2")
    for clip in read_listen(corpus / "out").clips:
        assert [(sound.name, sound.kind) for sound in clip.sounds] == [
            ("original", "original"),
            ("reconstruction", "reconstruction"),
        ]
        assert clip.sounds[0].file != clip.sounds[1].file
        assert list(tiers_by_name(clip)) == ["words", "phones"]  # nobody gave tokens
    (corpus / "alignments.parquet").write_bytes(b"no parquet")
    error = done(run, *words, "--null-pairs", "2", "--clips", "2")
    assert "warning: clips without words and phones: " in error
    assert read_listen(corpus / "out").clips[0].tiers == ()


def test_a_codec_is_heard_with_each_number_of_quantizers(run: Run, corpus: Path) -> None:
    tiny_model().save_pretrained(corpus / "model")
    words = ("recon", "--ckpt", "model", "--manifest", "manifest.jsonl", "-o", "out", *QUIET, "--metrics", "si_sdr")
    done(run, *words, "--null-pairs", "2", "--clips", "1")
    [clip] = read_listen(corpus / "out").clips
    assert [sound.name for sound in clip.sounds[1:]] == [f"reconstruction rvq-{n}" for n in (1, 2, 3)]
    streams = ("acoustic.0", "acoustic.1", "acoustic.2", "phonetic", "lexical")
    assert tuple(tiers_by_name(clip)) == ("words", "phones", *streams)


def test_every_intervention_is_heard(run: Run, corpus: Path) -> None:
    tiny_model().save_pretrained(corpus / "model")
    words = ("intervene", "--ckpt", "model", "--manifest", "manifest.jsonl", "-o", "out", *QUIET, "--no-f0")
    done(run, *words, "--limit", "2", "--levels", "phonetic", "--clips", "2")
    clips = read_listen(corpus / "out").clips
    other = {clips[0].utterance: clips[1].utterance, clips[1].utterance: clips[0].utterance}
    for clip in clips:
        assert [(sound.name, sound.kind) for sound in clip.sounds] == [
            ("original", "original"),
            ("reconstruction", "reconstruction"),
            ("drop phonetic", "drop"),
            ("only phonetic", "keep"),
            ("shuffle phonetic", "shuffle"),
            (f"swap phonetic from {other[clip.utterance]}", "swap"),
        ]
        assert len({sound.file for sound in clip.sounds}) == 6
        assert tuple(tiers_by_name(clip))[-2:] == ("phonetic", "lexical")


def test_a_run_and_its_tokens_give_the_same_textgrids(run: Run, corpus: Path) -> None:
    done(run, *PNMI)
    done(run, "export", "--textgrid", "tokens.parquet", "--manifest", "manifest.jsonl", "-o", "a")
    done(run, "export", "--textgrid", "out", "-o", "b")
    assert all_bytes(corpus / "a") == all_bytes(corpus / "b")
    listed = [json.loads(line) for line in (corpus / "a" / "textgrids.jsonl").read_text().splitlines()]
    assert listed == [{"id": f"utt-{i}", "file": f"utt-{i}.TextGrid"} for i in range(6)]
    tokens = read_tokens(corpus / "tokens.parquet")
    runs = [(label, a, b) for id, label, a, b in runs_of(tokens["units"], tokens.ids).rows() if id == "utt-4"]
    assert read_textgrid(corpus / "a" / "utt-4.TextGrid", {"units": ("units",)})["units"] == runs
    assert set(read_textgrid(corpus / "a" / "utt-4.TextGrid")) == {"words", "phones"}
    done(run, "export", "--textgrid", "tokens.parquet", "--every-frame", "-o", "c")
    frames = read_textgrid(corpus / "c" / "utt-4.TextGrid", {"units": ("units",)})["units"]
    assert [int(label) for label, *_ in frames] == tokens["units"].utterance(4).tolist()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("export", "tokens.parquet"), ("--textgrid",)),
        (("export", "--textgrid", "nowhere"), ("nowhere",)),
        (("export", "--textgrid", "tokens.parquet", "--streams", "lexical"), ("'lexical'", "units")),
        (("export", "--textgrid", "tokens.parquet", "--manifest", "no.jsonl"), ("no.jsonl",)),
        (("pnmi", *PNMI[1:], "--convention", "nearest", "--clips", "2"), ("nearest",)),
    ],
)
def test_bad_words_are_refused_and_nothing_is_written(
    run: Run, corpus: Path, words: tuple[str, ...], says: tuple[str, ...]
) -> None:
    refused(run, *words, says=says)
    assert not (corpus / "textgrids").exists()
    assert not (corpus / "out").exists()


def test_utterances_that_cannot_be_written_are_listed(run: Run, corpus: Path) -> None:
    from hac.data.alignments.alignment import Alignments, tier_from_rows, write_alignments

    rows = [("utt-0", "a", 0, 500_000), ("utt-0", "b", 400_000, 900_000), ("utt-1", "c", 0, 100_000)]
    write_alignments(Alignments({"words": tier_from_rows("words", rows)}, {}), corpus / "alignments.parquet")
    error = done(run, "export", "--textgrid", "tokens.parquet", "--manifest", "manifest.jsonl", "-o", "tg")
    assert "left out 1 utterances (1 textgrid-overlap)" in error
    [failure] = [json.loads(line) for line in (corpus / "tg" / "failures.jsonl").read_text().splitlines()]
    assert failure["id"] == "utt-0"
    assert "'a' of tier 'words' ends at 0.500000 s, after 'b' begins (0.400000 s)" in failure["detail"]
    assert len(list((corpus / "tg").glob("*.TextGrid"))) == 5
    strict = ("export", "--textgrid", "tokens.parquet", "--manifest", "manifest.jsonl", "-o", "strict", "--strict")
    refused(run, *strict, says=("utt-0", "--strict"))
