"""The decoder at the frame rate: what its source computes, what padding may not touch, how far it looks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.models.xcodec2.modeling_xcodec2 import Xcodec2ISTFTHead

from hac.coding.decoders import Context, decoder_context
from hac.errors import HacError
from hac.model.hac_model import HacModel
from hac.model.istft_decoder import IstftDecoder
from tests.hac.tiny_hac import noise, one_thread, tiny_model

__all__ = ["one_thread"]  # a fixture that runs by itself

HOP = 20
ISTFT = {"decoder_type": "istft", "decoder_layers": 2, "decoder_ff_dim": 48}


@pytest.fixture(scope="module")
def decoder():
    torch.manual_seed(0)
    return IstftDecoder(6, HOP, 16, 2, 24).double().requires_grad_(False)


def test_the_transform_is_that_of_vocos(decoder):
    """Peer: the head that transformers has from XCodec2, which took it from Vocos; fed with the same hidden vectors."""
    peer = Xcodec2ISTFTHead(SimpleNamespace(hidden_size=16, n_fft=4 * HOP, hop_length=HOP)).double()
    peer.linear = decoder.head
    peer.window = torch.hann_window(4 * HOP, dtype=torch.float64)
    latent = torch.randn(2, 6, 11, dtype=torch.float64)
    hidden = decoder.first_norm(decoder.embed(latent).transpose(1, 2))
    for block in decoder.blocks:
        hidden = block(hidden.transpose(1, 2)).transpose(1, 2)
    # the peer computes its spectrum in single precision
    torch.testing.assert_close(
        decoder(latent).float(), peer(decoder.last_norm(hidden))[:, 0].float(), atol=1e-4, rtol=1e-3
    )


@settings(max_examples=15)
@given(lengths=st.lists(st.integers(1, 30), min_size=2, max_size=4), seed=st.integers(0, 9))
def test_padding_is_not_heard(decoder, lengths, seed):
    torch.manual_seed(seed)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    latent = torch.randn(len(lengths), 6, max(lengths), dtype=torch.float64)
    together = decoder(torch.where(mask[:, None], latent, 1e3), mask)
    assert together.shape == (len(lengths), max(lengths) * HOP)
    for row, length in enumerate(lengths):
        alone = decoder(latent[row : row + 1, :, :length])[0]
        torch.testing.assert_close(together[row, : length * HOP], alone)


def test_the_context_is_what_gradients_reach():
    model = tiny_model(**ISTFT).double()
    hop, middle, n_frames = model.config.hop_length, 20, 41
    latent = torch.randn(1, model.config.latent_dim, n_frames, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(hop, dtype=torch.float64)
    samples = model.decoder(latent)[0, middle * hop : (middle + 1) * hop]
    (gradient,) = torch.autograd.grad((samples * weights).sum(), latent)
    reached = gradient[0].abs().sum(0).nonzero().flatten()
    assert decoder_context(model.decoder) == Context(middle - int(reached[0]), int(reached[-1]) - middle)


def test_a_model_with_it_is_saved_loaded_and_starts_calmly(tmp_path):
    model = tiny_model(**ISTFT)
    audio = noise(1, 320 * 20)
    tokens = model.encode(audio)
    sound = model.decode(tokens)
    assert sound.shape == audio.shape
    assert 0.01 < float(sound.std()) < 3
    model.save_pretrained(tmp_path)
    again = HacModel.from_pretrained(tmp_path)
    assert torch.equal(again.decode(again.encode(audio)), sound)


def test_half_precision_works_where_fourier_transforms_do_not():
    model = tiny_model(**ISTFT).to(torch.bfloat16)
    sound = model.decoder(torch.randn(1, model.config.latent_dim, 9, dtype=torch.bfloat16))
    assert sound.dtype == torch.bfloat16
    assert bool(torch.isfinite(sound).all())


def test_a_dac_cannot_lend_its_weights_to_it(tmp_path):
    from transformers import DacConfig, DacModel

    small = DacConfig(encoder_hidden_size=4, decoder_hidden_size=32, downsampling_ratios=[2, 4], n_codebooks=2)
    DacModel(small).save_pretrained(tmp_path)
    with pytest.raises(HacError, match="decoder_type"):
        HacModel.from_dac(str(tmp_path), decoder_type="istft", phonetic=False, lexical=False)
