"""`hac encode` and `hac decode` on a saved HAC model, through the real command line; bad input is one sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from hac.data.audio.audio import audio_info, read_audio, write_audio
from hac.data.manifest.formats import read_manifest
from hac.data.tokens.formats import read_tokens, write_tokens
from hac.data.tokens.token_store import TokenStore
from hac.files.atomic import sha256_file
from tests.hac.command_line import Hac, hac, refused
from tests.hac.tiny_hac import noise, one_thread, tiny_model

__all__ = ["hac", "one_thread"]  # fixtures

STREAMS = ["acoustic.0", "acoustic.1", "acoustic.2", "phonetic", "lexical"]
LENGTHS = {"long": 16_000, "short": 4000, "odd": 3201}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, another of the same shape, three recordings, and a store of codes by the model."""
    root = tmp_path_factory.mktemp("world")
    tiny_model().save_pretrained(root / "model")
    tiny_model(seed=1).save_pretrained(root / "other")
    for id, n in LENGTHS.items():
        write_audio(root / "audio" / f"{id}.wav", noise(n, seed=n).numpy() / 8, 16_000)
    return root


@pytest.fixture
def tokens(world: Path, hac: Hac) -> Path:
    path = world / "tokens.parquet"
    if not path.exists():
        done = hac("encode", world / "audio", "-t", f"hac:{world / 'model'}", "-o", path, "-j", 1)
        assert done.code == 0, done
    return path


def pretend(tokens: Path, path: Path, **changes: object) -> Path:
    """The tokens again, their provenance changed; None removes it."""
    store = read_tokens(tokens)
    provenance = {**store.provenance, **changes}
    write_tokens(TokenStore(store.ids, store.streams, {k: v for k, v in provenance.items() if v is not None}), path)
    return path


