"""Losses: slow references written from the definitions, and laws."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.audio_utils import mel_filter_bank

from hac.errors import HacError
from hac.train.losses import (
    MelSpectrogramLoss,
    MultiScaleStftLoss,
    adversarial_loss,
    discriminator_loss,
    feature_matching_loss,
    mel_filters,
    waveform_l1,
)
from tests.hac.speech import speech
from tests.hac.tiny_hac import noise, one_thread

__all__ = ["one_thread"]  # a fixture that runs by itself

SCALES = {32: 5, 64: 10, 128: 20, 256: 40, 512: 80, 1024: 160, 2048: 320}
SPECTRAL = {"mel": MelSpectrogramLoss(16000), "stft": MultiScaleStftLoss()}

seeds = st.integers(0, 2**31)
spectral = pytest.mark.parametrize("loss", SPECTRAL.values(), ids=SPECTRAL.keys())


def batch(n_items=3, n_samples=1300, seed=0):
    return noise(n_items, n_samples, seed=seed)


def pair(n_items=3, n_samples=1300, seed=0):
    return batch(n_items, n_samples, seed), batch(n_items, n_samples, seed + 1)


# slow references


def slow_magnitudes(samples, window_length):
    """Magnitudes [frames][bins], each bin a sum over the window's samples."""
    half, n = window_length // 2, len(samples)

    def mirrored(i):
        return samples[abs(i) if i < n else 2 * (n - 1) - i]

    frames = []
    for centre in range(0, n + 1, window_length // 4):
        hann = [0.5 - 0.5 * math.cos(2 * math.pi * j / window_length) for j in range(window_length)]
        part = [hann[j] * mirrored(centre - half + j) for j in range(window_length)]
        turns = [cmath.exp(-2j * math.pi * k / window_length) for k in range(half + 1)]
        frames.append([abs(sum(x * turn**j for j, x in enumerate(part))) for turn in turns])
    return frames


def slow_mel(frame, sample_rate, window_length, n_mels):
    """Mel bands of one frame, each a sum over the bins under its triangle."""

    def mel(hz):
        return 3 * hz / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000, 6.4)

    def hz(mel):
        return 200 * mel / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    edges = [hz(i * mel(sample_rate / 2) / (n_mels + 1)) for i in range(n_mels + 2)]
    bands = []
    for left, centre, right in zip(edges, edges[1:], edges[2:], strict=False):
        total = 0.0
        for k, magnitude in enumerate(frame):
            f = k * sample_rate / window_length
            height = (f - left) / (centre - left) if f < centre else (right - f) / (right - centre)
            total += magnitude * max(0.0, height) * 2 / (right - left)
        bands.append(total)
    return bands


def slow_log_distance(estimate, reference):
    """Mean absolute difference of log10 over frames and bands."""
    terms = [
        abs(math.log10(max(1e-5, a)) - math.log10(max(1e-5, b)))
        for left, right in zip(estimate, reference, strict=True)
        for a, b in zip(left, right, strict=True)
    ]
    return sum(terms) / len(terms)


def test_mel_loss_is_the_slow_one():
    estimate, reference = pair(2, 90)
    reference[1, :70] = 1e-7  # below the clamp
    expected = []
    for made, wanted in zip(estimate.tolist(), reference.tolist(), strict=True):
        total = 0.0
        for window, bands in ((16, 4), (32, 7)):
            made_mel, wanted_mel = (
                [slow_mel(frame, 8000, window, bands) for frame in slow_magnitudes(samples, window)]
                for samples in (made, wanted)
            )
            total += slow_log_distance(made_mel, wanted_mel)
        expected.append(total)
    loss = MelSpectrogramLoss(8000, (16, 32), (4, 7))
    np.testing.assert_allclose(loss.per_item(estimate, reference), expected, rtol=1e-5)
    assert loss(estimate, reference).item() == pytest.approx(sum(expected) / 2, rel=1e-5)


def test_stft_loss_is_the_slow_one():
    estimate, reference = pair(2, 90)
    expected = []
    for made, wanted in zip(estimate.tolist(), reference.tolist(), strict=True):
        total = 0.0
        for window in (32, 16):
            left, right = slow_magnitudes(made, window), slow_magnitudes(wanted, window)
            total += 2 * slow_log_distance(left, right) + np.abs(np.subtract(left, right)).mean()
        expected.append(total)
    loss = MultiScaleStftLoss((32, 16))
    np.testing.assert_allclose(loss.per_item(estimate, reference), expected, rtol=1e-5)


@pytest.mark.parametrize(("window", "bands"), SCALES.items())
@pytest.mark.parametrize("sample_rate", [16000, 44100])
@pytest.mark.filterwarnings("ignore:At least one mel filter has all zero values")
def test_mel_filters_are_slaneys(window, bands, sample_rate):
    expected = mel_filter_bank(
        window // 2 + 1, bands, 0.0, sample_rate / 2, sample_rate, norm="slaney", mel_scale="slaney"
    )
    filters = mel_filters(sample_rate, window, bands)
    assert filters.dtype == torch.float32
    np.testing.assert_allclose(filters, expected, rtol=1e-5, atol=1e-8)


