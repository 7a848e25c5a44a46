"""Training runs the encoder in another memory layout: the same numbers, the same gradients, padding unseen."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hac.model.masked_convolutions import encode_audio
from tests.hac.bf16 import needs_bf16
from tests.hac.speech import speech
from tests.hac.tiny_hac import enliven, one_thread, tiny_model

__all__ = ["one_thread"]  # a fixture that runs by itself


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    model = tiny_model()
    enliven(model)
    return model.encoder.double()


def gradients(latent, encoder, seed):
    """Gradients of every parameter under a random direction, by name."""
    generator = torch.Generator().manual_seed(seed)
    direction = torch.randn(latent.shape, generator=generator, dtype=latent.dtype)
    parameters = dict(encoder.named_parameters())
    found = torch.autograd.grad((latent * direction).sum(), parameters.values())
    return dict(zip(parameters, found, strict=True))


@settings(max_examples=8)
@given(n_frames=st.integers(1, 5), n_items=st.integers(1, 3), seed=st.integers(0, 9))
def test_values_and_gradients_are_those_of_the_modules(encoder, n_frames, n_items, seed):
    torch.manual_seed(seed)
    samples = torch.randn(n_items, 1, n_frames * 320, dtype=torch.float64)
    expected, found = encoder(samples), encode_audio(encoder, samples, None)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradients(found, encoder, seed), gradients(expected, encoder, seed))


@settings(max_examples=8)
@given(lengths=st.lists(st.integers(1, 5), min_size=2, max_size=3), seed=st.integers(0, 9))
def test_a_padded_batch_has_the_gradients_of_its_items(encoder, lengths, seed):
    torch.manual_seed(seed)
    longest = max(lengths)
    mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
    exists = mask.repeat_interleave(320, dim=1)[:, None]
    samples = torch.randn(len(lengths), 1, longest * 320, dtype=torch.float64) * exists
    alone = [encoder(row[None, :, : length * 320]) for row, length in zip(samples, lengths, strict=True)]
    expected = torch.cat([torch.nn.functional.pad(row, (0, longest - row.shape[-1])) for row in alone])
    found = encode_audio(encoder, samples, mask)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradients(found, encoder, seed), gradients(expected, encoder, seed))


@pytest.fixture(scope="module")
def real_speech():
    model = tiny_model()
    encoder = model.encoder
    samples = torch.from_numpy(speech(0.4, 0.5))[None, None, : 20 * 320]
    with torch.no_grad():
        return encoder, samples, encode_audio(encoder, samples, None)


def test_real_speech_in_single_precision(real_speech):
    encoder, samples, expected = real_speech
    found = encode_audio(encoder, samples, None)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert found.requires_grad
    assert not expected.requires_grad


@needs_bf16
def test_real_speech_in_half_precision(real_speech):
    encoder, samples, expected = real_speech
    mask = torch.ones(1, 20, dtype=torch.bool)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = encode_audio(encoder, samples, mask)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), expected, rtol=0.1, atol=0.1 * float(expected.abs().max()))
    half.float().pow(2).sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())
