"""Decoders of HAC and of transformers' codecs: the audio of the model, whole or in windows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hac.coding.decoders import Context, Decoder, HacDecoder, decode_blocks, decoder_context, load_decoder
from hac.errors import HacError
from hac.model.config import HacConfig
from hac.model.hac_model import HacModel
from hac.tokenizers.registry import load_tokenizer
from tests.hac import tiny_models
from tests.hac.tiny_hac import TINY, noise, one_thread, tiny_model

__all__ = ["one_thread"]  # a fixture that runs by itself

CODECS = ("dac", "encodec", "mimi", "xcodec")


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, str]:
    """A saved model of every kind, by kind."""
    root = tmp_path_factory.mktemp("models")
    tiny_model().save_pretrained(root / "hac")
    for kind in CODECS:
        tiny_models.save(tiny_models.codec(kind), root / kind)
    return {kind: str(root / kind) for kind in ("hac", *CODECS)}


def random_codes(decoder: Decoder, n_frames: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {spec.name: rng.integers(0, spec.codebook_size, n_frames).astype(np.int32) for spec in decoder.streams}


STRIDES = [(2, 4, 5, 8), (8, 5, 4, 2), (2,), (3,), (5, 3), (3, 3, 2)]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("strides", STRIDES)
def test_the_context_is_what_gradients_reach(strides: tuple[int, ...], exact: bool) -> None:
    """Oracle: which frames have a gradient from the samples of a frame in the middle."""
    model = tiny_model(downsampling_ratios=strides, exact_upsampling=exact).double()
    hop, middle, n_frames = model.config.hop_length, 40, 81
    latent = torch.randn(1, model.config.latent_dim, n_frames, dtype=torch.float64, requires_grad=True)
    audio = model.decoder(latent)[0, 0]
    # random weights, so that no two samples' gradients cancel
    weights = torch.randn(hop, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((audio[middle * hop : (middle + 1) * hop] * weights).sum(), latent)
    reached = gradient[0].abs().sum(0).nonzero().flatten()
    assert decoder_context(model.decoder) == Context(middle - int(reached[0]), int(reached[-1]) - middle)


def test_the_contexts_of_the_shipped_sizes() -> None:
    for name, context in {"hac-base": Context(10, 10), "hac-nano": Context(17, 17)}.items():
        config = HacConfig.from_yaml(Path(__file__).parents[3] / "configs" / "model" / f"{name}.yaml")
        shape = {key: getattr(config, key) for key in ("downsampling_ratios", "decoder_type", "decoder_layers")}
        assert decoder_context(HacModel(HacConfig(**TINY, **shape)).decoder) == context


KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "as DAC": {"exact_upsampling": False},
    "concat": {"combination": "concat"},
    "short": {"downsampling_ratios": (3, 2)},
}


@cache
def hac_decoder(kind: str) -> HacDecoder:
    return HacDecoder("hac:tiny", tiny_model(**KINDS[kind]), "0" * 64)


@given(n_frames=st.integers(1, 60), block_frames=st.integers(5, 40), kind=st.sampled_from(list(KINDS)))
@settings(max_examples=15)
def test_windows_give_the_whole(n_frames: int, block_frames: int, kind: str) -> None:
    decoder = hac_decoder(kind)
    codes = random_codes(decoder, n_frames, seed=n_frames)
    whole = decoder.decode(codes)
    assert whole.shape == (n_frames * decoder.hop_samples,)
    block_s = block_frames * decoder.hop_samples / decoder.sample_rate
    assert np.abs(np.concatenate(list(decode_blocks(decoder, codes, block_s))) - whole).max() <= 1e-5


@dataclass
class Double:
    """A DAC decoder in double precision, so that windows and whole can be told apart to 1e-13."""

    model: HacModel
    context: Context | None
    name: str = "double"
    weights_sha256: str = ""

    def __post_init__(self) -> None:
        self.sample_rate, self.hop_samples = self.model.config.sample_rate, self.model.config.hop_length
        self.streams = ()

    def choose(self, present, levels=None, n_quantizers=None):
        return ("latent",)

    def decode(self, streams):
        generator = torch.Generator().manual_seed(0)
        table = torch.randn(64, self.model.config.latent_dim, generator=generator, dtype=torch.float64)
        latent = table[torch.from_numpy(streams["latent"].copy())].T[None]
        with torch.no_grad():
            return self.model.decoder(latent)[0, 0].numpy()


@pytest.mark.parametrize("strides", [(2, 4, 5, 8), (3, 2), (8, 5, 4, 2)])
def test_windows_are_exact_with_the_context_and_not_with_less(strides: tuple[int, ...]) -> None:
    model = tiny_model(downsampling_ratios=strides).double()
    context = decoder_context(model.decoder)
    codes = {"latent": np.random.default_rng(0).integers(0, 64, 150).astype(np.int64)}
    whole = Double(model, context).decode(codes)
    block_s = 40 * model.config.hop_length / model.config.sample_rate

    def error(before: int, after: int) -> float:
        blocks = decode_blocks(Double(model, Context(before, after)), codes, block_s)
        return float(np.abs(np.concatenate(list(blocks)) - whole).max())

    exact = error(context.before, context.after)
    assert exact < 1e-14
    assert error(context.before - 1, context.after) > 10 * exact
    assert error(context.before, context.after - 1) > 10 * exact
    assert error(0, 0) > 1e-4


def test_hac_gives_the_model_s_own_audio(folders: dict[str, str]) -> None:
    decoder = load_decoder(f"hac:{folders['hac']}")
    assert isinstance(decoder, Decoder)
    model = tiny_model()
    tokens = model.encode(noise(1, 320 * 9))
    codes = {name: rows.numpy().astype(np.int32) for name, rows in tokens.item(0).items()}
    for levels, depth in ((None, None), (["phonetic"], None), (["acoustic", "lexical"], 2), (["acoustic"], 1)):
        chosen = decoder.choose(codes, levels, depth)
        audio = decoder.decode({name: codes[name] for name in chosen})
        assert audio.dtype == np.float32
        assert np.array_equal(audio, model.decode(tokens, levels, depth)[0].numpy())


@pytest.mark.parametrize("kind", CODECS)
def test_codecs_give_the_model_s_own_audio(kind: str, folders: dict[str, str]) -> None:
    decoder = load_decoder(folders[kind])
    assert isinstance(decoder, Decoder)
    tokenizer = load_tokenizer(folders[kind])
    assert decoder.streams == tokenizer.streams
    assert decoder.weights_sha256 == tokenizer.provenance["weights_sha256"]
    codes = tokenizer.encode([noise(12_345).numpy()])[0]
    assert decoder.choose(codes) == tuple(codes)
    audio = decoder.decode(codes)
    n_frames = len(codes["acoustic.0"])
    assert audio.shape == (n_frames * decoder.hop_samples,)
    table = torch.from_numpy(np.stack(list(codes.values()))).long()[None]
    model = tiny_models.codec(kind)
    with torch.no_grad():
        raw = model.decode(table[None], [None])[0] if kind == "encodec" else model.decode(audio_codes=table)[0]
    expected = raw.flatten()[: len(audio)].numpy()
    assert len(expected) > len(audio) - decoder.hop_samples
    assert np.array_equal(audio[: len(expected)], expected)
    assert not audio[len(expected) :].any()


@pytest.mark.parametrize("kind", ["dac", "xcodec"])
def test_convolutional_codecs_are_decoded_in_windows(kind: str, folders: dict[str, str]) -> None:
    decoder = load_decoder(folders[kind])
    codes = random_codes(decoder, 120)
    blocks = list(decode_blocks(decoder, codes, 20 * decoder.hop_samples / decoder.sample_rate))
    assert len(blocks) == 6
    assert np.abs(np.concatenate(blocks) - decoder.decode(codes)).max() <= 1e-5


@pytest.mark.parametrize("kind", ["encodec", "mimi"])
def test_the_others_are_decoded_whole(kind: str, folders: dict[str, str]) -> None:
    decoder = load_decoder(folders[kind])
    assert decoder.context is None
    assert len(list(decode_blocks(decoder, random_codes(decoder, 60), 0.01))) == 1


def test_fewer_quantizers_of_a_codec(folders: dict[str, str]) -> None:
    mimi = load_decoder(folders["mimi"])
    assert mimi.choose([spec.name for spec in mimi.streams], None, 2) == ("semantic", "acoustic.0")
    assert mimi.choose(["semantic", "acoustic.0", "acoustic.1"]) == ("semantic", "acoustic.0", "acoustic.1")
    with pytest.raises(HacError, match="n_quantizers is 9, expected 1 to 4"):
        mimi.choose([], None, 9)
    with pytest.raises(HacError, match="heard together"):
        mimi.choose([], ["semantic"])


def test_names_of_every_form(folders: dict[str, str]) -> None:
    for name in (folders["hac"], f"hac:{folders['hac']}", f"hac:{folders['hac']}?n_quantizers=2"):
        assert load_decoder(name).name == name
    with pytest.raises(HacError, match="cannot be turned into audio"):
        load_decoder("mfcc-kmeans:units")
