"""STOI: what pystoi says, and no number where it has none."""

from __future__ import annotations

import math

import numpy as np
import pystoi
import pytest

from hac.judges.stoi import stoi
from tests.hac.speech import SAMPLE_RATE as RATE
from tests.hac.speech import speech


@pytest.mark.parametrize("extended", [False, True])
def test_speech_is_what_pystoi_says(extended):
    original = speech(1.5)
    rng = np.random.default_rng(0)
    noisy = original + 0.3 * rng.standard_normal(len(original)).astype(np.float32) * original.std()
    assert stoi(original, original, RATE, extended).value == pytest.approx(1.0, abs=1e-6)
    found = stoi(original, noisy, RATE, extended).value
    assert found == pytest.approx(pystoi.stoi(original, noisy, RATE, extended=extended), abs=1e-9)
    assert 0.4 < found < 0.99


@pytest.mark.parametrize("n", [1, 100, 1000, 3000])
def test_too_little_is_undefined(n):
    score = stoi(speech(0.5)[:n], speech(0.5)[:n], RATE)
    assert math.isnan(score.value)
    assert score.reason == "stoi-too-short"


def test_a_silent_reference_is_undefined_and_a_silent_estimate_is_not():
    silence = np.zeros(RATE, np.float32)
    for estimate in (silence, speech(1.0)):
        score = stoi(silence, estimate, RATE)
        assert math.isnan(score.value)
        assert score.reason == "reference-silent"
    assert stoi(speech(1.0), silence, RATE).value == 0  # decoding to silence is a failure of the model


def test_extended_noise_is_the_same_every_time_and_touches_no_other_generator():
    one, other = speech(1.0), speech(1.0, 2.0)
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.standard_normal()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    values = {stoi(one, other, RATE, extended=True).value for _ in range(2)}
    assert len(values) == 1
    assert np.random.standard_normal() == expected  # noqa: NPY002