def test_from_recordings_to_audio_and_back(world: Path, tokens: Path, hac: Hac, tmp_path: Path) -> None:
    done = hac("decode", tokens, "-o", tmp_path / "out", "-j", 1)
    assert done.code == 0, done
    assert "3 utterances" in done.out
    assert f"through hac:{world / 'model'}" in done.out
    manifest = read_manifest(tmp_path / "out" / "manifest.jsonl")
    assert set(manifest.ids) == set(LENGTHS)
    model = tiny_model()
    for utterance in manifest.utterances:
        audio = read_audio(manifest.audio_path(utterance)).samples
        source = read_audio(world / "audio" / f"{utterance.id}.wav").samples
        assert len(audio) == -(-len(source) // 320) * 320
        made = model.encode(torch.from_numpy(source)[None])
        whole = model.decode(made)[0].numpy()
        assert np.abs(audio[: len(whole)] - whole).max() <= 2.0**-15
    again = hac("decode", tokens, "-o", tmp_path / "out", "-j", 1)
    assert "3 were there already" in again.out


def test_levels_quantizers_ids_and_durations(world: Path, tokens: Path, hac: Hac, tmp_path: Path) -> None:
    (world / "manifest.jsonl").write_text(
        "".join(
            json.dumps({"id": id, "path": f"audio/{id}.wav", "duration": n / 16_000, "language": "en"}) + "\n"
            for id, n in LENGTHS.items()
        )
    )
    options = ("--streams", "acoustic,lexical", "--n-quantizers", 2, "--format", "flac", "--ids", "odd")
    done = hac("decode", tokens, "-o", tmp_path, "-j", 1, *options, "--manifest", world / "manifest.jsonl")
    assert done.code == 0, done
    assert "decoded: acoustic.0, acoustic.1, lexical" in done.out
    (utterance,) = read_manifest(tmp_path / "manifest.jsonl").utterances
    assert (utterance.id, utterance.path, utterance.language) == ("odd", "odd.flac", "en")
    assert audio_info(tmp_path / "odd.flac").n_samples == 3201
    store, model = read_tokens(tokens), tiny_model()
    source = torch.from_numpy(read_audio(world / "audio" / "odd.wav").samples)[None]
    expected = model.decode(model.encode(source), ["acoustic", "lexical"], 2)[0].numpy()
    assert np.abs(read_audio(tmp_path / "odd.flac").samples - expected).max() <= 2.0**-15
    assert list(store.streams) == STREAMS


def test_failures_are_listed_without_writing_to_the_terminal(tokens: Path, hac: Hac, tmp_path: Path) -> None:
    store = read_tokens(tokens)
    stream = store["phonetic"]
    rows = [
        {"codebook_size": {"phonetic": 16}},
        {"id": "fine", "frame_rate": "50", "streams": {"phonetic": stream.utterance(0).tolist()}},
        {"id": "\x1b[31mred\x07", "frame_rate": "50", "streams": {"phonetic": []}},
    ]
    path = tmp_path / "tokens.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    model = tokens.parent / "model"
    done = hac("decode", path, "--ckpt", model, "--streams", "phonetic", "-o", tmp_path / "out", "-j", 1)
    assert done.code == 0, done
    assert "left out 1 utterances (1 tokens-empty)" in done.err
    assert "\x1b" not in done.err
    (listed,) = (tmp_path / "out" / "manifest.failures.jsonl").read_text().splitlines()
    assert json.loads(listed)["id"] == "\x1b[31mred\x07"
    strict = hac("decode", path, "--ckpt", model, "-s", "phonetic", "-o", tmp_path / "strict", "-j", 1, "--strict")
    assert strict.code == 2
    assert not (tmp_path / "strict").exists()


def test_formats_that_do_not_tell_sizes_get_the_model_s(tokens: Path, hac: Hac, tmp_path: Path) -> None:
    store = read_tokens(tokens)
    arrays = {
        f"{id}/{name}": stream.utterance(i) for name, stream in store.streams.items() for i, id in enumerate(store.ids)
    }
    np.savez(tmp_path / "tokens.npz", **arrays)
    for source, out in ((tmp_path / "tokens.npz", "npz"), (tokens, "parquet")):
        done = hac("decode", source, "--ckpt", tokens.parent / "model", "-o", tmp_path / out, "-j", 1)
        assert done.code == 0, done
    for id in store.ids:
        same = [read_audio(tmp_path / out / f"{id}.wav").samples for out in ("npz", "parquet")]
        assert np.array_equal(*same)


def test_weights_that_did_not_make_the_tokens(world: Path, tokens: Path, hac: Hac, tmp_path: Path) -> None:
    words = ("decode", tokens, "--ckpt", world / "other", "-o", tmp_path / "out", "-j", 1)
    made, other = (sha256_file(world / name / "model.safetensors") for name in ("model", "other"))
    refused(hac(*words), made[:12], other[:12], "--force")
    assert not (tmp_path / "out").exists()
    assert hac(*words, "--force").code == 0


def test_provenance_that_does_not_lead_to_a_model(world: Path, tokens: Path, hac: Hac, tmp_path: Path) -> None:
    out = ("-o", tmp_path / "out", "-j", 1)
    refused(hac("decode", pretend(tokens, tmp_path / "a.parquet", tokenizer=None), *out), "a.parquet", "--ckpt")
    odd = pretend(tokens, tmp_path / "b.parquet", tokenizer=["x"], tokenizer_provenance="y")
    refused(hac("decode", odd, *out), "names no tokenizer", "--ckpt")
    gone = pretend(tokens, tmp_path / "c.parquet", tokenizer="hac:/nowhere/model")
    refused(hac("decode", gone, *out), "c.parquet", "/nowhere/model", "--ckpt")
    units = pretend(tokens, tmp_path / "d.parquet", tokenizer="mfcc-kmeans:units")
    refused(hac("decode", units, *out), "mfcc-kmeans", "cannot be turned into audio")
    joined = tmp_path / "joined"
    for name, maker in (("a", "hac:x"), ("b", "hac:y")):
        store = read_tokens(pretend(tokens, tmp_path / "e.parquet", tokenizer=maker))
        renamed = tuple(f"{name}-{id}" for id in store.ids)
        write_tokens(TokenStore(renamed, store.streams, store.provenance), joined / f"{name}.parquet")
    refused(hac("decode", joined, *out), "several tokenizers", "--ckpt")
    assert hac("decode", joined, "--ckpt", world / "model", *out).code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--streams", "acustic"), ("no level 'acustic'", "acoustic")),
        (("--n-quantizers", "9"), ("n_quantizers is 9", "3 acoustic quantizers")),
        (("--ids", "nobody"), ("'nobody'",)),
        (("-j", "0"), ("0 jobs",)),
        (("--device", "abacus"), ("abacus",)),
        (("--manifest", "absent.jsonl"), ("absent.jsonl",)),
        (("--ckpt", "no-such-folder"), ("no-such-folder",)),
    ],
)
def test_bad_options(words: tuple[str, ...], says: tuple[str, ...], tokens: Path, hac: Hac, tmp_path: Path) -> None:
    refused(hac("decode", tokens, "-o", tmp_path / "out", "-j", 1, *words), *says)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("spoil", ["missing", "empty", "truncated", "garbage"])
