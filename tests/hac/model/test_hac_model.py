"""HacModel: parity with DAC, padding, lengths, checkpoints in and out."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, DacConfig, DacModel

from hac.errors import HacError
from hac.model.config import HacConfig
from hac.model.hac_model import HacModel
from hac.model.outputs import HacTokens
from tests.hac.tiny_hac import TINY, enliven, noise, one_thread, tiny_model

__all__ = ["one_thread"]  # a fixture that runs by itself

CONFIGS = Path(__file__).parents[3] / "configs" / "model"
LEVELS_OFF = {"phonetic": False, "lexical": False}


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def dac_folder(tmp_path_factory):
    torch.manual_seed(0)
    config = DacConfig(
        encoder_hidden_size=4,
        decoder_hidden_size=32,
        downsampling_ratios=[2, 4, 5, 8],
        n_codebooks=4,
        codebook_size=64,
    )
    dac = DacModel(config).eval()
    with torch.no_grad():
        for parameter in dac.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    enliven(dac)
    folder = tmp_path_factory.mktemp("dac")
    dac.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(model, tmp_path):
    model.save_pretrained(tmp_path / "hac")
    return tmp_path / "hac"


def _batch(lengths, seed=0):
    audio = noise(len(lengths), max(lengths), seed=seed)
    return audio, torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def test_dac_parity(dac_folder):
    dac = DacModel.from_pretrained(dac_folder).eval()
    hac = HacModel.from_dac(str(dac_folder), **LEVELS_OFF)
    audio = noise(2, 9600)
    with torch.no_grad():
        theirs, ours = dac(audio[:, None]), hac(audio)
        decoded = dac.decode(audio_codes=theirs.audio_codes).audio_values
    assert len(theirs.audio_codes.unique()) > 20
    assert torch.equal(ours.audio_codes, theirs.audio_codes)
    n_samples = theirs.audio_values.shape[1]
    assert n_samples == 9600 - 8  # what DAC's odd stride loses
    assert torch.equal(ours.audio_values[:, :n_samples], theirs.audio_values)
    torch.testing.assert_close(ours.loss, theirs.loss.mean())
    again = hac.decode(hac.encode(audio))
    assert again.shape == (2, 9600)
    torch.testing.assert_close(again[:, :n_samples], decoded, atol=1e-7, rtol=0)


def test_dac_parity_with_fewer_quantizers(dac_folder):
    dac = DacModel.from_pretrained(dac_folder).eval()
    hac = HacModel.from_dac(str(dac_folder), **LEVELS_OFF, acoustic_codebooks=2)
    audio = noise(1, 3200)
    with torch.no_grad():
        expected = dac.encode(audio[:, None], n_quantizers=2).audio_codes
    assert torch.equal(torch.stack(list(hac.encode(audio).streams.values()), dim=1), expected)


def test_warm_start_with_all_levels_keeps_dac_codes(dac_folder):
    dac = DacModel.from_pretrained(dac_folder).eval()
    hac = HacModel.from_dac(str(dac_folder), transformer_dim=16, transformer_heads=2, transformer_ff_dim=32)
    audio = noise(1, 3200)
    with torch.no_grad():
        expected = dac.encode(audio[:, None]).audio_codes
    tokens = hac.encode(audio)
    assert list(tokens.streams)[-2:] == ["phonetic", "lexical"]
    assert torch.equal(torch.stack([tokens.streams[f"acoustic.{k}"] for k in range(4)], dim=1), expected)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"downsampling_ratios": [8, 5, 4, 2]},
        {"exact_upsampling": False, "combination": "concat"},
        {"decoder_type": "istft", "decoder_layers": 2, "decoder_ff_dim": 48},
        {"encoder_type": "stft", "encoder_hidden_size": 24, "encoder_layers": 2, "encoder_ff_dim": 48},
    ],
)
def test_a_padded_batch_gives_each_item_what_it_gets_alone(changes):
    model = tiny_model(**changes)
    lengths = [6400, 1, 319, 321, 3333, 5120]
    audio, exists = _batch(lengths)
    # what stands in the padding must not matter
    tokens = model.encode(torch.where(exists, audio, 0.5), exists)
    embeddings = model.embed(audio, exists)
    sounds = model.decode(tokens)
    assert len(tokens.streams["acoustic.0"].unique()) > 8
    for index, n_samples in enumerate(lengths):
        alone = model.encode(audio[index : index + 1, :n_samples])
        for name, codes in alone.item(0).items():
            assert torch.equal(tokens.item(index)[name], codes), (index, name)
        vectors = model.embed(audio[index : index + 1, :n_samples])
        for name, rows in vectors.streams.items():
            together = embeddings.streams[name][index][embeddings.mask[index]]
            torch.testing.assert_close(together, rows[0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(sounds[index, :n_samples], model.decode(alone)[0], atol=1e-5, rtol=0)
        assert not sounds[index, n_samples:].any()


def test_padding_without_masks_between_layers_would_change_codes(model):
    """The law above has teeth: the same batch through the plain encoder gives other latents near the end."""
    audio, exists = _batch([6400, 3333])
    batch = model.prepare(audio, exists)
    with torch.no_grad():
        plain = model.encoder(batch.samples)[1, :, :11]
        alone = model.encoder(model.prepare(audio[1:, :3333]).samples)[0]
    assert (plain - alone).abs().max() > 1e-3


@settings(max_examples=25, deadline=None)
@given(n_samples=st.integers(1, 4000), exact=st.booleans())
def test_length_and_rate_are_exact_for_any_length(n_samples, exact):
    model = tiny_model(exact_upsampling=exact)
    tokens = model.encode(noise(1, n_samples))
    assert tokens.frame_rate == Fraction(50) == Fraction(16000, model.config.hop_length)
    assert tokens.mask.shape[1] == -(-n_samples // 320)
    audio = model.decode(tokens)
    assert audio.shape == (1, n_samples)
    assert torch.isfinite(audio).all()


def test_exact_upsampling_fills_every_frame(model):
    with torch.no_grad():
        assert model.decoder(torch.randn(1, 24, 7)).shape[-1] == 7 * 320


def test_frame_rate_is_a_fraction():
    model = tiny_model(sample_rate=44100, downsampling_ratios=[2, 4, 8, 8])
    assert model.encode(noise(1, 600)).frame_rate == Fraction(44100, 512)


def test_decode_from_some_streams(model):
    tokens = model.encode(noise(1, 3200))
    everything = model.decode(tokens)
    assert torch.equal(model.decode(tokens, streams=["lexical", "acoustic", "phonetic"]), everything)
    parts = [model.decode(tokens, streams=[name]) for name in ("acoustic", "phonetic", "lexical")]
    assert all(not torch.equal(part, everything) for part in parts)
    assert not torch.equal(model.decode(tokens, n_quantizers=1), everything)
    assert torch.equal(model.decode(tokens, n_quantizers=3), everything)
    fewer = model.encode(noise(1, 3200), n_quantizers=1)
    assert list(fewer.streams) == ["acoustic.0", "phonetic", "lexical"]
    assert torch.equal(model.decode(fewer), model.decode(tokens, n_quantizers=1))


def test_items_make_a_batch_again(model):
    audio, exists = _batch([3200, 1700])
    tokens = model.encode(audio, exists)
    items = [{name: codes.numpy() for name, codes in tokens.item(index).items()} for index in range(2)]
    again = HacTokens.from_items(items, tokens.frame_rate, model.config.hop_length, [3200, 1700])
    assert torch.equal(model.decode(again), model.decode(tokens))
    whole = HacTokens.from_items(items[1:], tokens.frame_rate, model.config.hop_length)
    assert model.decode(whole).shape == (1, 6 * 320)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([], "no streams"),
        ([{"a": [1]}, {"b": [1]}], "different ones"),
        ([{"a": [1, 2], "b": [1]}], "stream 'b' is not as long as 'a'"),
    ],
)
def test_items_that_make_no_batch(items, words):
    with pytest.raises(HacError, match=words):
        HacTokens.from_items(items, Fraction(50), 320)


def test_forward_agrees_with_encode_and_decode(model):
    audio, exists = _batch([3200, 1700])
    tokens = model.encode(audio, exists)
    with torch.no_grad():
        output = model(audio, exists)
    torch.testing.assert_close(output.audio_values, model.decode(tokens), atol=1e-5, rtol=0)
    names = list(tokens.streams)
    assert torch.equal(output.audio_codes[:, 3][tokens.mask], tokens.streams[names[3]][tokens.mask])


def test_gradients_reach_every_parameter():
    model = tiny_model(quantizer_dropout=0.0).train()
    audio, exists = _batch([3200, 1700])
    output = model(audio, exists)
    (output.loss + output.audio_values.pow(2).sum()).backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_transformers_convention_of_one_channel(model):
    audio = noise(2, 3200)
    assert torch.equal(model.encode(audio[:, None]).streams["phonetic"], model.encode(audio).streams["phonetic"])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.encode(noise(1, 100), sample_rate=44100), r"44100 Hz and this model wants 16000 Hz; resample"),
        (lambda m: m.encode(noise(1, 2, 100)), "expected mono"),
        (lambda m: m.encode(noise(1, 100)[:, :0]), "without samples"),
        (lambda m: m.encode(noise(1, 8), torch.arange(8)[None] > 3), "at its end"),
        (lambda m: m.encode(noise(1, 8), torch.ones(1, 9)), "padding_mask has shape"),
        (lambda m: m.encode(noise(1, 100), n_quantizers=4), "has 3 acoustic quantizers"),
        (lambda m: m.decode(m.encode(noise(1, 100)), streams=["phonetics"]), "did you mean 'phonetic'"),
        (lambda m: m.decode(m.encode(noise(1, 100)), streams=[]), "no level to decode from"),
    ],
)
def test_bad_input_is_one_sentence(model, call, words):
    with pytest.raises(HacError, match=words):
        call(model)


def test_codes_beyond_their_codebook_are_refused(model):
    tokens = model.encode(noise(1, 640))
    streams = {**tokens.streams, "lexical": tokens.streams["lexical"] + 8}
    bad = HacTokens(streams, tokens.mask, tokens.frame_rate, tokens.n_samples)
    with pytest.raises(HacError, match=r"'lexical' holds code \d+; its codebook has codes 0 to 7"):
        model.decode(bad)
    lacking = {name: codes for name, codes in tokens.streams.items() if name != "phonetic"}
    with pytest.raises(HacError, match="token batch has no stream 'phonetic'"):
        model.decode(HacTokens(lacking, tokens.mask, tokens.frame_rate, tokens.n_samples))


def test_save_and_load_round_trip(model, folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
    ]
    audio = noise(2, 3200)
    expected = model.encode(audio)
    for loaded in (HacModel.from_pretrained(folder), AutoModel.from_pretrained(folder)):
        assert isinstance(loaded, HacModel)
        state = loaded.state_dict()
        assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
        tokens = loaded.encode(audio)
        assert all(torch.equal(codes, tokens.streams[name]) for name, codes in expected.streams.items())
    assert AutoConfig.from_pretrained(folder).lexical_codebook_size == 8
    assert "| `lexical` | 8 |" in (folder / "README.md").read_text()


def test_feature_extractor_pads_as_encode_wants(model, folder):
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    audio = [noise(n, seed=n).numpy() for n in (1000, 640)]
    inputs = extractor(audio, sampling_rate=16000, return_tensors="pt")
    tokens = model.encode(inputs["input_values"], inputs["padding_mask"])
    alone = model.encode(torch.from_numpy(audio[1])[None])
    assert torch.equal(tokens.item(1)["phonetic"], alone.item(0)["phonetic"])


def test_a_model_card_of_the_user_is_kept(model, folder):
    (folder / "README.md").write_text("mine")
    model.save_pretrained(folder)
    assert (folder / "README.md").read_text() == "mine"


def test_pickled_weights_are_refused(model, folder):
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    for load in (HacModel.from_pretrained, AutoModel.from_pretrained):
        with pytest.raises(HacError, match=r"pickled \(pytorch_model.bin\)"):
            load(folder)


def _rewrite(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_checkpoints_that_are_none(folder, dac_folder, tmp_path):
    load = HacModel.from_pretrained
    with pytest.raises(HacError, match="is no folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(HacError, match="is a file"):
        load(folder / "config.json")
    with pytest.raises(HacError, match="holds a model of type 'dac'; expected a HAC model"):
        load(dac_folder)
    with pytest.raises(HacError, match="holds a model of type 'hac'; expected a DAC"):
        HacModel.from_dac(str(folder))
    (tmp_path / "empty").mkdir()
    with pytest.raises(HacError, match="has no readable config"):
        load(tmp_path / "empty")
    shutil.copytree(folder, tmp_path / "newer")
    _rewrite(tmp_path / "newer" / "config.json", format_version=2)
    with pytest.raises(HacError, match="newer hac-codec"):
        load(tmp_path / "newer")
    shutil.copytree(folder, tmp_path / "larger")
    _rewrite(tmp_path / "larger" / "config.json", lexical_layers=2)
    with pytest.raises(HacError, match="weights are missing"):
        load(tmp_path / "larger")
    shutil.copytree(folder, tmp_path / "wider")
    _rewrite(tmp_path / "wider" / "config.json", latent_dim=32)
    with pytest.raises(HacError, match="cannot be loaded"):
        load(tmp_path / "wider")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(HacError, match="cannot be loaded"):
        load(folder)
    weights.unlink()
    with pytest.raises(HacError, match="copy the weights beside it"):
        load(folder)


def test_warm_start_keeps_trained_codes_under_kmeans_initialization(dac_folder):
    small = {"transformer_dim": 16, "transformer_heads": 2, "transformer_ff_dim": 32}
    model = HacModel.from_dac(str(dac_folder), kmeans_init=True, **small).train()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model(noise(1, 32000))
    moved = [name for name, tensor in model.named_parameters() if not torch.equal(tensor, state[name])]
    assert moved == ["bottleneck.phonetic.codebook.weight", "bottleneck.lexical.codebook.weight"]


def test_warm_starts_that_do_not_fit(dac_folder):
    with pytest.raises(HacError, match="fewer than acoustic_codebooks=7"):
        HacModel.from_dac(str(dac_folder), acoustic_codebooks=7)
    with pytest.raises(HacError, match="do not fit"):
        HacModel.from_dac(str(dac_folder), **LEVELS_OFF, encoder_hidden_size=8)


@pytest.mark.parametrize(
    ("size", "low", "high"),
    [("nano", 1e6, 2.2e6), ("nano-stft", 3e6, 3.2e6), ("small", 11e6, 13e6), ("base", 70e6, 110e6)],
)
def test_shipped_sizes(size, low, high):
    config = HacConfig.from_yaml(CONFIGS / f"hac-{size}.yaml")
    with torch.device("meta"):
        n_parameters = sum(parameter.numel() for parameter in HacModel(config).parameters())
    assert low <= n_parameters <= high
    assert (config.frame_rate, config.nominal_kbps, len(config.codebook_sizes)) == (Fraction(50), 4.5, 9)


def test_yaml_includes_and_overrules(tmp_path):
    (tmp_path / "base.yaml").write_text("latent_dim: 24\nlexical: false\n")
    (tmp_path / "variant.yaml").write_text("base: base.yaml\nphonetic_layers: 2\n")
    config = HacConfig.from_yaml(tmp_path / "variant.yaml", latent_dim=48)
    assert (config.latent_dim, config.lexical, config.phonetic_layers) == (48, False, 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("latent_dmi: 24", "unknown key 'latent_dmi'; did you mean 'latent_dim'"),
        ("latent_dim: wide", "latent_dim"),
        ("lexical_input: stack", "stacked"),
        ("- 1", "expected a YAML mapping"),
        ("a: [", "cannot be read as YAML"),
        ("base: bad.yaml", "includes itself"),
        ("base: gone.yaml", "no such model configuration"),
    ],
)
def test_bad_yaml_is_one_sentence(tmp_path, text, words):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(HacError, match=words) as caught:
        HacConfig.from_yaml(tmp_path / "bad.yaml")
    assert "\n" not in str(caught.value)


def test_same_seed_same_model():
    first, second = tiny_model(3).state_dict(), tiny_model(3).state_dict()
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    assert TINY["initializer_range"] is None
    drawn_as_dac = tiny_model(3, initializer_range=0.02)
    assert float(drawn_as_dac.decoder.conv1.weight.detach().std()) == pytest.approx(0.02, rel=0.2)
