"""On a GPU: the CPU's codes and sound, and whole trainings. Left out where there is none."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from hac.cli import app
from hac.coding.encode import encode_corpus
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.formats import read_tokens
from hac.files.yaml_config import merged
from hac.model.hac_model import HacModel
from hac.reference import reference_folder
from hac.tokenizers.registry import load_tokenizer
from hac.train.checkpoints import checkpoints
from hac.train.config import build_train_config
from hac.train.run import train
from tests.corpora import speech
from tests.hac import tiny_models
from tests.hac.train.tiny_run import TRAIN, tiny_corpus

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is here")

RATE = 16_000


@pytest.fixture(scope="module", autouse=True)
def single_precision():
    """Sums in whole single precision, as on the CPU."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"))


def both(name: str, **options: Any) -> tuple[Any, Any]:
    """A tokenizer's codes of two utterances on the CPU and on the GPU."""
    audio = [speech(3.0, 0.5), speech(4.2, 4.0)]
    return tuple(load_tokenizer(name, device=device, **options).encode(audio) for device in ("cpu", "cuda"))


def agreement(here: Any, there: Any) -> float:
    pairs = [(here[i][name], there[i][name]) for i in range(len(here)) for name in here[i]]
    assert all(len(a) == len(b) for a, b in pairs)
    return float(np.mean(np.concatenate([a == b for a, b in pairs])))


def test_the_reference_model_makes_the_codes_of_the_cpu():
    # a code differs where two are equally near to within rounding, and so do those of the quantizers after it
    assert agreement(*both("hac:reference")) > 0.99


@pytest.mark.parametrize("kind", ["dac", "encodec", "mimi", "xcodec"])
def test_other_codecs_make_the_codes_of_the_cpu(kind: str, tmp_path: Path):
    folder = tiny_models.save(tiny_models.codec(kind), tmp_path / kind)
    assert agreement(*both(f"{kind}:{folder}")) > 0.98


def test_sound_is_that_of_the_cpu():
    model = HacModel.from_pretrained(reference_folder("reference")).eval()
    audio = torch.from_numpy(speech(3.0, 0.5))[None]
    with torch.inference_mode():
        tokens = model.encode(audio)
        here = model.decode(tokens)
        there = model.to("cuda").decode(tokens.to("cuda")).cpu()
    assert float((here - there).abs().max()) < 1e-3 * float(here.abs().max())


def test_a_corpus_is_encoded_and_decoded_by_the_commands(manifest: Path, tmp_path: Path):
    run = CliRunner().invoke
    stores = {device: tmp_path / f"{device}.parquet" for device in ("cpu", "cuda")}
    for device, store in stores.items():
        words = ["encode", str(manifest), "--tokenizer", "hac:reference", "-o", str(store), "--device", device]
        result = run(app, words)
        assert result.exit_code == 0, result.output
    here, there = (read_tokens(store) for store in stores.values())
    assert here.ids == there.ids
    codes = [(here.streams[name].codes, there.streams[name].codes) for name in here.streams]
    assert float(np.mean([np.mean(a == b) for a, b in codes])) > 0.99
    result = run(
        app, ["decode", str(stores["cuda"]), "-o", str(tmp_path / "wav"), "--ckpt", "reference", "--device", "cuda"]
    )
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "wav").rglob("*.wav"))) == len(there.ids)


def test_long_audio_goes_in_chunks(tmp_path: Path):
    import soundfile

    samples = np.concatenate([speech(9.0, 0.5)] * 8)
    soundfile.write(tmp_path / "long.wav", samples, RATE)
    corpus = Manifest(tmp_path, (Utterance("long", "long.wav", len(samples) / RATE),))
    write_manifest(corpus, tmp_path / "m.jsonl")
    stores = [
        read_tokens(encode_corpus(corpus, "hac:reference", tmp_path / f"{device}.parquet", device=device, chunk_s=20.0))
        for device in ("cpu", "cuda")
    ]
    codes = [np.concatenate([store.streams[name].codes for name in store.streams]) for store in stores]
    assert float(np.mean(codes[0] == codes[1])) > 0.99


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_model_is_trained_with_both_teachers_and_goes_on_where_it_stopped(
    precision: str, manifest: Path, tmp_path: Path
):
    tiny_models.save(tiny_models.encoder("hubert"), tmp_path / "teacher")
    said: list[str] = []
    speech_teacher = {"where": str(tmp_path / "teacher"), "layer": 1, "targets": "live"}
    changes = {
        "data": {"train": [str(manifest)], "alignments": str(manifest.parent / "alignments.parquet")},
        "teachers": {"speech": speech_teacher},
        "model": {"kmeans_init": True, "restart_dead_codes": True, "restart_interval": 2, "codebook_update": "ema"},
        "precision": precision,
        "ema": 0.9,
        "steps": 4,
    }
    values = merged(TRAIN, changes)
    train(build_train_config(values, "gpu"), tmp_path / "run", log_line=said.append)
    train(build_train_config(merged(values, {"steps": 6}), "gpu"), tmp_path / "run", log_line=said.append)
    assert any(line.startswith("going on from") for line in said)
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    losses = [row["mel"] for row in rows if "mel" in row]
    assert len(losses) == 6
    assert all(math.isfinite(loss) for loss in losses)
    assert any("validation/phonetic/teacher_cosine" in row for row in rows)
    # and is a model like any other on the CPU
    model = HacModel.from_pretrained(checkpoints(tmp_path / "run")[-1])
    assert model.encode(torch.from_numpy(speech(1.0))[None]).streams["phonetic"].shape == (1, 50)
