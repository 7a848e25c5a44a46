"""Debian's speech sets: transcripts read, packages fetched and unpacked, audio converted; all offline."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import typer
from numpy.typing import NDArray
from typer.testing import CliRunner

from hac.commands import corpus_builtin
from hac.corpora.debian.corpus import DebianCorpus, debian_corpus
from hac.corpora.debian.packages import default_cache, download, unpack
from hac.corpora.debian.speech_sets import (
    SPEECH_SETS,
    asterisk_texts,
    choose_sets,
    clean_text,
    fillets_lines,
    tuxpaint_text,
)
from hac.corpora.g722 import read_g722
from hac.data.alignments.alignment import PHONES, WORDS, Alignments, read_alignments, tier_from_rows
from hac.data.audio.audio import AudioError, read_audio
from hac.data.manifest.formats import read_manifest
from hac.data.manifest.manifest import Manifest
from hac.errors import HacError
from hac.files.atomic import sha256_file

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="builds packages with dpkg-deb")


@pytest.mark.parametrize(
    ("text", "language", "kept", "reason"),
    [
        ("Thank  you. ", "en", "Thank you.", None),
        ("dash [-]", "en", "dash", None),
        ("[!] punto esclamativo", "it", "punto esclamativo", None),
        ("Mailbox?", "en", "Mailbox?", None),
        ("Login incorrect.  Mailbox?", "en", "Login incorrect. Mailbox?", None),
        ("Change to which folder? Press 1.", "en", "Change to which folder? Press 1.", None),
        ("[tone]", "en", "[tone]", "not-speech"),
        ("(10 seconds of silence)", "en", "(10 seconds of silence)", "not-speech"),
        ("<beep ascending>", "en", "<beep ascending>", "not-speech"),
        ("", "en", "", "no-transcript"),
        ("...", "en", "...", "no-transcript"),
        ('IAX (note: does not say "2")', "en", 'IAX (note: does not say "2")', "transcript-has-notes"),
        ("Konkrétně %1 hodin!", "cs", "Konkrétně %1 hodin!", "transcript-has-notes"),
        ("La conferenza ? piena.", "it", "La conferenza ? piena.", "transcript-damaged"),
        ("non pu? essere", "it", "non pu? essere", "transcript-damaged"),
        ("at [@]", "ru", "at", "transcript-other-language"),
        ("Нажмите 4", "ru", "Нажмите 4", None),
        ("42", "ru", "42", None),
    ],
)
def test_only_what_is_spoken_is_kept(text: str, language: str, kept: str, reason: str | None) -> None:
    assert clean_text(text, language) == (kept, reason)


def test_asterisk_listing() -> None:
    listing = "; a comment: not a line\n\nvm-and: and\ndigits/1: one: the first\nkey: key: Text\nis:\n"
    assert asterisk_texts(listing) == {"vm-and": "and", "digits/1": "one: the first", "key": "Text", "is": ""}


def test_tuxpaint_caption() -> None:
    caption = "A hand.\nfr.utf8=Une rivière.\nfr_CA.utf8=Une autre.\n".encode()
    assert tuxpaint_text(caption, "fr") == "Une rivière."
    assert tuxpaint_text(caption, "es") == ""


def test_fillets_dialogue() -> None:
    script = (
        '-- comment\ndialogId("a-1", "font_small", "Hello \\"you\\".")\ndialogStr("Ahoj.")\n'
        'dialogId("b", "font_big", "Long")\ndialogStr(\n"Přes dva\nřádky.")\ndialogId("c", "font_elk", "No text")\n'
    )
    assert fillets_lines(script) == {"a-1": ("small", "Ahoj."), "b": ("big", "Přes dva\nřádky.")}


def test_sets_are_chosen_by_name() -> None:
    assert choose_sets(None) == list(SPEECH_SETS.values())
    assert [entry.name for entry in choose_sets(" tuxpaint-fr, asterisk-en,tuxpaint-fr")] == [
        "tuxpaint-fr",
        "asterisk-en",
    ]
    for names in ("asterisk-de", ","):
        with pytest.raises(HacError, match="expected some of asterisk-en"):
            choose_sets(names)


def noise(n_samples: int, seed: int = 0) -> NDArray[np.int16]:
    return (np.random.default_rng(seed).standard_normal(n_samples) * 3000).astype(np.int16)


def write_g722(path: Path, samples: NDArray[np.int16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="g722") as container:
        stream = container.add_stream("g722", rate=16_000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux([*stream.encode(frame), *stream.encode(None)])


def test_g722_is_decoded_whole_with_its_known_delay(tmp_path: Path) -> None:
    samples = noise(32_000)
    write_g722(tmp_path / "x.g722", samples)
    decoded = read_g722(tmp_path / "x.g722")
    assert decoded.dtype == np.int16
    assert len(decoded) == len(samples) == 2 * (tmp_path / "x.g722").stat().st_size
    match = [float(np.corrcoef(samples[:-100], decoded[lag : lag - 100])[0, 1]) for lag in range(60)]
    assert int(np.argmax(match)) == 22
    assert max(match) > 0.9


def test_g722_troubles(tmp_path: Path) -> None:
    (tmp_path / "empty.g722").touch()
    for name, reason in (("none.g722", "audio-missing"), ("empty.g722", "audio-empty")):
        with pytest.raises(AudioError) as caught:
            read_g722(tmp_path / name)
        assert caught.value.reason == reason


def build(cache: Path, package: str, files: dict[str, bytes], version: str = "1") -> Path:
    """A real .deb with these files, and the package's copyright file, in the cache."""
    tree = cache.parent / "trees" / f"{package}-{version}"
    files = {**files, f"usr/share/doc/{package}/copyright": f"Licence of {package}".encode()}
    control = f"Package: {package}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: x\n"
    for name, content in {**files, "DEBIAN/control": control.encode()}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content)
    cache.mkdir(parents=True, exist_ok=True)
    deb = cache / f"{package}_{version}_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, deb], check=True, capture_output=True)
    return deb