# laws of the spectral losses


@spectral
@given(seed=seeds)
@settings(max_examples=6, deadline=None)
def test_zero_for_itself_and_symmetric(loss, seed):
    one, other = pair(2, seed=seed)
    assert loss(one, one) == 0
    assert loss(one, other) > 0.1
    torch.testing.assert_close(loss(one, other), loss(other, one))


@given(seed=seeds, gain=st.floats(0.1, 10))
@settings(max_examples=20, deadline=None)
def test_gain_costs_its_logarithm_per_resolution(seed, gain):
    audio = torch.randn(2, 1300, generator=torch.Generator().manual_seed(seed))
    assert SPECTRAL["mel"](gain * audio, audio).item() == pytest.approx(7 * abs(math.log10(gain)), abs=2e-3)


@spectral
def test_worse_gain_costs_more(loss):
    audio = torch.from_numpy(speech(0.38))[None]
    for gains in ((1, 1.1, 1.5, 3, 10), (1, 0.9, 0.5, 0.1, 0.01)):
        losses = [loss(gain * audio, audio).item() for gain in gains]
        assert losses == sorted(set(losses))


@spectral
def test_a_padded_item_does_not_matter(loss):
    estimate, reference = pair()
    estimate.requires_grad_()
    weights = torch.tensor([True, True, False])
    value = loss(estimate, reference, weights)
    torch.testing.assert_close(value, loss(estimate[:2], reference[:2]))
    value.backward()
    assert (estimate.grad[2] == 0).all() and (estimate.grad[:2] != 0).any()
    reference[2] = 5.0
    assert torch.equal(value, loss(estimate, reference, weights))


@spectral
@given(
    seed=seeds,
    weights=st.lists(st.floats(0.0, 8.0, width=32), min_size=3, max_size=3).filter(lambda values: sum(values) > 0.01),
    scale=st.floats(0.1, 10),
)
@settings(max_examples=6, deadline=None)
def test_items_merge(loss, seed, weights, scale):
    """The loss of a batch is the weighted mean of the losses of its items; only ratios of weights count."""
    estimate, reference = pair(seed=seed % 1000)
    alone = [loss(estimate[i : i + 1], reference[i : i + 1]).item() for i in range(3)]
    together = loss(estimate, reference, scale * torch.tensor(weights))
    assert together.item() == pytest.approx(np.average(alone, weights=weights), rel=1e-4)


@spectral
def test_no_item_no_loss(loss):
    estimate, reference = pair()
    estimate.requires_grad_()
    value = loss(estimate, reference, torch.zeros(3))
    value.backward()
    assert value == 0 and (estimate.grad == 0).all()


@pytest.mark.parametrize("loss", [MelSpectrogramLoss(16000, clamp_eps=0.1), MultiScaleStftLoss(clamp_eps=1.0)])
def test_gradient_is_the_slope(loss):
    # near zero the logarithm is too steep for a difference quotient; the clamp takes that part away
    estimate, reference = pair(1)
    estimate.requires_grad_()
    loss(estimate, reference).backward()
    # along the gradient itself, so that the slope stands out of single precision
    direction = estimate.grad / estimate.grad.norm()
    step = 1e-3 * direction
    slope = (loss(estimate.detach() + step, reference) - loss(estimate.detach() - step, reference)) / 2e-3
    assert slope.item() == pytest.approx(estimate.grad.norm().item(), rel=0.02)


@spectral
def test_the_reference_is_given(loss):
    estimate, reference = pair(1)
    reference.requires_grad_()
    assert not loss(estimate, reference).requires_grad


@spectral
def test_silence_has_a_finite_gradient(loss):
    silence = torch.zeros(1, 1300, requires_grad=True)
    loss(silence, batch(1)).backward()
    assert silence.grad.isfinite().all()


@spectral
def test_single_precision_under_autocast(loss):
    estimate, reference = pair(1)
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(estimate, reference)
    assert torch.equal(value, loss(estimate, reference)) and value.dtype == torch.float32
    assert loss(estimate.bfloat16(), reference).dtype == torch.float32
    assert loss(estimate, reference.double()).dtype == torch.float32


@spectral
def test_nothing_to_save(loss):
    assert not loss.state_dict()


@spectral
def test_shortest_audio(loss):
    assert loss.min_samples == 1025
    loss(*pair(1, 1025))
    with pytest.raises(HacError, match="1024 samples is too short for a spectral loss that needs 1025"):
        loss(*pair(1, 1024))


# other losses


