"""HAC checkpoints behind the tokenizer interface."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from hac.data.tokens.stream_options import StreamSpec
from hac.errors import HacError
from hac.tokenizers.base import Tokenizer
from hac.tokenizers.hac_tokenizer import load
from hac.tokenizers.registry import load_tokenizer
from tests.hac.tiny_hac import noise, one_thread, tiny_model

__all__ = ["one_thread"]  # a fixture that runs by itself


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("hac")
    tiny_model().save_pretrained(path)
    return str(path)


def _utterances(*lengths):
    return [noise(max(n, 1), seed=n).numpy()[:n] for n in lengths]


def test_streams_say_what_is_made(folder):
    tokenizer = load(folder)
    assert isinstance(tokenizer, Tokenizer)
    assert tokenizer.name == f"hac:{folder}"
    assert tokenizer.sample_rate == 16000
    sizes = {"acoustic.0": 32, "acoustic.1": 32, "acoustic.2": 32, "phonetic": 16, "lexical": 8}
    assert tokenizer.streams == tuple(StreamSpec(name, size, Fraction(50)) for name, size in sizes.items())
    (result,) = tokenizer.encode(_utterances(3300))
    assert list(result) == list(sizes)
    for spec in tokenizer.streams:
        codes = result[spec.name]
        assert codes.dtype == np.int32
        assert codes.shape == (11,)
        assert 0 <= codes.min() <= codes.max() < spec.codebook_size


def test_codes_are_the_model_s_own(folder):
    audio = _utterances(3200)[0]
    (result,) = load(folder).encode([audio])
    expected = tiny_model().encode(torch.from_numpy(audio)[None]).item(0)
    assert all(np.array_equal(result[name], codes.numpy()) for name, codes in expected.items())


@pytest.mark.parametrize("batched", ["false", "true"])
def test_company_changes_nothing(folder, batched):
    tokenizer = load(folder, batched=batched)
    utterances = _utterances(3200, 0, 1, 321, 5000)
    together = tokenizer.encode(utterances)
    assert [len(result["phonetic"]) for result in together] == [10, 0, 1, 2, 16]
    for utterance, result in zip(utterances, together, strict=True):
        (alone,) = tokenizer.encode([utterance])
        assert list(alone) == list(result)
        assert all(np.array_equal(result[name], alone[name]) for name in alone)


def test_no_utterances(folder):
    assert load(folder, batched="true").encode([]) == []


def test_fewer_quantizers(folder):
    tokenizer = load(folder, n_quantizers="1")
    names = ["acoustic.0", "phonetic", "lexical"]
    assert [spec.name for spec in tokenizer.streams] == names == list(tokenizer.encode(_utterances(640))[0])
    assert tokenizer.provenance["n_quantizers"] == 1
    assert len(tokenizer.provenance["weights_sha256"]) == 64


def test_found_by_name_and_by_folder(folder):
    audio = _utterances(1000)
    by_name = load_tokenizer(f"hac:{folder}").encode(audio)[0]
    by_folder = load_tokenizer(folder).encode(audio)[0]
    assert all(np.array_equal(by_name[name], by_folder[name]) for name in by_name)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_quantizers": "9"}, "has 3 acoustic quantizers"),
        ({"n_quantizers": "many"}, "expected a whole number"),
        ({"batched": "perhaps"}, "expected true or false"),
        ({"layer": "1"}, "unknown option 'layer'"),
    ],
)
def test_bad_options_are_one_sentence(folder, options, words):
    with pytest.raises(HacError, match=words):
        load(folder, **options)


def test_bad_device_is_one_sentence(folder):
    with pytest.raises(HacError, match="cannot be used"):
        load(folder, "abacus")


def test_bad_audio_is_one_sentence(folder):
    tokenizer = load(folder)
    with pytest.raises(HacError, match="NaN"):
        tokenizer.encode([np.array([0.0, np.nan], dtype=np.float32)])
    with pytest.raises(HacError, match="mono"):
        tokenizer.encode([np.zeros((2, 100), dtype=np.float32)])


def test_folder_without_weights_or_with_pickles(folder, tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(HacError, match="holds no weights"):
        load(str(tmp_path))
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(HacError, match="pickled"):
        load(str(tmp_path))
    with pytest.raises(HacError, match="nowhere"):
        load(str(tmp_path / "nowhere"))