def g722_bytes(folder: Path, n_samples: int, seed: int) -> bytes:
    write_g722(folder / "scratch.g722", noise(n_samples, seed))
    return (folder / "scratch.g722").read_bytes()


def ogg_bytes(folder: Path, samples: NDArray[np.float64], rate: int) -> bytes:
    soundfile.write(folder / "scratch.ogg", samples, rate, format="OGG", subtype="VORBIS")
    return (folder / "scratch.ogg").read_bytes()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Packages of three sets: spoken, silent, bracketed, wordless and damaged recordings."""
    cache = tmp_path / "cache"
    listing = (
        "; English\nhello: Hello there.\nsilent: Not a sound.\nsilence/1: (1 second)\ntoo-long: "
        + "word " * 40
        + "\nletters/dash: dash [-]\nempty: Empty.\nnote: Yes (says no)\n"
    )
    text_file = "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
    build(cache, "asterisk-core-sounds-en", {text_file: gzip.compress(listing.encode("utf-8-sig"), mtime=0)})
    voice = "usr/share/asterisk/sounds/en_US_f_Ann/"
    audio = {f"{name}.g722": g722_bytes(tmp_path, 16_000, i) for i, name in enumerate(KEYS)}
    write_g722(tmp_path / "scratch.g722", np.zeros(8000, np.int16))
    audio |= {"silent.g722": (tmp_path / "scratch.g722").read_bytes(), "empty.g722": b""}
    build(cache, "asterisk-core-sounds-en-g722", {voice + name: data for name, data in audio.items()})
    stereo = np.stack([np.sin(np.arange(44_100) * 0.05)] * 2, axis=1) * 0.3
    stamps = "usr/share/tuxpaint/stamps/animals/"
    build(
        cache,
        "tuxpaint-stamps-default",
        {
            stamps + "cat.txt": b"A cat.\nfr.utf8=Un chat.\n",
            stamps + "cat_desc_fr.ogg": ogg_bytes(tmp_path, stereo, 44_100),
        }
        | {stamps + "dog_desc_fr.ogg": b"not audio", stamps + "dog.txt": b"A dog.\nfr.utf8=Un chien.\n"},
    )
    game = "usr/share/games/fillets-ng/"
    tone = np.sin(np.arange(22_050) * 0.05) * 0.3
    build(cache, "fillets-ng-data-cs", {game + "sound/cave/cs/a.ogg": ogg_bytes(tmp_path, tone, 22_050)})
    lines = 'dialogId("a", "font_small", "Hi")\ndialogStr("Ahoj světe.")\n'.encode()
    build(cache, "fillets-ng-data", {game + "script/cave/demo_dialogs_cs.lua": lines})
    return cache


KEYS = ("hello", "silence/1", "too-long", "letters/dash", "note", "wordless")


def make(folder: Path, cache: Path, sets: str = "asterisk-en,tuxpaint-fr,fillets-cs", **more: object) -> DebianCorpus:
    return debian_corpus(folder, choose_sets(sets), cache=cache, **more)


@needs_dpkg
def test_packages_become_a_corpus(tmp_path: Path, cache: Path) -> None:
    corpus = make(tmp_path / "made", cache, jobs=2)
    manifest = read_manifest(tmp_path / "made" / "manifest.jsonl")
    assert manifest.utterances == corpus.manifest.utterances
    found = [(u.id, u.speaker, u.language, u.text) for u in manifest.utterances]
    assert found == [
        ("asterisk-en-hello", "Ann", "en", "Hello there."),
        ("asterisk-en-letters-dash", "Ann", "en", "dash"),
        ("tuxpaint-fr-animals-cat", None, "fr", "Un chat."),
        ("fillets-cs-cave-a", "fillets-small", "cs", "Ahoj světe."),
    ]
    assert [round(u.duration, 2) for u in manifest.utterances] == [1.0, 1.0, 1.0, 1.0]
    for utterance in manifest.utterances:
        assert read_audio(manifest.audio_path(utterance)).sample_rate == 16_000
    left_out = {"no-transcript": 1, "not-speech": 1, "transcript-has-notes": 1, "transcript-too-long": 1}
    assert corpus.left_out.by_reason() == {"audio-silent": 1, **left_out}
    assert corpus.failures.by_reason() == {"audio-empty": 1, "audio-unreadable": 1}
    hello = read_audio(manifest.audio_path(manifest.utterances[0])).samples
    assert np.array_equal(hello * 2**15, read_g722_from(cache, "hello"))


def read_g722_from(cache: Path, key: str) -> NDArray[np.int16]:
    (path,) = (cache / "unpacked").rglob(f"{key}.g722")
    return read_g722(path)


@needs_dpkg
def test_provenance_and_licences(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "made"
    make(folder, cache)
    provenance = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert set(provenance["packages"]) == {path.name for path in (folder / "licences").iterdir()}
    for package, record in provenance["packages"].items():
        assert record == {"file": f"{package}_1_all.deb", "sha256": sha256_file(cache / record["file"])}
        assert (folder / "licences" / package).read_text(encoding="utf-8") == f"Licence of {package}"
    assert provenance["sets"]["asterisk-en"] == {"licence": "CC-BY-SA-3.0", "minutes": pytest.approx(2 / 60, abs=1e-3)}
    assert provenance["utterances"] == 4
    assert provenance["failures"] == {"audio-empty": 1, "audio-unreadable": 1}


@needs_dpkg
def test_a_second_run_converts_only_what_is_missing_or_changed(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "made"
    make(folder, cache)
    flac = sorted(folder.rglob("*.flac"))
    flac[0].unlink()
    before = {path: path.stat().st_mtime_ns for path in flac[1:]}
    make(folder, cache)
    assert flac[0].is_file()
    assert {path: path.stat().st_mtime_ns for path in flac[1:]} == before
    tone = np.sin(np.arange(44_100) * 0.05) * 0.3
    name = "usr/share/games/fillets-ng/sound/cave/cs/a.ogg"
    build(cache, "fillets-ng-data-cs", {name: ogg_bytes(tmp_path, tone, 22_050)}, version="2")
    manifest = make(folder, cache).manifest
    assert round(manifest.utterances[-1].duration, 2) == 2.0
    unchanged = {path: time for path, time in before.items() if path.parent.name != "fillets-cs"}
    assert {path: path.stat().st_mtime_ns for path in unchanged} == unchanged


@needs_dpkg
def test_strict_stops_at_a_broken_recording(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(HacError, match="--strict"):
        make(tmp_path / "made", cache, "tuxpaint-fr", strict=True)
    assert not (tmp_path / "made" / "manifest.jsonl").exists()


@needs_dpkg
def test_a_link_out_of_the_package_is_not_followed(tmp_path: Path, cache: Path) -> None:
    secret = tmp_path / "secret.ogg"
    secret.write_bytes(ogg_bytes(tmp_path, np.sin(np.arange(22_050) * 0.05), 22_050))
    content = unpack(download("fillets-ng-data-cs", cache), cache)
    (content / "usr/share/games/fillets-ng/sound/cave/cs/b.ogg").symlink_to(secret)
    corpus = make(tmp_path / "made", cache, "fillets-cs")
    assert [u.id for u in corpus.manifest.utterances] == ["fillets-cs-cave-a"]
    assert corpus.left_out.by_reason() == {"path-outside-package": 1}


@needs_dpkg
def test_another_layout_is_named(tmp_path: Path) -> None:
    build(tmp_path / "cache", "tuxpaint-stamps-default", {"usr/share/x": b""})
    with pytest.raises(HacError, match=r"no recordings of the set tuxpaint-fr .* --sets"):
        make(tmp_path / "made", tmp_path / "cache", "tuxpaint-fr")


@needs_dpkg
def test_a_damaged_package_is_named(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    deb = build(cache, "tuxpaint-stamps-default", {"usr/share/x": b"x" * 1000})
    deb.write_bytes(deb.read_bytes()[:-50])
    with pytest.raises(HacError, match=r"tuxpaint-stamps-default_1_all.deb cannot be unpacked"):
        make(tmp_path / "made", cache, "tuxpaint-fr")
    assert [path.name for path in (cache / "unpacked").iterdir()] == []


@needs_dpkg
def test_a_foreign_provenance_file_is_not_overwritten(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "provenance.json").write_text("[1]")
    with pytest.raises(HacError, match="choose an empty folder"):
        make(tmp_path / "made", cache, "fillets-cs")
    assert (tmp_path / "made" / "provenance.json").read_text() == "[1]"


def fake_apt(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    (folder / "apt-get").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_download_keeps_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_apt(tmp_path / "bin", 'for p; do :; done; echo "$PWD" >&2; echo data > "${p}_3_all.deb"', monkeypatch)
    deb = download("some-package", tmp_path / "cache")
    assert deb == tmp_path / "cache" / "some-package_3_all.deb"
    assert deb.read_text() == "data\n"
    (tmp_path / "bin" / "apt-get").write_text("#!/bin/sh\nexit 1\n")
    assert download("some-package", tmp_path / "cache") == deb


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo x > p_1_all.deb; echo 'E: Failed to fetch http://a/b  Could not connect' >&2; exit 100", "offline"),
        ("echo 'E: Unable to locate package p' >&2; exit 100", "apt-get update"),
        ("exit 0", "ended without"),
    ],
)
def test_download_troubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, sentence: str) -> None:
    fake_apt(tmp_path / "bin", script, monkeypatch)
    with pytest.raises(HacError, match=sentence):
        download("p", tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_apt_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HacError, match=r"apt-get was not found.*hac corpus builtin"):
        download("p", tmp_path / "cache")


def test_the_cache_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "hac" / "debian"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache() == Path.home() / ".cache" / "hac" / "debian"


@needs_dpkg
def test_the_command_says_what_it_made(tmp_path: Path, cache: Path) -> None:
    app = typer.Typer()
    app.command()(corpus_builtin.debian)
    options = ["--no-align", "--cache", str(cache), "--sets", "asterisk-en"]
    result = CliRunner().invoke(app, [str(tmp_path / "made"), *options])
    assert result.exit_code == 0, result.output
    assert "2 utterances" in result.output
    assert "left out, not-speech: 1" in result.output
    assert "failed, audio-empty: 1" in result.output


@needs_dpkg
def test_an_alignment_is_made_once_for_the_same_recordings(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []

    def align_corpus(manifest: Manifest, options: object, **_: object) -> Alignments:
        runs.append(len(manifest))
        rows = [(id, "x", 0, 1000) for id in manifest.ids]
        return Alignments({name: tier_from_rows(name, rows) for name in (PHONES, WORDS)}, {"aligner": "fake"})

    monkeypatch.setattr("hac.align.run.align_corpus", align_corpus)
    app = typer.Typer()
    app.command()(corpus_builtin.debian)

    def invoke(*more: str) -> str:
        options = ["--no-measure", "--cache", str(cache), "--sets", "asterisk-en", *more]
        result = CliRunner().invoke(app, [str(tmp_path / "made"), *options])
        assert result.exit_code == 0, result.output
        return result.output

    assert "2 utterances aligned" in invoke()
    assert "kept" in invoke()
    assert runs == [2]
    invoke("--seed", "1")
    assert runs == [2, 2]
    assert read_alignments(tmp_path / "made" / "alignments.parquet").provenance["aligner"] == "fake"


@needs_dpkg
def test_the_aligner_is_measured_by_default_and_again_where_it_could_not_be(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def align_corpus(manifest: Manifest, options: object, **_: object) -> Alignments:
        rows = [(id, "x", 0, 1000) for id in manifest.ids]
        return Alignments({name: tier_from_rows(name, rows) for name in (PHONES, WORDS)}, {"aligner": "fake"})

    errors: list[object] = ["not measured: no wheel", {"conditions": {}}]

    def with_error(alignments: Alignments, *_: object) -> Alignments:
        return Alignments(alignments.tiers, {**alignments.provenance, "aligner_error": {"en": errors.pop(0)}})

    monkeypatch.setattr("hac.align.synthetic_test.with_error", with_error)
    monkeypatch.setattr("hac.align.run.align_corpus", align_corpus)
    app = typer.Typer()
    app.command()(corpus_builtin.debian)
    arguments = [str(tmp_path / "made"), "--cache", str(cache), "--sets", "asterisk-en"]
    first = CliRunner().invoke(app, arguments)
    assert first.exit_code == 0, first.output
    assert "warning: the aligner's error in en: not measured: no wheel" in first.output
    for _ in range(2):
        again = CliRunner().invoke(app, arguments)
        assert again.exit_code == 0, again.output
        assert "warning" not in again.output
    provenance = read_alignments(tmp_path / "made" / "alignments.parquet").provenance
    assert provenance["aligner_error"] == {"en": {"conditions": {}}}
    assert errors == []
