"""The encoder at the frame rate: the spectra it hears, where its frames lie, what padding may not touch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hac.errors import HacError
from hac.model.hac_model import HacModel
from hac.model.stft_encoder import StftEncoder
from tests.hac.speech import speech
from tests.hac.tiny_hac import noise, one_thread, tiny_model

__all__ = ["one_thread"]  # a fixture that runs by itself

HOP = 20
BINS = HOP + 1
STFT = {"encoder_type": "stft", "encoder_hidden_size": 24, "encoder_layers": 2, "encoder_ff_dim": 48}


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return StftEncoder(6, HOP, 16, 2, 24).double().requires_grad_(False)


def slow_spectra(samples: np.ndarray) -> np.ndarray:
    """The same from its definition: windows of two frames, centred on a quarter and three quarters."""
    size, rows = 2 * HOP, []
    window = np.array([0.5 - 0.5 * math.cos(2 * math.pi * n / size) for n in range(size)])
    for centre in np.arange(HOP / 4, len(samples), HOP / 2):
        begin = int(centre) - HOP
        row = np.array([samples[i] if 0 <= i < len(samples) else 0.0 for i in range(begin, begin + size)]) * window
        bins = [
            sum(row * np.exp(-2j * math.pi * k * np.arange(size) / size)) * 2 / window.sum() for k in range(HOP + 1)
        ]
        loud = np.maximum(np.abs(bins), 1e-5)
        small = 2 * np.array(bins) * loud**-0.7
        rows.append(np.concatenate([(np.log(loud) + 8) / 2.5, small.real, small.imag]))
    return np.array(rows).reshape(len(samples) // HOP, -1)


def test_spectra_are_those_of_their_definition(encoder):
    samples = np.random.default_rng(0).normal(size=7 * HOP) * np.repeat([1, 0, 0, 0.1, 1e-7, 1, 1], HOP)
    fast = encoder.spectra(torch.from_numpy(samples)[None, None])[0]
    np.testing.assert_allclose(fast.numpy(), slow_spectra(samples), atol=1e-9)


def test_a_sine_has_its_amplitude(encoder):
    samples = 0.05 * torch.sin(2 * math.pi * 5 / (2 * HOP) * torch.arange(10 * HOP, dtype=torch.float64))
    logs = encoder.spectra(samples[None, None])[0, 5, :BINS] * 2.5 - 8
    assert int(logs.argmax()) == 5 and float(logs[5]) == pytest.approx(math.log(0.05), abs=1e-6)


def test_speech_enters_with_the_size_of_one():
    spectra = StftEncoder(6, 320, 16, 1, 24).spectra(torch.from_numpy(speech(4.0))[None, None])[0]
    logs, parts = spectra[:, :321], spectra[:, 321 : 3 * 321]
    assert -1.5 < float(logs.mean()) < 1.5 and 0.5 < float(logs.std()) < 1.5
    assert 0.1 < float(parts.std()) < 1


def test_later_by_a_frame_is_later_by_a_frame(encoder):
    samples = torch.from_numpy(np.random.default_rng(1).normal(size=40 * HOP))[None, None]
    moved = torch.roll(samples, HOP, dims=-1)
    at_rest, later = encoder(samples)[0], encoder(moved)[0]
    # beyond the reach of the blocks from either end
    torch.testing.assert_close(later[:, 11:30], at_rest[:, 10:29])


@settings(max_examples=15)
@given(lengths=st.lists(st.integers(1, 30), min_size=2, max_size=4), seed=st.integers(0, 9))
def test_padding_is_not_heard(encoder, lengths, seed):
    torch.manual_seed(seed)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    samples = torch.randn(len(lengths), 1, max(lengths) * HOP, dtype=torch.float64)
    samples *= mask.repeat_interleave(HOP, dim=1)[:, None]
    together = encoder(samples, mask)
    for row, length in enumerate(lengths):
        alone = encoder(samples[row : row + 1, :, : length * HOP])[0]
        torch.testing.assert_close(together[row, :, :length], alone)
        assert not together[row, :, length:].any()


def test_a_model_with_it_is_saved_loaded_and_starts_calmly(tmp_path):
    model = tiny_model(**STFT)
    audio = noise(1, 320 * 20)
    latent = model.encoder(audio[:, None]).detach()
    assert 0.3 < float(latent.std()) < 3
    tokens = model.encode(audio)
    model.save_pretrained(tmp_path)
    again = HacModel.from_pretrained(tmp_path)
    assert again.config.encoder_type == "stft"
    assert all(torch.equal(again.encode(audio).streams[name], codes) for name, codes in tokens.streams.items())


def test_silence_has_a_finite_gradient():
    model = tiny_model(**STFT)
    audio = torch.zeros(1, 1, 320 * 4, requires_grad=True)
    model.encoder(audio).sum().backward()
    assert bool(torch.isfinite(audio.grad).all())


def test_half_precision_works_where_fourier_transforms_do_not():
    model = tiny_model(**STFT).to(torch.bfloat16)
    latent = model.encoder(noise(1, 1, 320 * 9).to(torch.bfloat16))
    assert latent.dtype == torch.bfloat16 and bool(torch.isfinite(latent).all())


def test_a_dac_cannot_lend_its_weights_to_it(tmp_path):
    from transformers import DacConfig, DacModel

    small = DacConfig(encoder_hidden_size=4, decoder_hidden_size=32, downsampling_ratios=[2, 4], n_codebooks=2)
    DacModel(small).save_pretrained(tmp_path)
    with pytest.raises(HacError, match="a DAC's encoder has encoder_type dac; leave encoder_type out"):
        HacModel.from_dac(str(tmp_path), encoder_type="stft", phonetic=False, lexical=False)