def test_waveform_l1():
    estimate = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    reference = torch.tensor([[0.0, 0.0], [0.0, -1.0]])
    assert waveform_l1(estimate, reference) == 1.0
    assert waveform_l1(estimate, reference, torch.tensor([0, 1])) == 0.5


def features(seed, n_items=2, output=None):
    """Made-up features of two discriminators; `output` fills what each says at the end."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [[(3, 4), (5, 2, 2), (1, 7)], [(2, 9), (1, 3, 2)]]
    made = [[torch.randn(n_items, *shape, generator=generator) for shape in layers] for layers in shapes]
    if output is not None:
        for layers in made:
            layers[-1].fill_(output)
    return made


def items(made, index):
    return [[layer[index] for layer in layers] for layers in made]


def test_least_squares_at_known_values():
    right, wrong = features(0, output=1.0), features(1, output=0.0)
    assert discriminator_loss(right, wrong) == 0
    assert discriminator_loss(wrong, right) == 4
    assert discriminator_loss(wrong, wrong) == 2
    assert adversarial_loss(right) == 0
    assert adversarial_loss(wrong) == 2
    assert adversarial_loss(features(0, output=3.0)) == 8


def test_gan_losses_are_the_slow_ones():
    real, fake = features(0), features(1)
    judged, fooled, matched = 0.0, 0.0, 0.0
    for true, false in zip(real, fake, strict=True):
        said_true, said_false = true[-1].flatten().tolist(), false[-1].flatten().tolist()
        judged += sum((1 - x) ** 2 for x in said_true) / len(said_true)
        judged += sum(x**2 for x in said_false) / len(said_false)
        fooled += sum((1 - x) ** 2 for x in said_false) / len(said_false)
        for left, right in zip(true[:-1], false[:-1], strict=True):
            terms = [abs(a - b) for a, b in zip(left.flatten().tolist(), right.flatten().tolist(), strict=True)]
            matched += sum(terms) / len(terms)
    assert discriminator_loss(real, fake).item() == pytest.approx(judged)
    assert adversarial_loss(fake).item() == pytest.approx(fooled)
    assert feature_matching_loss(fake, real).item() == pytest.approx(matched)


def test_feature_matching_ignores_the_output():
    real = features(0)
    fake = [[*layers[:-1], layers[-1] + 5] for layers in real]
    assert feature_matching_loss(fake, real) == 0


def test_feature_matching_moves_the_fake_only():
    real, fake = features(0), features(1)
    for layers in (*real, *fake):
        for layer in layers:
            layer.requires_grad_()
    feature_matching_loss(fake, real).backward()
    assert all(layer.grad is not None for layers in fake for layer in layers[:-1])
    assert all(layer.grad is None for layers in real for layer in layers)


@given(seed=seeds, weights=st.lists(st.floats(0.0, 8.0, width=32), min_size=4, max_size=4).filter(any))
@settings(max_examples=20, deadline=None)
def test_gan_items_merge(seed, weights):
    real, fake = features(seed, 4), features(seed + 1, 4)
    for loss in (
        lambda r, f, w=None: discriminator_loss(r, f, w),
        lambda r, f, w=None: adversarial_loss(f, w),
        lambda r, f, w=None: feature_matching_loss(f, r, w),
    ):
        alone = [loss(items(real, [i]), items(fake, [i])).item() for i in range(4)]
        assert loss(real, fake).item() == pytest.approx(np.mean(alone), rel=1e-5)
        assert loss(real, fake, torch.tensor(weights)).item() == pytest.approx(
            np.average(alone, weights=weights), rel=1e-5
        )


def test_gan_losses_of_half_precision_are_single():
    half = [[[layer.bfloat16() for layer in layers] for layers in features(seed)] for seed in range(2)]
    single = [[[layer.float() for layer in layers] for layers in made] for made in half]
    assert torch.equal(discriminator_loss(*half), discriminator_loss(*single))
    assert torch.equal(adversarial_loss(half[0]), adversarial_loss(single[0]))
    assert torch.equal(feature_matching_loss(*half), feature_matching_loss(*single))


# mistakes


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: SPECTRAL["mel"](batch(1), batch(1, 1301)), r"\[1, 1300\] and the reference \[1, 1301\]"),
        (lambda: SPECTRAL["mel"](batch(1)[0], batch(1)[0]), r"must be \[items, samples\]"),
        (lambda: waveform_l1(batch(1), batch(2)), "cut them to the same length"),
        (lambda: MelSpectrogramLoss(16000, (32, 64), (5,)), "2 window lengths and 1 numbers of mel bands"),
        (lambda: MelSpectrogramLoss(16000, (30,), (5,)), "window length is 30"),
        (lambda: MultiScaleStftLoss((0,)), "multiple of 4"),
    ],
)
def test_mistakes_are_explained(call, words):
    with pytest.raises(HacError, match=words):
        call()
