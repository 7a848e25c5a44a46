"""The models that come with the package: found by name, small, trained, and what they say they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hac.coding.decoders import load_decoder
from hac.errors import HacError
from hac.hub import model_folder
from hac.model.hac_model import HacModel
from hac.reference import reference_folder, reference_models
from hac.tokenizers.registry import load_tokenizer
from tests.hac.speech import speech

MOST_BYTES = 12_000_000


def test_the_full_model_comes_first():
    assert reference_models()[0] == "reference" and len(reference_models()) > 1


@pytest.mark.parametrize("name", reference_models())
def test_each_is_small_and_says_how_it_was_trained(name):
    folder, revision = model_folder(name)
    assert revision is None and folder == reference_folder(name)
    assert (folder / "model.safetensors").stat().st_size <= MOST_BYTES
    training = json.loads((folder / "training.json").read_text())
    # its curve ends with the weights that ship
    assert training["checkpoint"] == f"step-{training['validations'][-1]['step']:08d}"
    model = HacModel.from_pretrained(folder)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_speech_is_encoded_and_decoded_by_name():
    samples = speech(4.0)
    tokenizer, decoder = load_tokenizer("hac:reference"), load_decoder("reference")
    (codes,) = tokenizer.encode([samples])
    assert set(codes) == {*(f"acoustic.{k}" for k in range(7)), "phonetic", "lexical"}
    sound = decoder.decode(codes)
    # its envelope in 20 ms follows that of the speech: noise or silence would not
    loudness = [
        np.log(1e-3 + np.abs(x[: len(samples) // 320 * 320].reshape(-1, 320)).mean(1)) for x in (samples, sound)
    ]
    assert np.corrcoef(*loudness)[0, 1] > 0.8


def test_a_folder_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("reference").mkdir()
    assert model_folder("reference") == (Path("reference"), None)


def test_others_are_not_known():
    with pytest.raises(
        HacError, match=r"reference-x: no such folder, no hub id .* none of the package's own \(reference"
    ):
        model_folder("reference-x")
