"""The judges equal their packages called directly, and refuse what they cannot judge."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hac.errors import HacError
from hac.judges.base import Judge, MosPredictor, Recognizer, SpeakerEncoder, Unjudged
from hac.judges.registry import load_mos_predictor, load_recognizer, load_speaker_encoder
from tests.corpora import speech
from tests.hac import ruled_judges, tiny_judges

NOISE = np.random.default_rng(0).normal(0, 0.05, 16_000).astype(np.float32)


@pytest.fixture(scope="module")
def moonshine() -> Recognizer:
    return load_recognizer("moonshine")


@pytest.fixture(scope="module")
def resemblyzer() -> SpeakerEncoder:
    return load_speaker_encoder("resemblyzer")


@pytest.fixture(scope="module")
def dnsmos() -> MosPredictor:
    return load_mos_predictor("dnsmos")


def refusals(judge: Any, method: str) -> dict[str, str]:
    """Reasons given for audio that nothing can be said of."""
    spoilt = NOISE.copy()
    spoilt[500] = np.nan
    found = {}
    for name, samples in (("silent", np.zeros(16_000, np.float32)), ("short", NOISE[:1000]), ("nan", spoilt)):
        with pytest.raises(Unjudged) as refused:
            getattr(judge, method)(samples)
        found[name] = refused.value.reason
    return found


REFUSALS = {"silent": "audio-silent", "short": "too-short", "nan": "audio-not-finite"}


def test_moonshine_hears_english(moonshine: Recognizer) -> None:
    heard = moonshine.transcribe(speech(5.0))
    assert "it was the worst of times" in heard.lower()
    assert moonshine.transcribe(speech(5.0)) == heard
    assert moonshine.languages == {"en"}
    assert refusals(moonshine, "transcribe") == REFUSALS


def test_moonshine_hears_a_long_recording_in_parts(moonshine: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    import hac.judges.moonshine_asr as module

    samples = speech(6.0)
    monkeypatch.setattr(module, "LONGEST_S", 4.0)
    halves = [moonshine.transcribe(half) for half in np.split(samples, 2)]
    assert moonshine.transcribe(samples) == " ".join(halves)


def test_resemblyzer_equals_its_package(resemblyzer: SpeakerEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    # what the package imports for its voice detector, which is not used here, may be missing
    for name, content in (("webrtcvad", {}), ("scipy.ndimage.morphology", {"binary_dilation": None})):
        module = types.ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    package = importlib.import_module("resemblyzer")
    encoder = package.VoiceEncoder("cpu", verbose=False)
    for seconds, gain in ((0.7, 1.0), (1.6, 0.01), (4.3, 1.0), (7.0, 0.2)):
        samples = speech(seconds, 1.0) * np.float32(gain)
        direct = encoder.embed_utterance(package.normalize_volume(samples, -30, increase_only=True))
        np.testing.assert_allclose(resemblyzer.embed(samples), direct, atol=1e-5)


def test_resemblyzer_hears_the_voice_and_not_the_volume(resemblyzer: SpeakerEncoder) -> None:
    one, other = resemblyzer.embed(speech(4.0)), resemblyzer.embed(speech(4.0, 6.0))
    assert one.shape == (256,)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-6)
    assert one @ other > 0.8 > one @ resemblyzer.embed(np.tile(NOISE, 4))
    np.testing.assert_allclose(resemblyzer.embed(speech(4.0) * np.float32(1e-3)), one, atol=0.05)
    assert refusals(resemblyzer, "embed") == REFUSALS


def test_dnsmos_equals_its_package(dnsmos: MosPredictor) -> None:
    from speechmos import dnsmos as package

    samples = speech(3.0)
    direct = package.run(samples, sr=16_000)
    found = dnsmos.predict(samples)
    assert list(found) == list(dnsmos.scales)
    for name, key in {"ovrl": "ovrl_mos", "sig": "sig_mos", "bak": "bak_mos", "p808": "p808_mos"}.items():
        assert found[name] == pytest.approx(direct[key], abs=1e-5)
    with pytest.raises(Unjudged) as refused:
        dnsmos.predict(samples * 10)
    assert refused.value.reason == "audio-clipped"
    assert refusals(dnsmos, "predict") == REFUSALS


def test_every_judge_says_what_it_is(moonshine: Recognizer, resemblyzer: SpeakerEncoder, dnsmos: MosPredictor) -> None:
    judges: tuple[Judge, ...] = (moonshine, resemblyzer, dnsmos)
    assert [judge.name for judge in judges] == ["moonshine", "resemblyzer", "dnsmos"]
    for judge in judges:
        assert len(judge.provenance["weights_sha256"]) == 64
        assert judge.provenance["version"]
        assert judge.provenance["device"] == "cpu"


def test_a_ctc_model_of_transformers_is_read_greedily(tmp_path: Path) -> None:
    model = tiny_judges.ctc(tmp_path / "ctc")
    judge = load_recognizer(f"transformers:{tmp_path / 'ctc'}")
    samples = speech(1.5)
    normalized = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    with torch.inference_mode():
        best = model(torch.from_numpy(normalized)[None]).logits[0].argmax(-1).tolist()
    letters = ["", "", "", "", " ", *tiny_judges.LETTERS]
    expected = "".join(letters[code] for code, _ in groupby(best)).strip()
    assert expected
    assert judge.transcribe(samples) == expected
    assert judge.languages is None
    assert refusals(judge, "transcribe") == REFUSALS


def test_a_decoder_of_transformers_equals_it_called_directly(tmp_path: Path) -> None:
    model = tiny_judges.seq2seq(tmp_path / "moonshine")
    judge = load_recognizer(f"transformers:{tmp_path / 'moonshine'}?language=en")
    samples = speech(1.5)
    ids = model.generate(torch.from_numpy(samples)[None], do_sample=False, max_new_tokens=16 + 23)[0].tolist()
    expected = " ".join(tiny_judges.LETTERS[code - 4] for code in ids if code >= 4)
    assert expected
    assert judge.transcribe(samples) == expected
    assert judge.languages == {"en"}


def test_an_xvector_model_of_transformers_equals_it_called_directly(tmp_path: Path) -> None:
    model = tiny_judges.xvector(tmp_path / "xvector")
    judge = load_speaker_encoder(f"transformers:{tmp_path / 'xvector'}")
    samples = speech(1.5)
    normalized = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    with torch.inference_mode():
        direct = torch.nn.functional.normalize(model(torch.from_numpy(normalized)[None]).embeddings[0], dim=0)
    np.testing.assert_allclose(judge.embed(samples), direct.numpy(), atol=1e-5)
    assert judge.dim == 12
    assert refusals(judge, "embed") == REFUSALS


def test_models_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    tiny_judges.xvector(tmp_path / "xvector")
    with pytest.raises(HacError, match="which does not transcribe"):
        load_recognizer(f"transformers:{tmp_path / 'xvector'}")
    tiny_judges.ctc(tmp_path / "ctc")
    with pytest.raises(HacError, match="the weights lack"):
        load_speaker_encoder(f"transformers:{tmp_path / 'ctc'}")
    for name in ("preprocessor_config.json", "processor_config.json"):
        (tmp_path / "ctc" / name).unlink(missing_ok=True)
    with pytest.raises(HacError, match="save the processor beside the model"):
        load_recognizer(f"transformers:{tmp_path / 'ctc'}")
    weights = tmp_path / "ctc" / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))
    with pytest.raises(HacError, match="pickled weights"):
        load_recognizer(f"transformers:{tmp_path / 'ctc'}")
    with pytest.raises(HacError, match="no such folder"):
        load_recognizer("transformers:./nowhere")


def test_unknown_names_are_explained() -> None:
    with pytest.raises(HacError, match=r"recognizer 'moonshin' is unknown; known are .* did you mean moonshine"):
        load_recognizer("moonshin")
    with pytest.raises(HacError, match="speaker encoder 'dnsmos' is unknown"):
        load_speaker_encoder("dnsmos")
    with pytest.raises(HacError, match="nothing behind the colon"):
        load_recognizer("transformers:")
    with pytest.raises(HacError, match="expected transformers:WHERE"):
        load_recognizer("transformers")
    with pytest.raises(HacError, match="leave out what follows its name"):
        load_mos_predictor("dnsmos:folder")
    with pytest.raises(HacError, match="option"):
        load_recognizer("transformers:some/where?beams")
    with pytest.raises(HacError, match="cannot be made so"):
        load_recognizer("transformers:some/where?beams=3")


@pytest.mark.parametrize(
    ("name", "load", "extra"),
    [
        ("moonshine", load_recognizer, "speech"),
        ("resemblyzer", load_speaker_encoder, "quality"),
        ("dnsmos", load_mos_predictor, "quality"),
    ],
)
def test_a_missing_package_is_named(name: str, load: Any, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hac.judges.checks.find_spec", lambda name: None)
    with pytest.raises(HacError, match=rf"{name} needs .* pip install 'hac-codec\[{extra}\]'"):
        load(name)


class _Entry:
    """An entry point of another package."""

    def __init__(self, name: str, content: Any) -> None:
        self.name, self.value, self._content = name, f"package:{name}", content

    def load(self) -> Any:
        if isinstance(self._content, Exception):
            raise self._content
        return self._content


def test_other_packages_add_judges(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def make(where: str | None, device: str, **options: str) -> Judge:
        return ruled_judges.Counting(tmp_path, where=where, device=device, **options)

    entries = [
        _Entry("mine", make),
        _Entry("voice", lambda where, device: ruled_judges.Voice()),
        _Entry("broken", ImportError("no such module")),
    ]
    monkeypatch.setattr("hac.plugins.entry_points", lambda group: entries if group == "hac.judges" else [])
    judge = load_recognizer("mine:somewhere?size=3")
    assert judge.name == "mine:somewhere?size=3"
    assert judge.provenance == {"judge": "counting", "where": "somewhere", "device": "cpu", "size": "3"}
    assert load_speaker_encoder("voice").dim == 3
    with pytest.raises(HacError, match="lacks what a Recognizer must have"):
        load_recognizer("voice")
    with pytest.raises(HacError, match="its plugin package:broken cannot be imported"):
        load_recognizer("broken")
    with pytest.raises(HacError, match="known are moonshine, transformers:WHERE, broken, mine, voice"):
        load_recognizer("nobody")
