"""Importing corpora: each layout from a small tree of real speech, and what is left out, counted and listed."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hac.corpora.imports import LAYOUTS
from hac.corpora.imports.importer import Imported, choose_layout, failures_path, import_corpus
from hac.corpora.imports.item import Options
from hac.data.audio.audio import read_audio, write_audio
from hac.data.manifest.formats import read_manifest
from hac.data.manifest.manifest import Utterance
from hac.errors import FailureLog, HacError
from tests.hac.command_line import Hac, hac, refused
from tests.hac.speech import SAMPLE_RATE, speech

__all__ = ["hac"]  # a fixture


def clip(path: Path, seconds: float = 1.0, start: float = 0.5) -> Path:
    write_audio(path, speech(seconds, start), SAMPLE_RATE)
    return path


def lines(path: Path, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def librispeech(root: Path) -> Path:
    chapter = root / "LibriSpeech/dev-clean/84/121"
    clip(chapter / "84-121-0000.flac")
    clip(chapter / "84-121-0001.flac", 1.5)
    lines(chapter / "84-121.trans.txt", "84-121-0000 GO DO YOU HEAR", "84-121-0001 BUT IN LESS")
    lines(root / "LibriSpeech/SPEAKERS.TXT", ";ID |SEX| SUBSET", "84 | F | dev-clean | 8.02 | Christie Nowak")
    return root / "LibriSpeech"


def mls(root: Path) -> Path:
    split = root / "mls_polish_opus/dev"
    clip(split / "audio/6892/10049/6892_10049_000000.flac")
    lines(split / "transcripts.txt", "6892_10049_000000\tże był młody")
    lines(split / "segments.txt", "6892_10049_000000\thttp://example.org/a.mp3\t10.5\t11.5")
    return root / "mls_polish_opus"


def commonvoice(root: Path) -> Path:
    folder = root / "cv-corpus-17.0/de"
    clip(folder / "clips/common_voice_de_1.mp3")
    clip(folder / "clips/common_voice_de_2.mp3")
    head = "client_id\tpath\tsentence\tup_votes\tlocale\tgender"
    one = 'ab12\tcommon_voice_de_1.mp3\t"Komm, sagte er.\t2\tde\tmale_masculine'
    two = "cd34\tcommon_voice_de_2.mp3\tSchönes Wetter.\t2\tde\t"
    lines(folder / "validated.tsv", head, one, two)
    lines(folder / "train.tsv", head, one)
    lines(folder / "invalidated.tsv", head)
    return root / "cv-corpus-17.0"


def vctk(root: Path) -> Path:
    for name in ("p225_001_mic1", "p225_001_mic2", "p226_002_mic1"):
        clip(root / f"VCTK/wav48_silence_trimmed/{name[:4]}/{name}.flac")
    lines(root / "VCTK/txt/p225/p225_001.txt", "Please call Stella.")
    # some editions have ids without the p, and a comment behind
    lines(root / "VCTK/speaker-info.txt", "ID  AGE  GENDER  ACCENTS", "225  23  F  English", "p226  22  M  English (a)")
    return root / "VCTK"


def ljspeech(root: Path) -> Path:
    clip(root / "LJSpeech-1.1/wavs/LJ001-0001.wav")
    clip(root / "LJSpeech-1.1/wavs/LJ001-0002.wav")
    lines(root / "LJSpeech-1.1/metadata.csv", "LJ001-0001|In 1913|In nineteen thirteen", "LJ001-0002|modern|")
    return root / "LJSpeech-1.1"


def plain(root: Path) -> Path:
    clip(root / "plain/anna/a.wav")
    clip(root / "plain/bert/a.wav")
    clip(root / "plain/c.WAV".replace("WAV", "ogg"))
    lines(root / "plain/anna/a.txt", "hello")
    (root / "plain/bert/a.lab").write_bytes("wörter".encode("utf-16"))
    (root / "plain/anna/a.TextGrid").touch()
    return root / "plain"


def kaldi(root: Path) -> Path:
    clip(root / "audio/long.wav", 4.0)
    data = root / "data"
    lines(data / "wav.scp", f"rec1 {root / 'audio/long.wav'}")
    lines(data / "segments", "spk1-a rec1 0.25 1.25", "spk1-b rec1 1.5 -1", "spk2-c rec1 3.0 4.03")
    lines(data / "text", "spk1-a go do", "spk1-b you hear")
    lines(data / "spk2utt", "spk1 spk1-a spk1-b", "spk2 spk2-c")
    lines(data / "utt2lang", "spk1-a en", "spk1-b en")
    return data


def _recording(path: str, seconds: float) -> dict[str, object]:
    source = {"type": "file", "channels": [0], "source": path}
    n_samples = round(seconds * SAMPLE_RATE)
    return {"id": "r", "sources": [source], "sampling_rate": SAMPLE_RATE, "num_samples": n_samples, "duration": seconds}


def lhotse(root: Path) -> Path:
    clip(root / "lhotse/r.wav", 2.0)
    with gzip.open(root / "lhotse/x_recordings_dev.jsonl.gz", "wt") as stream:
        stream.write(json.dumps(_recording("r.wav", 2.0)) + "\n")
    supervision = {"id": "r-0", "recording_id": "r", "start": 0.0, "duration": 2.0, "channel": 0}
    row = {**supervision, "text": "go do you hear", "language": "en", "speaker": "s1"}
    lines(root / "lhotse/x_supervisions_dev.jsonl", json.dumps(row))
    return root / "lhotse"


EXPECTED = {
    librispeech: (
        "librispeech",
        Utterance(
            "84-121-0000", "dev-clean/84/121/84-121-0000.flac", 1.0, "84", "en", "GO DO YOU HEAR", gender="female"
        ),
        Utterance("84-121-0001", "dev-clean/84/121/84-121-0001.flac", 1.5, "84", "en", "BUT IN LESS", gender="female"),
    ),
    mls: (
        "mls",
        Utterance(
            "6892_10049_000000",
            "dev/audio/6892/10049/6892_10049_000000.flac",
            1.0,
            "6892",
            "pl",
            "że był młody",
        ),
    ),
    commonvoice: (
        "commonvoice",
        Utterance(
            "common_voice_de_1", "de/clips/common_voice_de_1.mp3", 1.0, "ab12", "de", '"Komm, sagte er.', gender="male"
        ),
        Utterance("common_voice_de_2", "de/clips/common_voice_de_2.mp3", 1.0, "cd34", "de", "Schönes Wetter."),
    ),
    vctk: (
        "vctk",
        Utterance(
            "p225_001",
            "wav48_silence_trimmed/p225/p225_001_mic1.flac",
            1.0,
            "p225",
            "en",
            "Please call Stella.",
            gender="female",
        ),
        Utterance("p226_002", "wav48_silence_trimmed/p226/p226_002_mic1.flac", 1.0, "p226", "en", gender="male"),
    ),
    ljspeech: (
        "ljspeech",
        Utterance("LJ001-0001", "wavs/LJ001-0001.wav", 1.0, "LJSpeech-1.1", "en", "In nineteen thirteen"),
        Utterance("LJ001-0002", "wavs/LJ001-0002.wav", 1.0, "LJSpeech-1.1", "en", "modern"),
    ),
    plain: (
        "folder",
        Utterance("c", "c.ogg", 1.0),
        Utterance("anna/a.wav", "anna/a.wav", 1.0, "anna", None, "hello", "anna/a.TextGrid"),
        Utterance("bert/a.wav", "bert/a.wav", 1.0, "bert", None, "wörter"),
    ),
    lhotse: ("lhotse", Utterance("r-0", "r.wav", 2.0, "s1", "en", "go do you hear")),
}


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
@pytest.mark.parametrize("tree", EXPECTED)
def test_each_layout_is_recognised_and_imported(tmp_path: Path, tree: Callable[[Path], Path], ending: str) -> None:
    source = tree(tmp_path / "source")
    name, *utterances = EXPECTED[tree]
    out = tmp_path / f"m{ending}"
    imported = import_corpus(source, out, jobs=2)
    manifest = read_manifest(out)
    assert imported.layout == name and not imported.cut
    assert manifest.utterances == tuple(utterances) == imported.manifest.utterances
    assert manifest.root == source
    assert all(manifest.audio_path(utterance).is_file() for utterance in utterances)
    assert not failures_path(out).exists()
    assert import_corpus(source, tmp_path / "again.jsonl", name, jobs=1).manifest == imported.manifest


def test_every_layout_is_tested() -> None:
    assert {name for name, *_ in EXPECTED.values()} | {"kaldi"} == LAYOUTS.keys()


def check_cut(imported: Imported, expected: dict[str, tuple[float, float]]) -> None:
    """The cut files hold exactly these spans of the 4 s recording that starts 0.5 s into the speech."""
    manifest = imported.manifest
    assert imported.cut and manifest.ids == tuple(expected)
    for utterance in manifest.utterances:
        start, stop = expected[utterance.id]
        assert utterance.duration == pytest.approx(stop - start, abs=1e-9)
        samples = read_audio(manifest.audio_path(utterance)).samples
        np.testing.assert_allclose(samples, speech(stop - start, 0.5 + start), atol=2**-14)


def test_kaldi_segments_are_cut(tmp_path: Path) -> None:
    source = kaldi(tmp_path / "source")
    out = tmp_path / "out" / "m.jsonl"
    imported = import_corpus(source, out, "kaldi", Options(audio_root=tmp_path / "source"))
    check_cut(imported, {"spk1-a": (0.25, 1.25), "spk1-b": (1.5, 4.0), "spk2-c": (3.0, 4.0)})
    read = read_manifest(out)
    assert read.root == tmp_path / "out"
    assert read.utterances[0] == Utterance("spk1-a", "audio/spk1-a.flac", 1.0, "spk1", "en", "go do")
    assert read.utterances[2] == Utterance("spk2-c", "audio/spk2-c.flac", 1.0, "spk2")


def test_cut_files_of_like_ids_are_kept_apart(tmp_path: Path) -> None:
    source = kaldi(tmp_path)
    lines(source / "segments", "a/b rec1 0 1", "a_b rec1 1 2", "a:b rec1 2 3")
    imported = import_corpus(source, tmp_path / "out/m.jsonl", options=Options(audio_root=tmp_path))
    check_cut(imported, {"a/b": (0.0, 1.0), "a_b": (1.0, 2.0), "a:b": (2.0, 3.0)})


def test_audio_named_through_a_link_to_the_root(tmp_path: Path) -> None:
    source = kaldi(tmp_path / "real")
    (source / "segments").unlink()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    imported = import_corpus(source, tmp_path / "m.jsonl", options=Options(audio_root=tmp_path / "link"))
    assert imported.manifest.utterances[0].path == "audio/long.wav"
    assert imported.manifest.audio_path(imported.manifest.utterances[0]).is_file()


def test_kaldi_without_segments_is_not_cut(tmp_path: Path) -> None:
    source = kaldi(tmp_path)
    (source / "segments").unlink()
    (source / "spk2utt").unlink()
    lines(source / "utt2spk", "rec1 anna")
    lines(source / "wav.scp", "rec1 ../audio/long.wav")
    imported = import_corpus(source, tmp_path / "m.jsonl", options=Options(audio_root=tmp_path))
    assert imported.manifest.utterances == (Utterance("rec1", "audio/long.wav", 4.0, "anna"),)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("rec1 sph2pipe -f wav a.sph |", "wav.scp: line 1 is a command .*which hac never runs"),
        ("rec1 touch pwned; cat long.wav |", "never runs"),
        ("rec1 foo.ark:123", "Kaldi archive"),
        ("rec1", "has no path"),
    ],
)
def test_kaldi_commands_are_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, words: str
) -> None:
    source = kaldi(tmp_path)
    lines(source / "wav.scp", entry)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HacError, match=words):
        import_corpus(source, tmp_path / "m.jsonl")
    assert not (tmp_path / "pwned").exists() and not (tmp_path / "m.jsonl").exists()


def test_bad_kaldi_segments_are_counted_and_listed(tmp_path: Path) -> None:
    source = kaldi(tmp_path)
    bad = (
        "x1 rec1 2.0 1.0",
        "x2 rec1 -1 1",
        "x3 rec9 0 1",
        "x4 rec1 a b",
        "x5 rec1 3.0 5.0",
        "x6 rec1 9 10",
        "x7 rec1 1e999 -1",
    )
    lines(source / "segments", "spk1-a rec1 0.25 1.25", *bad, "spk1-a rec1 2.0 3.0", "../up rec1 0 1")
    failures = FailureLog()
    out = tmp_path / "out/m.jsonl"
    imported = import_corpus(source, out, options=Options(audio_root=tmp_path), failures=failures)
    assert failures.by_reason() == {"bad-segment": 5, "duplicate-id": 1, "part-outside": 2}
    assert imported.manifest.ids == ("spk1-a", "../up")
    cut = [path.name for path in (tmp_path / "out/audio").iterdir()]
    assert len(cut) == 2 and all(name.endswith(".flac") and not name.startswith(".") for name in cut)
    listed = [json.loads(line) for line in failures_path(out).read_text().splitlines()]
    assert [row["id"] for row in listed] == [failure.id for failure in failures]
    with pytest.raises(HacError, match=r"runs from 2 to 1 s.*--strict"):
        import_corpus(source, out, options=Options(audio_root=tmp_path), failures=FailureLog(strict=True))


def test_a_lhotse_manifest_of_one_endless_line_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hac.files.parsing.LONGEST_LINE", 1000)
    (tmp_path / "cuts.jsonl.gz").write_bytes(gzip.compress(b'{"id": "' + b"a" * 100_000 + b'"}'))
    with pytest.raises(HacError, match=r"line 1: broken JSON \(a line of more than 1,000 characters\)"):
        import_corpus(tmp_path, tmp_path / "out/m.jsonl", "lhotse")


def test_lhotse_parts_and_channels_are_cut(tmp_path: Path) -> None:
    stereo = np.stack([speech(4.0), speech(4.0, 4.5)], axis=1)
    write_audio(tmp_path / "c/r.wav", stereo, SAMPLE_RATE)
    recording = _recording("r.wav", 4.0)
    recording["sources"][0]["channels"] = [0, 1]
    supervision = {"id": "s", "start": 0.5, "duration": 1.0, "channel": 0}
    cuts = [
        {"id": "cut0", "start": 1.0, "duration": 2.0, "channel": 0, "supervisions": [], "recording": recording},
        {"id": "cut1", "start": 1.0, "duration": 1.5, "channel": 0, "supervisions": [supervision]},
        {
            "id": "cut2",
            "start": 1.0,
            "duration": 2.0,
            "supervisions": [{**supervision, "id": "t"}, {**supervision, "id": "u"}],
        },
        {"id": "cut3", "start": 0, "duration": 4.0, "channel": 1, "supervisions": []},
    ]
    lines(tmp_path / "c/cuts.jsonl", *(json.dumps({"recording": recording, **cut}) for cut in cuts))
    imported = import_corpus(tmp_path / "c/cuts.jsonl", tmp_path / "m.jsonl")
    second = imported.manifest.by_id["cut3"]
    samples = read_audio(imported.manifest.audio_path(second)).samples
    np.testing.assert_allclose(samples, speech(4.0, 4.5), atol=2**-14)
    first = imported.manifest.subset(["cut0", "s", "t", "u"])
    spans = {"cut0": (1.0, 3.0), "s": (1.0, 2.5), "t": (1.5, 2.5), "u": (1.5, 2.5)}
    check_cut(Imported("lhotse", first, True), spans)


def test_lhotse_recordings_that_are_no_plain_files(tmp_path: Path) -> None:
    source = lhotse(tmp_path)
    good = _recording("r.wav", 2.0)
    piped = {**good, "id": "p", "sources": [{"type": "command", "channels": [0], "source": "touch pwned"}]}
    lines(source / "y_recordings.jsonl", json.dumps(piped), json.dumps({**good, "id": "q", "transforms": [{}]}))
    row = {"start": 0, "duration": 2.0, "channel": 0}
    extra = [{**row, "id": f"x-{name}", "recording_id": name} for name in ("p", "q", "gone")]
    lines(source / "y_supervisions.jsonl", *map(json.dumps, extra))
    failures = FailureLog()
    assert import_corpus(source, tmp_path / "m.jsonl", failures=failures).manifest.ids == ("r-0",)
    assert failures.by_reason() == {"lhotse-unusable": 3}
    assert "comes from command" in failures.items[0].detail
    lines(source / "y_supervisions.jsonl", json.dumps({"id": "z"}))
    with pytest.raises(HacError, match="lacks or garbles a field"):
        import_corpus(source, tmp_path / "m.jsonl")
    data = (source / "x_recordings_dev.jsonl.gz").read_bytes()
    (source / "x_recordings_dev.jsonl.gz").write_bytes(data[:-10])
    with pytest.raises(HacError, match=r"x_recordings_dev\.jsonl\.gz: the gzip file is truncated or damaged"):
        import_corpus(source, tmp_path / "m.jsonl")


def test_bad_audio_is_counted_by_reason_and_the_rest_imported(tmp_path: Path) -> None:
    source = librispeech(tmp_path)
    chapter = source / "dev-clean/84/121"
    names = ("good", "gone", "empty", "text", "short", "link", "silent")
    lines(chapter / "9.trans.txt", *(f"9-{name} WORDS" for name in names))
    clip(chapter / "9-good.wav")
    clip(tmp_path / "outside.wav")
    (chapter / "9-empty.flac").touch()
    (chapter / "9-text.flac").write_text("no audio " * 100)
    (chapter / "9-short.wav").write_bytes((chapter / "9-good.wav").read_bytes()[:9000])
    (chapter / "9-link.wav").symlink_to(tmp_path / "outside.wav")
    write_audio(chapter / "9-silent.flac", np.zeros(16000), SAMPLE_RATE)
    expected = {"audio-empty": 1, "audio-missing": 1, "audio-outside": 1, "audio-truncated": 1, "audio-unreadable": 1}
    failures = FailureLog()
    out = tmp_path / "m.jsonl"
    assert len(import_corpus(source, out, failures=failures, jobs=2).manifest) == 4
    assert failures.by_reason() == expected
    failures = FailureLog()
    assert len(import_corpus(source, out, failures=failures, verify=True).manifest) == 3
    assert failures.by_reason() == {**expected, "audio-silent": 1}
    with pytest.raises(HacError, match="--strict"):
        import_corpus(source, tmp_path / "n.jsonl", failures=FailureLog(strict=True))
    assert not (tmp_path / "n.jsonl").exists()


def test_a_later_clean_import_removes_the_old_list(tmp_path: Path) -> None:
    source = ljspeech(tmp_path)
    lines(source / "metadata.csv", "LJ001-0001|text", "nothing", "LJ001-0009|text")
    failures = FailureLog()
    import_corpus(source, tmp_path / "m.jsonl", failures=failures)
    assert failures.by_reason() == {"audio-missing": 1, "bad-row": 1}
    assert failures_path(tmp_path / "m.jsonl").exists()
    lines(source / "metadata.csv", "LJ001-0001|text")
    import_corpus(source, tmp_path / "m.jsonl")
    assert not failures_path(tmp_path / "m.jsonl").exists()


def test_common_voice_tables(tmp_path: Path) -> None:
    source = commonvoice(tmp_path)
    table = source / "de/train.tsv"
    assert import_corpus(table, tmp_path / "m.jsonl").manifest.ids == ("common_voice_de_1",)
    lines(table, "client_id\tpath\tsentence", "s\t../../../secret.mp3\tx", "s\tcommon_voice_de_1\tx")
    clip(tmp_path / "secret.mp3")
    failures = FailureLog()
    manifest = import_corpus(table, tmp_path / "m.jsonl", failures=failures).manifest
    assert manifest.ids == ("common_voice_de_1",) and manifest.languages == ("de",)
    assert failures.by_reason() == {"audio-outside": 1}
    lines(table, "speaker\tpath", "s\tcommon_voice_de_1.mp3")
    says = r"the column 'client_id' is missing \(columns found: speaker, path\); expected .*tab-separated"
    with pytest.raises(HacError, match=says):
        import_corpus(table, tmp_path / "m.jsonl")


def test_a_table_of_speakers_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    source = librispeech(tmp_path)
    (source / "SPEAKERS.TXT").write_bytes(b"84 | F | caf\xe9")
    failures = FailureLog()
    manifest = import_corpus(source / "dev-clean", tmp_path / "m.jsonl", failures=failures).manifest
    assert [utterance.gender for utterance in manifest.utterances] == [None, None]
    assert failures.by_reason() == {"text-encoding": 1}


def test_options_fill_what_the_corpus_does_not_say(tmp_path: Path) -> None:
    source = plain(tmp_path)
    options = Options(language="de", speaker_folders=False)
    manifest = import_corpus(source, tmp_path / "m.jsonl", "folder", options).manifest
    assert manifest.languages == ("de",) and manifest.speakers == ()


def test_a_bad_transcript_leaves_its_utterance_out(tmp_path: Path) -> None:
    source = plain(tmp_path)
    (source / "anna/a.txt").write_bytes(b"caf\xe9 latin-1")
    failures = FailureLog()
    assert len(import_corpus(source, tmp_path / "m.jsonl", failures=failures).manifest) == 2
    assert failures.by_reason() == {"text-encoding": 1}


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS refuses such file names itself")
def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    source = plain(tmp_path)
    (source / "c.ogg").rename(source / "c\udcff.ogg")
    failures = FailureLog()
    assert len(import_corpus(source, tmp_path / "m.jsonl", failures=failures).manifest) == 2
    assert failures.by_reason() == {"name-encoding": 1}


def test_nothing_to_import(tmp_path: Path) -> None:
    with pytest.raises(HacError, match="no such folder or file"):
        choose_layout(tmp_path / "gone")
    with pytest.raises(HacError, match=r"no corpus layout recognised; expected one of kaldi: wav\.scp"):
        choose_layout(tmp_path)
    with pytest.raises(HacError, match="corpus kind 'librspeech' is not one of auto, kaldi"):
        choose_layout(tmp_path, "librspeech")
    with pytest.raises(HacError, match=r"not a kaldi corpus; expected wav\.scp"):
        choose_layout(tmp_path, "kaldi")
    with pytest.raises(HacError, match=r"ends in \.jsonl or \.parquet"):
        import_corpus(tmp_path, tmp_path / "m.txt")
    (tmp_path / "a.wav").touch()
    with pytest.raises(HacError, match="none of 1 utterances can be used, most for audio-empty: a:"):
        import_corpus(tmp_path, tmp_path / "m.jsonl")
    assert not (tmp_path / "m.jsonl").exists()


GARBLED = {
    kaldi: ("data", ["wav.scp", "segments", "text", "spk2utt"]),
    lhotse: ("lhotse", ["x_supervisions_dev.jsonl", "x_cuts.jsonl"]),
    commonvoice: ("cv-corpus-17.0", ["de/validated.tsv"]),
    ljspeech: ("LJSpeech-1.1", ["metadata.csv"]),
    librispeech: ("LibriSpeech", ["dev-clean/84/121/84-121.trans.txt"]),
}
pieces = st.sampled_from(
    ["rec1", "spk1-a", "../x", "/", "\0", "é", "|", "\t", " ", "\n", "-1", "nan", "inf", "1e400", "0.5", "x" * 300]
    + ["{}", "[]", '"id"', ":", ",", "null", "client_id\tpath\tsentence\n", "a.mp3", "LJ001-0001|", "\ufeff"]
    + [json.dumps({"id": "a", "recording_id": "r", "start": start, "duration": 1}) for start in (0, "x", 1e400)]
    + [json.dumps({"id": "a", "recording": _recording("r.wav", 2.0), "supervisions": [{"channel": ["x"]}]})]
    + [json.dumps({"id": "a", "recording": {"sources": [{"type": "file"}]}, "duration": 1})]
)


@pytest.mark.parametrize("tree", GARBLED)
def test_whatever_a_corpus_says_only_clear_errors_come(
    tmp_path_factory: pytest.TempPathFactory, tree: Callable[[Path], Path]
) -> None:
    base = tmp_path_factory.mktemp("garbled")
    source = tree(base)
    folder, names = GARBLED[tree]

    @settings(max_examples=60, deadline=None)
    @given(name=st.sampled_from(names), content=st.lists(pieces, max_size=12).map("".join))
    def check(name: str, content: str) -> None:
        path = base / folder / name
        before = path.read_bytes() if path.exists() else None
        path.write_text(content, encoding="utf-8")
        try:
            import_corpus(source, base / "out/m.jsonl", options=Options(audio_root=base))
        except HacError as error:
            assert len(str(error)) < 2000
        finally:
            path.unlink() if before is None else path.write_bytes(before)

    check()


def run_command(*arguments: object) -> tuple[int, str]:
    """Exit code and output of `hac corpus import`, as the command line runs it."""
    code = "import typer; from hac import console; from hac.commands import corpus; console.run(corpus.app)"
    command = [sys.executable, "-c", code, "import", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_command_says_what_it_did(tmp_path: Path, hac: Hac) -> None:
    source, out = ljspeech(tmp_path), tmp_path / "m.parquet"
    lines(source / "metadata.csv", "LJ001-0001|text", "LJ001-0009|text")
    code, said = run_command("ljspeech", source, "-o", out, "-j", 2)
    assert code == 0, said
    assert "left out, audio-missing: 1 (such as LJ001-0009:" in said
    assert f"{out}: ljspeech, 1 utterances, 0.00 h, 1 speakers, en" in said
    refused(hac("corpus", "import", source, "-o", tmp_path / "n.jsonl", "--strict", "-j", 1), "error: LJ001-0009:")
    assert not (tmp_path / "n.jsonl").exists()
    refused(
        hac("corpus", "import", tmp_path / "gone", "-o", out),
        f"error: {tmp_path / 'gone'}: no such folder or file to import\n",
    )


def test_ctrl_c_leaves_no_manifest(tmp_path: Path) -> None:
    source, out = kaldi(tmp_path), tmp_path / "out/m.jsonl"
    # the signal arrives while the second segment is being cut; a shell may have switched it off for its background jobs
    code = (
        "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from hac import console; from hac.commands import corpus;"
        "from hac.corpora.imports import importer as run; write = run.write_audio; count = []\n"
        "def interrupted(*a):\n"
        "    count.append(1)\n"
        "    if len(count) == 2: os.kill(os.getpid(), signal.SIGINT)\n"
        "    write(*a)\n"
        "run.write_audio = interrupted; console.run(corpus.app)"
    )
    command = [sys.executable, "-c", code, "import", str(source), "-o", str(out), "--audio-root", str(tmp_path), "-j1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 130 and "Traceback" not in done.stderr
    assert not out.exists()
    assert not list(tmp_path.rglob("*.part"))
