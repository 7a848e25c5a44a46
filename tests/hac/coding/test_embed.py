"""Vectors behind tokens: as many as tokens, the model's own, resumable, and read back as they were written."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from hac.cli import app
from hac.coding.embed import embed_corpus, load_embedder
from hac.coding.encode import encode_corpus
from hac.data.audio.audio import write_audio
from hac.data.embedding_store import NAME, SHARDS, read_embeddings
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.formats import read_tokens
from hac.data.tokens.stream_options import StreamSpec
from hac.errors import FailureLog, HacError
from hac.tokenizers.base import Embedder

RATE = 16000

# models are imported where they are needed: processes that only embed with `Ramp` start without torch


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("audio")
    rng = np.random.default_rng(0)
    utterances = []
    for i, seconds in enumerate((0.5, 0.31, 0.8, 0.4)):
        n = int(seconds * RATE)
        write_audio(folder / f"{i}.wav", (rng.uniform(-0.5, 0.5, n) * np.hanning(n)).astype(np.float32), RATE)
        utterances.append(Utterance(f"u{i}", f"{i}.wav", n / RATE))
    return Manifest(folder, tuple(utterances))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    from tests.hac.tiny_hac import tiny_model

    folder = tmp_path_factory.mktemp("hac")
    tiny_model().save_pretrained(folder)
    return f"hac:{folder}"


@pytest.mark.parametrize("quantized", [False, True])
def test_hac_gives_a_vector_for_each_token(corpus: Manifest, checkpoint: str, quantized: bool, tmp_path: Path) -> None:
    import torch

    from hac.data.audio.audio import read_audio
    from tests.hac.tiny_hac import tiny_model

    store = read_embeddings(embed_corpus(corpus, checkpoint, tmp_path / "e", quantized=quantized))
    tokens = read_tokens(encode_corpus(corpus, checkpoint, tmp_path / "t.parquet"))
    assert store.ids == corpus.ids and list(store.streams) == list(tokens.streams)
    for name, stream in tokens.streams.items():
        assert np.array_equal(store.lengths[name], stream.lengths)
        assert store.streams[name].frame_rate == stream.frame_rate
    dims = {name: spec.dim for name, spec in store.streams.items()}
    # what the transformers gave is as wide as they are, what a quantizer answers as the latent
    assert dims["acoustic.0"] == 24 and dims["phonetic"] == (24 if quantized else 16)
    samples = read_audio(corpus.audio_path(corpus.utterances[1]), RATE).samples
    expected = tiny_model().embed(torch.from_numpy(samples.copy())[None], quantized=quantized).streams["phonetic"][0]
    np.testing.assert_allclose(store.vectors("phonetic", ["u1"]), expected.numpy(), atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("kind", ["dac", "encodec", "mimi", "xcodec"])
def test_codecs_give_the_codebook_vector_of_each_token(kind: str, tmp_path: Path) -> None:
    from tests.hac import tiny_models

    name = f"{kind}:{tiny_models.save(tiny_models.codec(kind), tmp_path)}"
    embedder: Any = load_embedder.__wrapped__(name, "cpu")
    assert isinstance(embedder, Embedder)
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, embedder.sample_rate // 2).astype(np.float32)
    codes, vectors = embedder.encode([samples])[0], embedder.embed(samples)
    for stream, row in codes.items():
        assert vectors[stream].shape[0] == len(row)
        # one vector a code, another for another code
        of = {int(code): vector.tobytes() for code, vector in zip(row, vectors[stream], strict=True)}
        assert all(of[int(code)] == vector.tobytes() for code, vector in zip(row, vectors[stream], strict=True))
        assert len(set(of.values())) == len(of)


def test_speech_encoders_and_their_units_give_features(corpus: Manifest, tmp_path: Path) -> None:
    from tests.hac import tiny_models

    where = tiny_models.save(tiny_models.encoder("hubert"), tmp_path / "hubert")
    store = read_embeddings(embed_corpus(corpus, f"encoder:{where}?layer=2", tmp_path / "e"))
    assert store.streams["features"].dim == 16 and store.streams["features"].frame_rate == 50
    assert store.lengths["features"].tolist() == [
        (round(u.duration * RATE) - 400) // 320 + 1 for u in corpus.utterances
    ]
    for bad in (f"encoder:{where}?layer=x", f"encoder:{where}?depth=3"):
        with pytest.raises(HacError, match="layer=NUMBER"):
            load_embedder(bad)


@dataclass
class Ramp:
    """Vectors that name their frame; logs what it embeds. Loud audio is beyond half precision."""

    log: Path
    name: str = "ramp:test"
    sample_rate: int = 8000
    streams: tuple[StreamSpec, ...] = (StreamSpec("ramp", 0, Fraction(100)), StreamSpec("half", 0, Fraction(50)))
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def embed(self, samples: NDArray[np.float32], quantized: bool = False) -> dict[str, NDArray[np.float32]]:
        with self.log.open("a") as file:
            file.write("x")
        level = 1e6 if np.abs(samples).max() > 0.95 else 1.0
        made = {}
        for spec, hop in zip(self.streams, (80, 160), strict=True):
            n = -(-len(samples) // hop)
            padded = np.pad(samples, (0, n * hop - len(samples))).reshape(n, hop)
            made[spec.name] = np.stack([padded.mean(1), level + 0 * padded[:, 0], padded.max(1)], 1).astype(np.float32)
        return made


@pytest.fixture
def plain(tmp_path: Path) -> Manifest:
    rng = np.random.default_rng(3)
    utterances = []
    for i in range(7):
        n = int(8000 * rng.uniform(20, 60)) if i < 6 else 4000
        write_audio(tmp_path / f"{i}.wav", rng.uniform(-0.5, 0.5, n).astype(np.float32), 8000)
        utterances.append(Utterance(f"u{i}", f"{i}.wav", n / 8000))
    return Manifest(tmp_path, tuple(utterances))


def test_finished_shards_stay_and_bytes_are_the_same(plain: Manifest, tmp_path: Path) -> None:
    ramp, out = Ramp(tmp_path / "log"), tmp_path / "e"
    embed_corpus(plain, ramp, out)
    shards = sorted((out / SHARDS).iterdir())
    assert len(shards) > 1
    content, work = [path.read_bytes() for path in shards], len(ramp.log.read_text())
    embed_corpus(plain, ramp, out, jobs=1)
    assert len(ramp.log.read_text()) == work
    shards[0].write_bytes(content[0][:100])
    embed_corpus(plain, ramp, out, jobs=2)
    assert [path.read_bytes() for path in shards] == content
    assert work < len(ramp.log.read_text()) < 2 * work


def test_vectors_come_by_utterance_and_long_ones_are_whole(plain: Manifest, tmp_path: Path) -> None:
    store = read_embeddings(embed_corpus(plain, Ramp(tmp_path / "log"), tmp_path / "e"))
    from hac.data.audio.audio import read_audio

    ids = ["u5", "u0", "u6"]
    wave = {u.id: read_audio(plain.audio_path(u), 8000).samples for u in plain.utterances}
    expected = np.concatenate([Ramp(tmp_path / "log").embed(wave[id])["half"] for id in ids])
    np.testing.assert_allclose(store.vectors("half", ids), expected, atol=1e-3)
    assert store.vectors("ramp", []).shape == (0, 3)
    with pytest.raises(HacError, match=r"1 of 2 utterances have no vectors, the first is 'nobody'"):
        store.vectors("ramp", ["u0", "nobody"])
    with pytest.raises(HacError, match="no stream 'phonetic'; there are ramp, half"):
        store.vectors("phonetic", ids)


def test_what_cannot_be_embedded_is_left_out_and_counted(plain: Manifest, tmp_path: Path) -> None:
    (tmp_path / "2.wav").write_bytes(b"no audio")
    write_audio(tmp_path / "6.wav", np.full(4000, 0.97, np.float32) * np.sign(np.sin(np.arange(4000))), 8000)
    failures = FailureLog()
    store = read_embeddings(embed_corpus(plain, Ramp(tmp_path / "log"), tmp_path / "e", ["half"], failures=failures))
    assert list(store.streams) == ["half"] and store.ids == ("u0", "u1", "u3", "u4", "u5")
    assert failures.by_reason() == {"audio-unreadable": 1, "embedder-refused": 1}
    with pytest.raises(HacError, match="strict"):
        embed_corpus(plain, Ramp(tmp_path / "log"), tmp_path / "f", failures=FailureLog(strict=True))
    with pytest.raises(HacError, match="no stream 'words'"):
        embed_corpus(plain, Ramp(tmp_path / "log"), tmp_path / "e", ["words"])


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HacError, match=f"holds no {NAME}"):
        read_embeddings(tmp_path)
    (tmp_path / NAME).write_text('{"format": "other"}')
    with pytest.raises(HacError, match="is no embedding store of version 1"):
        read_embeddings(tmp_path)


@pytest.mark.parametrize("spoil", ["lengths", "name"])
def test_a_description_that_promises_too_much_is_refused(spoil: str, plain: Manifest, tmp_path: Path) -> None:
    folder = embed_corpus(plain, Ramp(tmp_path / "log"), tmp_path / "e", ["half"])
    about = json.loads((folder / NAME).read_text())
    if spoil == "lengths":
        about["lengths"]["half"][0] = 1 << 50  # no memory holds so many vectors
    else:
        about["shards"][0][0] = "\ud800.safetensors"
    (folder / NAME).write_text(json.dumps(about))
    store = read_embeddings(folder)
    with pytest.raises(HacError, match="embed the corpus anew"):
        store.vectors("half", store.ids)


def test_reading_needs_no_torch() -> None:
    code = "import sys, hac.data.embedding_store; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_says_what_it_wrote(corpus: Manifest, checkpoint: str, tmp_path: Path) -> None:
    write_manifest(corpus, tmp_path / "m.jsonl")
    call = [
        "embed",
        str(tmp_path / "m.jsonl"),
        "-m",
        checkpoint,
        "-s",
        "phonetic,lexical",
        "-o",
        str(tmp_path / "e"),
        "-j",
        "1",
    ]
    result = CliRunner().invoke(app, call)
    assert result.exit_code == 0, result.output
    assert "4 utterances" in result.output and "16 values each" in result.output
    assert list(read_embeddings(tmp_path / "e" / NAME).streams) == ["phonetic", "lexical"]
