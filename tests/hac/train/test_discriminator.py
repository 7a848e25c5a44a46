"""Discriminators: a slow reference written from the definitions, and laws."""

from __future__ import annotations

import cmath
import functools
import itertools
import math

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from hac.errors import HacError
from hac.train.config_sections import DiscriminatorConfig
from hac.train.discriminator import BANDS, Discriminator, MultiBandStftDiscriminator, normalize_audio
from hac.train.losses import adversarial_loss, discriminator_loss, feature_matching_loss
from tests.hac.bf16 import needs_bf16
from tests.hac.tiny_hac import noise, one_thread

__all__ = ["one_thread"]  # a fixture that runs by itself

TINY = DiscriminatorConfig(periods=(2, 3), fft_sizes=(64, 32), period_channels=(3, 4, 5), band_channels=3)
TINY_BANDS = ((0.0, 0.3), (0.3, 1.0))


def tiny(seed=0, options=TINY):
    torch.manual_seed(seed)
    return Discriminator(options, TINY_BANDS)


@functools.cache
def shared():
    return tiny()


@pytest.fixture
def discriminator():
    return shared()


def assert_same(left, right, **tolerance):
    assert [len(layers) for layers in left] == [len(layers) for layers in right]
    for one, other in zip(itertools.chain(*left), itertools.chain(*right), strict=True):
        torch.testing.assert_close(one, other, **tolerance)


# the slow reference


def mirrored(samples, i):
    """Sample i of a signal reflected at its ends, neither of which is repeated."""
    return samples[abs(i) if i < len(samples) else 2 * (len(samples) - 1) - i]


def slow_normalized(samples):
    centred = samples - samples.mean()
    return 0.8 * centred / (np.abs(centred).max() + 1e-9)