def test_broken_token_files(spoil: str, tokens: Path, hac: Hac, tmp_path: Path) -> None:
    path, data = tmp_path / "t.parquet", tokens.read_bytes()
    if spoil != "missing":
        path.write_bytes({"empty": b"", "truncated": data[: len(data) // 2], "garbage": b"\x00\xff" * 99}[spoil])
    for checkpoint in ((), ("--ckpt", tokens.parent / "model")):
        refused(hac("decode", path, "-o", tmp_path / "out", *checkpoint), "t.parquet")


def json_tokens(path: Path, codes: dict[str, list[int]], size: int = 32, rate: str = "50") -> Path:
    sizes = {name: {"phonetic": 16, "lexical": 8}.get(name, size) for name in codes}
    rows = [{"codebook_size": sizes}, {"id": "a", "frame_rate": rate, "streams": codes}]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.mark.parametrize(
    ("streams", "size", "rate", "says"),
    [
        (STREAMS[:4], 32, "50", ("no stream 'lexical'", "--streams")),
        ([*STREAMS[1:]], 32, "50", ("no stream 'acoustic.0'",)),
        ([*STREAMS, "acoustic.3"], 32, "50", ("'acoustic.3'", "--n-quantizers")),
        (STREAMS, 64, "50", ("'acoustic.0' has 64 codes at 50 Hz", "32 codes at 50 Hz", "--ckpt")),
        (STREAMS, 32, "75", ("32 codes at 75 Hz", "--ckpt")),
        (["units"], 32, "50", ("no stream 'acoustic.0'", "there are units")),
    ],
)
def test_tokens_of_another_model(
    streams: list[str], size: int, rate: str, says: tuple[str, ...], world: Path, hac: Hac, tmp_path: Path
) -> None:
    path = json_tokens(tmp_path / "t.jsonl", {name: [1, 2, 3] for name in streams}, size, rate)
    refused(hac("decode", path, "--ckpt", world / "model", "-o", tmp_path / "out"), "t.jsonl", *says)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("code", [-1, 32])
def test_a_code_beyond_its_codebook(code: int, world: Path, hac: Hac, tmp_path: Path) -> None:
    path = json_tokens(tmp_path / "t.jsonl", {name: [1, code if name == "acoustic.1" else 2] for name in STREAMS})
    refused(hac("decode", path, "--ckpt", world / "model", "-o", tmp_path / "out"), "'acoustic.1'", str(code))


@pytest.mark.parametrize("command", ["decode", "info"])
def test_checkpoints_that_are_refused(command: str, tokens: Path, hac: Hac, tmp_path: Path) -> None:
    def attempt(folder: Path) -> object:
        if command == "info":
            return hac("info", folder)
        return hac("decode", tokens, "--force", "--ckpt", folder, "-o", tmp_path / "out")

    for name in ("pickle", "newer", "cut", "odd", "typed", "bare"):
        shutil.copytree(tokens.parent / "model", tmp_path / name)
    (tmp_path / "pickle" / "model.safetensors").unlink()
    torch.save(tiny_model().state_dict(), tmp_path / "pickle" / "pytorch_model.bin")
    refused(attempt(tmp_path / "pickle"), "pickle", "pickled", "safetensors")
    for name, changes in (
        ("newer", {"format_version": 99}),
        ("odd", {"model_type": "bert"}),
        ("typed", {"latent_dim": "wide"}),
    ):
        config = tmp_path / name / "config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), **changes}))
    refused(attempt(tmp_path / "newer"), "format version 99", "newer hac-codec")
    refused(attempt(tmp_path / "odd"), "bert")
    refused(attempt(tmp_path / "typed"), "latent_dim")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    refused(attempt(tmp_path / "cut"), "cut")
    (tmp_path / "bare" / "config.json").unlink()
    refused(attempt(tmp_path / "bare"), "bare")
    refused(attempt(tmp_path / "absent"), "absent")
    refused(attempt(tmp_path / "odd" / "config.json"), "is a file")


def test_the_output_is_a_file(tokens: Path, hac: Hac, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    refused(hac("decode", tokens, "-o", tmp_path / "out", "-j", 1), "out", "cannot be written")
    assert (tmp_path / "out").read_text() == "mine"


def test_help_shows_examples(hac: Hac) -> None:
    for command in ("encode", "decode", "info"):
        done = hac(command, "--help")
        assert done.code == 0
        assert "Examples" in done.out
        assert f"hac {command} " in done.out


def test_codecs_decode_too(tokens: Path, hac: Hac, tmp_path: Path) -> None:
    from tests.hac import tiny_models

    folder = tiny_models.save(tiny_models.codec("mimi"), tmp_path / "mimi")
    audio = tokens.parent / "audio" / "long.wav"
    assert hac("encode", audio, "-t", folder, "-o", tmp_path / "t.parquet", "-j", 1).code == 0
    done = hac("decode", tmp_path / "t.parquet", "-o", tmp_path / "out", "-j", 1)
    assert done.code == 0, done
    n_frames = len(pq.read_table(tmp_path / "t.parquet")["semantic"][0])
    assert audio_info(tmp_path / "out" / "long.wav").n_samples == n_frames * 1920
