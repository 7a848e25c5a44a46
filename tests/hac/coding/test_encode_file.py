"""`hac encode` on audio files and folders: named sensibly, streamed where long, resumed, bad files left out."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from hac.corpora.from_audio import open_corpus
from hac.corpora.imports.importer import import_corpus
from hac.data.audio.audio import read_audio, write_audio
from hac.data.tokens.formats import read_tokens
from hac.data.tokens.token_store import TokenStore
from hac.errors import FailureLog, HacError
from hac.tokenizers.hac_tokenizer import load
from tests.hac.command_line import Hac, Outcome, hac, refused
from tests.hac.tiny_hac import noise, one_thread, tiny_model

__all__ = ["hac", "one_thread"]  # fixtures


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    tiny_model().save_pretrained(folder)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of recordings, two of them with one stem."""
    for index, name in enumerate(["b/same.wav", "a/same.wav", "a/one.flac", "two.wav"]):
        write_audio(tmp_path / "root" / name, noise(3000 + 500 * index, seed=index).numpy() / 8, 16_000)
    return tmp_path / "root"


@pytest.fixture
def encode(hac: Hac, model: Path, tmp_path: Path):
    def call(*inputs: object, out: str = "t.parquet") -> Outcome:
        return hac("encode", *inputs, "-t", model, "-o", tmp_path / out, "-j", 1)

    return call


def same_codes(store: TokenStore, id: str, path: Path, model: Path) -> None:
    tokenizer = load(str(model))
    codes = tokenizer.encode([read_audio(path, 16_000).samples])[0]
    index = store.ids.index(id)
    for name, stream in store.streams.items():
        assert np.array_equal(stream.utterance(index), codes[name])


def test_one_file(encode, root: Path, model: Path, tmp_path: Path) -> None:
    done = encode(root / "two.wav")
    assert done.code == 0, done
    assert "1 utterances" in done.out
    store = read_tokens(tmp_path / "t.parquet")
    assert store.ids == ("two",)
    same_codes(store, "two", root / "two.wav", model)


def test_several_files_keep_their_order_and_are_told_apart(encode, root: Path, model: Path, tmp_path: Path) -> None:
    done = encode(root / "two.wav", root / "b" / "same.wav", root / "a" / "same.wav", root / "two.wav")
    assert done.code == 0, done
    store = read_tokens(tmp_path / "t.parquet")
    assert store.ids == ("two", "b/same.wav", "a/same.wav")
    for id in ("b/same.wav", "a/same.wav"):
        same_codes(store, id, root / id, model)


def test_a_folder_has_the_ids_of_its_import(encode, root: Path, tmp_path: Path) -> None:
    done = encode(root)
    assert done.code == 0, done
    imported = import_corpus(root, tmp_path / "m.jsonl", "folder").manifest
    assert read_tokens(tmp_path / "t.parquet").ids == imported.ids
    assert open_corpus([root], FailureLog()).durations_us == imported.durations_us


def test_a_manifest_still_is_one(encode, root: Path, tmp_path: Path) -> None:
    import_corpus(root, tmp_path / "m.jsonl", "folder")
    assert encode(tmp_path / "m.jsonl").code == 0
    assert encode(root, out="other.parquet").code == 0
    first, second = (read_tokens(tmp_path / name) for name in ("t.parquet", "other.parquet"))
    assert first.ids == second.ids
    assert all(np.array_equal(first[name].codes, second[name].codes) for name in first.streams)


def test_ids_are_unique_even_where_a_stem_looks_like_a_path(tmp_path: Path) -> None:
    names = ["a.wav", "a.flac", "a.wav.wav"]
    for name in names:
        write_audio(tmp_path / name, noise(1600).numpy() / 8, 16_000)
    assert open_corpus([tmp_path / name for name in names], FailureLog()).ids == tuple(names)


def test_links_to_files_are_followed_where_they_are_named(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.wav"
    write_audio(outside, noise(1600).numpy() / 8, 16_000)
    (root / "link.wav").symlink_to(outside)
    corpus = open_corpus([root / "link.wav", root / "two.wav"], FailureLog())
    assert corpus.ids == ("link", "two")
    assert corpus.audio_path(corpus.utterances[0]).resolve() == outside
    failures = FailureLog()  # in a folder, as in an import, nothing leads out
    assert "link" not in open_corpus([root], failures).ids
    assert failures.by_reason() == {"audio-outside": 1}


def test_long_files_are_streamed_and_resumed(
    encode, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert encode(root / "two.wav", out="whole.parquet").code == 0
    monkeypatch.setattr("hac.coding.encode_shard.STREAMED_S", 0.0)
    assert encode(root / "two.wav").code == 0
    whole, streamed = (read_tokens(tmp_path / name) for name in ("whole.parquet", "t.parquet"))
    assert all(np.array_equal(whole[name].codes, streamed[name].codes) for name in whole.streams)
    (shard,) = (tmp_path / "t.shards").iterdir()
    before = shard.stat().st_mtime_ns
    assert encode(root / "two.wav").code == 0
    assert shard.stat().st_mtime_ns == before
    write_audio(root / "two.wav", noise(3333, seed=9).numpy() / 8, 16_000)
    assert encode(root / "two.wav").code == 0
    assert len(list((tmp_path / "t.shards").iterdir())) == 2


def test_files_that_cannot_be_used_are_counted(encode, root: Path, tmp_path: Path) -> None:
    (root / "broken.wav").write_bytes(b"RIFF")
    (root / "empty.mp3").write_bytes(b"")
    for inputs in ([root], [root / "two.wav", root / "broken.wav", root / "empty.mp3"]):
        done = encode(*inputs)
        assert done.code == 0, done
        assert "left out 2 utterances (1 audio-empty, 1 audio-unreadable)" in done.err
        listed = [json.loads(line)["id"] for line in (tmp_path / "t.failures.jsonl").read_text().splitlines()]
        assert sorted(listed) == ["broken", "empty"]


def test_a_name_that_is_no_text_is_counted(root: Path) -> None:
    try:
        shutil.copy(root / "two.wav", root / os.fsdecode(b"caf\xe9.wav"))
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    failures = FailureLog()
    assert len(open_corpus([root], failures)) == 4
    assert failures.by_reason() == {"name-encoding": 1}


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (["absent.wav"], ("absent.wav", "no such audio file")),
        (["absent.jsonl"], ("absent.jsonl", "no such manifest")),
        (["absent"], ("absent", "neither a manifest")),
        (["notes.txt"], ("notes.txt", "neither a manifest", ".wav")),
        (["root", "root/two.wav"], ("root", "hac corpus import")),
        (["m.jsonl", "root/two.wav"], ("m.jsonl", "one manifest")),
        (["hollow"], ("hollow", "no audio")),
        (["broken.wav"], ("broken.wav", "no audio that can be used")),
    ],
)
def test_inputs_that_are_refused(inputs: list[str], says: tuple[str, ...], encode, root: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no audio")
    (tmp_path / "m.jsonl").write_text("{}\n")
    (tmp_path / "hollow").mkdir()
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    refused(encode(*(tmp_path / name for name in inputs)), *says)
    assert not (tmp_path / "t.parquet").exists()


def test_nothing_at_all() -> None:
    with pytest.raises(HacError, match="no input"):
        open_corpus([], FailureLog())