def slow_convolution(layer, x, stride):
    """[channels, rows, columns], with the weight g v / |v| of each output channel."""
    g = layer.parametrizations.weight.original0.detach().double().numpy()
    v = layer.parametrizations.weight.original1.detach().double().numpy()
    rows, columns = v.shape[2:]
    x = np.pad(x, ((0, 0), (rows // 2, rows // 2), (columns // 2, columns // 2)))
    outputs = []
    for channel in range(len(v)):
        weight = g[channel].item() * v[channel] / math.sqrt((v[channel] ** 2).sum())
        outputs.append(
            [
                [
                    (weight * x[:, i : i + rows, j : j + columns]).sum() + layer.bias[channel].item()
                    for j in range(0, x.shape[2] - columns + 1, stride)
                ]
                for i in range(x.shape[1] - rows + 1)
            ]
        )
    return np.array(outputs)


def slow_layers(layers, x, strides):
    made = []
    for layer, stride in zip(layers, strides, strict=True):
        x = slow_convolution(layer, x, stride)
        x = np.where(x < 0, 0.1 * x, x)
        made.append(x)
    return made


def slow_multi_period(part, samples, period):
    frames = len(samples) // period + 1
    phases = np.array([[[mirrored(samples, f * period + p) for f in range(frames)] for p in range(period)]])
    made = slow_layers(part.layers, phases, (3, 3, 1))
    return [*made, slow_convolution(part.output, made[-1], 1)]


def slow_spectrogram(samples, size):
    """[2, frames, bins]; frame i lies around the middle of the i-th hop."""
    hop = size // 4
    rows = []
    for i in range(math.ceil(len(samples) / hop)):
        start = i * hop + hop // 2 - size // 2
        hann = [0.5 - 0.5 * math.cos(2 * math.pi * j / size) for j in range(size)]
        part = [hann[j] * mirrored(samples, start + j) for j in range(size)]
        turns = [cmath.exp(-2j * math.pi * k / size) for k in range(size // 2 + 1)]
        rows.append([sum(x * turn**j for j, x in enumerate(part)) for turn in turns])
    return np.stack([np.real(rows), np.imag(rows)])


def slow_multi_band(part, samples, size, bands):
    spectrogram = slow_spectrogram(samples, size)
    made, ends = [], []
    for layers, (low, high) in zip(part.bands, bands, strict=True):
        bins = spectrogram[:, :, int(low * (size // 2 + 1)) : int(high * (size // 2 + 1))]
        made += slow_layers(layers, bins, (1, 2, 2, 2, 1))
        ends.append(made[-1])
    return [*made, slow_convolution(part.output, np.concatenate(ends, axis=2), 1)]


@pytest.mark.parametrize("n_samples", [83, 84])
def test_features_are_the_slow_ones(discriminator, n_samples):
    audio = noise(2, n_samples) + 0.3
    fast = discriminator(audio)
    for item, samples in enumerate(audio.double().numpy()):
        samples = slow_normalized(samples)
        slow = [
            slow_multi_period(part, samples, period)
            for part, period in zip(discriminator.multi_period, TINY.periods, strict=True)
        ]
        slow += [
            slow_multi_band(part, samples, size, TINY_BANDS)
            for part, size in zip(discriminator.multi_band, TINY.fft_sizes, strict=True)
        ]
        assert_same(
            [[layer[item].double() for layer in layers] for layers in fast],
            [[torch.from_numpy(layer) for layer in layers] for layers in slow],
            rtol=1e-4,
            atol=1e-5,
        )


# laws


@given(n_samples=st.integers(40, 400), size=st.sampled_from([16, 32, 64]))
@settings(max_examples=15, deadline=None)
def test_spectrogram_is_that_of_audiotools(n_samples, size):
    """audiotools pads, lets `torch.stft` pad once more, and drops the two outer frames at each end."""
    audio = noise(2, n_samples)
    hop = size // 4
    padded = F.pad(audio, (3 * size // 8, 3 * size // 8 + -n_samples % hop), mode="reflect")
    window = torch.hann_window(size)
    expected = torch.stft(padded, size, hop, window=window, center=True, return_complex=True)[..., 2:-2]
    spectrogram = MultiBandStftDiscriminator(size, [(0.0, 1.0)], 2).spectrogram(audio)
    torch.testing.assert_close(torch.complex(*spectrogram.unbind(1)), expected.transpose(1, 2), rtol=1e-5, atol=1e-5)


def test_full_size_has_dacs_parameters():
    with torch.device("meta"):
        full = Discriminator()
    assert sum(parameter.numel() for parameter in full.parameters()) == 42_519_760
    assert full.min_samples == 1280


@given(n_samples=st.integers(40, 300))
@settings(max_examples=15, deadline=None)
def test_any_length_from_the_minimum_on(n_samples):
    assert shared().min_samples == 40
    features = shared()(noise(1, n_samples))
    assert [len(layers) for layers in features] == [4, 4, 11, 11]
    assert all(layers[-1].shape[:2] == (1, 1) for layers in features)


def test_minimum_without_spectrograms():
    discriminator = tiny(options=TINY.model_copy(update={"fft_sizes": ()}))
    assert discriminator.min_samples == 4
    assert [len(layers) for layers in discriminator(noise(1, 4))] == [4, 4]


def test_shorter_audio_is_explained(discriminator):
    with pytest.raises(HacError, match="audio of 39 samples is too short for the discriminator, which needs 40"):
        discriminator(noise(1, 39))


def test_items_do_not_see_each_other(discriminator):
    audio = noise(3, 200)
    together = discriminator(audio)
    for i in range(3):
        alone = discriminator(audio[i : i + 1])
        assert_same(alone, [[layer[i : i + 1] for layer in layers] for layers in together])


@given(gain=st.floats(0.01, 100), offset=st.floats(-2, 2))
@settings(max_examples=10, deadline=None)
def test_loudness_and_offset_go_unheard(gain, offset):
    audio = noise(1, 100)
    assert_same(shared()(gain * (audio + offset)), shared()(audio), rtol=1e-3, atol=1e-4)


def test_normalized_audio():
    normalized = normalize_audio(noise(3, 200) + 1)
    torch.testing.assert_close(normalized.abs().amax(-1), torch.full((3,), 0.8))
    torch.testing.assert_close(normalized.mean(-1), torch.zeros(3), rtol=0, atol=1e-6)
    assert (normalize_audio(torch.zeros(1, 50)) == 0).all()
    assert normalize_audio(noise(1, 50).bfloat16()).dtype == torch.float32


def gradients(discriminator, real, fake):
    """Of a discriminator's and of a generator's step, parameters first."""
    fake = fake.clone().requires_grad_()
    discriminator.zero_grad()
    discriminator_loss(discriminator(real), discriminator(fake.detach())).backward()
    own = [parameter.grad.clone() for parameter in discriminator.parameters()]
    seen = discriminator(fake)
    (adversarial_loss(seen) + 2 * feature_matching_loss(seen, discriminator(real))).backward()
    return [*own, fake.grad]


def test_same_seed_same_bits():
    real, fake = noise(2, 200), noise(2, 200, seed=1)
    one, other = (gradients(tiny(seed=3), real, fake) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_everything_learns(discriminator):
    made = gradients(discriminator, noise(2, 200), noise(2, 200, seed=1))
    assert all((gradient != 0).any() for gradient in made)


def test_steps_tell_real_from_fake():
    discriminator = tiny(options=TINY.model_copy(update={"periods": (2,), "fft_sizes": (32,)}))
    real, fake = noise(4, 100), torch.sin(torch.arange(100) / 3).expand(4, -1)
    optimizer = torch.optim.AdamW(discriminator.parameters(), lr=2e-2)
    for _ in range(20):
        optimizer.zero_grad()
        loss = discriminator_loss(discriminator(real), discriminator(fake))
        loss.backward()
        optimizer.step()
    # two discriminators that always say 1/2 would cost 1
    assert loss.item() < 0.5


def test_survives_safetensors(tmp_path):
    saved, other = tiny(seed=1), tiny(seed=2)
    path = tmp_path / "discriminator.safetensors"
    safetensors.torch.save_file(saved.state_dict(), path)
    other.load_state_dict(safetensors.torch.load_file(path))
    audio = noise(1, 100)
    assert_same(saved(audio), other(audio), rtol=0, atol=0)


@needs_bf16
def test_autocast_keeps_the_spectrogram(discriminator):
    audio = noise(1, 200)
    with torch.autocast("cpu", torch.bfloat16):
        features = discriminator(audio.bfloat16())
        spectrogram = discriminator.multi_band[0].spectrogram(normalize_audio(audio))
    assert spectrogram.dtype == torch.float32
    assert_same([[layer.float() for layer in layers] for layers in features], discriminator(audio), rtol=0.1, atol=0.1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"periods": (), "fft_sizes": ()}, "neither periods nor fft_sizes"),
        ({"periods": (0,)}, "period 0"),
        ({"period_channels": ()}, "must be a layer"),
        ({"fft_sizes": (100,)}, "fft_size is 100; it must be a multiple of 8"),
        ({"bands": ()}, "bands are empty"),
        ({"bands": ((0.0, 0.01),)}, r"band \[0.0, 0.01\] covers no bins"),
        ({"bands": ((0.5, 1.5),)}, "within 0 and 1"),
    ],
)
def test_options_that_describe_no_discriminator(changes, words):
    changes = dict(changes)
    with pytest.raises(HacError, match=words):
        bands = changes.pop("bands", BANDS)
        Discriminator(DiscriminatorConfig(**({"periods": (2,), "fft_sizes": (64,)} | changes)), bands)
