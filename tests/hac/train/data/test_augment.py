"""Level and phase."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hac.train.data.augment import PEAK, set_level, shift_phase
from tests.hac.speech import speech


def noise(n, seed=0, scale=0.1):
    return (np.random.default_rng(seed).standard_normal(n) * scale).astype(np.float32)


def level_db(samples):
    return 10 * np.log10(np.mean(samples.astype(np.float64) ** 2))


@given(n=st.integers(1, 500), seed=st.integers(0, 99), scale=st.floats(1e-4, 10), wanted=st.floats(-60, 0))
def test_the_level_is_exact_unless_the_peak_forbids_it(n, seed, scale, wanted):
    samples = noise(n, seed, scale)
    scaled = set_level(samples, wanted)
    assert scaled.dtype == np.float32
    peak = np.abs(scaled).max()
    assert peak <= PEAK * (1 + 1e-6)
    if peak < PEAK * (1 - 1e-6):
        assert level_db(scaled) == pytest.approx(wanted, abs=1e-3)
    else:
        assert level_db(scaled) <= wanted + 1e-3
    # nothing but a gain
    np.testing.assert_allclose(scaled * samples[0], samples * scaled[0], atol=1e-6)


def test_levels_of_real_speech():
    for wanted in (-30.0, -18.0):
        assert level_db(set_level(speech(), wanted)) == pytest.approx(wanted, abs=1e-3)


def test_silence_stays():
    silence = np.zeros(10, np.float32)
    assert np.array_equal(set_level(silence, -20), silence)


@settings(max_examples=20)
@given(exponent=st.integers(3, 10), seed=st.integers(0, 99), angle=st.floats(-np.pi, np.pi))
def test_the_power_spectrum_stays(exponent, seed, angle):
    # an odd length that needs no padding: no bin is shared by both signs of a frequency but that of the offset
    n = 3**exponent if exponent < 8 else 15 * 3 ** (exponent - 5)
    samples = noise(n, seed)
    shifted = shift_phase(samples, angle)
    assert shifted.dtype == np.float32 and shifted.shape == samples.shape
    before, after = np.fft.rfft(samples.astype(float)), np.fft.rfft(shifted.astype(float))
    np.testing.assert_allclose(np.abs(after), np.abs(before), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(after[1:], before[1:] * np.exp(1j * angle), rtol=1e-3, atol=1e-4)
    assert after[0] == pytest.approx(before[0], abs=1e-4)


@given(n=st.integers(1, 400), seed=st.integers(0, 99))
def test_known_angles(n, seed):
    samples = noise(n, seed)
    np.testing.assert_allclose(shift_phase(samples, 0.0), samples, atol=1e-6)
    np.testing.assert_allclose(shift_phase(samples, 2 * np.pi), samples, atol=1e-6)


def test_half_a_turn_negates_all_but_the_offset():
    samples = noise(1000, 3) + np.float32(0.25)
    offset = samples.mean(dtype=np.float64)
    np.testing.assert_allclose(shift_phase(samples, np.pi), 2 * offset - samples, atol=1e-5)


def test_a_quarter_turn_makes_a_sine_of_a_cosine():
    t = np.arange(1600) / 16_000
    cosine = np.cos(2 * np.pi * 500 * t).astype(np.float32)
    np.testing.assert_allclose(shift_phase(cosine, -np.pi / 2), np.sin(2 * np.pi * 500 * t), atol=1e-4)


def test_speech_of_any_length_keeps_its_energy():
    samples = speech(0.9)[:14_293]  # a prime: it is padded
    for angle in (-2.0, 0.7, 3.0):
        shifted = shift_phase(samples, angle)
        assert len(shifted) == len(samples)
        assert level_db(shifted) == pytest.approx(level_db(samples), abs=0.05)
        assert np.abs(shifted - samples).max() > 0.05
