"""Perturbations do what their names say, exactly, and the same to a recording wherever it stands."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import signal

from analysis.stability.perturbations import KINDS, Perturbation, known
from hac.data.audio.audio import AudioError
from tests.hac.speech import SAMPLE_RATE, speech

HOP = Fraction(320)


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return speech(2.0)


def changed(name: str, sound: np.ndarray, seed: int = 0, rate: int = SAMPLE_RATE) -> np.ndarray:
    return known()[name].apply(sound, rate, HOP, seed)


@pytest.mark.parametrize("name", known())
def test_every_one_gives_finite_floats_and_the_same_twice(name: str, sound: np.ndarray) -> None:
    found = changed(name, sound)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert np.array_equal(found, changed(name, sound))
    assert known()[name].kind in KINDS
    if not name.startswith(("shift", "speed")):
        assert len(found) == len(sound)
    assert not np.array_equal(found, sound)


def test_a_shift_cuts_off_a_part_of_a_hop(sound: np.ndarray) -> None:
    for name, n in (("shift-1/4", 80), ("shift-1/2", 160), ("shift-3/4", 240), ("shift-1", 320)):
        assert np.array_equal(changed(name, sound), sound[n:])
        assert known()[name].lag(HOP) == n
    with pytest.raises(AudioError, match="too few"):
        changed("shift-1", sound[:320])


@pytest.mark.parametrize("colour", ["white", "speech"])
@pytest.mark.parametrize("db", [30, 20, 10])
def test_noise_has_its_ratio_exactly(colour: str, db: int, sound: np.ndarray) -> None:
    noise = changed(f"noise-{colour}-{db}dB", sound).astype(np.float64) - sound
    ratio = np.mean(np.square(sound, dtype=np.float64)) / np.mean(np.square(noise))
    assert 10 * np.log10(ratio) == pytest.approx(db, abs=0.01)
    assert not np.array_equal(noise, changed(f"noise-{colour}-{db}dB", sound, seed=1) - sound)


def test_noise_has_the_spectrum_it_is_named_for(sound: np.ndarray) -> None:
    def level(samples: np.ndarray) -> np.ndarray:
        _, power = signal.welch(samples, SAMPLE_RATE, nperseg=512)
        return 10 * np.log10(power[4:-4])

    like = level(changed("noise-speech-20dB", sound) - sound)
    flat = level(changed("noise-white-20dB", sound) - sound)
    assert np.corrcoef(like, level(sound))[0, 1] > 0.95
    assert flat.std() < 2 < level(sound).std()


def test_gain_is_exact_and_clips_nothing(sound: np.ndarray) -> None:
    loud = sound / np.abs(sound).max()
    assert np.abs(changed("gain+6dB", loud)).max() == pytest.approx(10**0.3, rel=1e-6)
    assert np.allclose(changed("gain-12dB", loud), loud * 10**-0.6, rtol=1e-6)
    assert np.array_equal(Perturbation("gain+0dB", "gain", "0").apply(loud, SAMPLE_RATE, HOP, 0), loud)


def test_speed_changes_length_and_pitch() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(32_000) / SAMPLE_RATE).astype(np.float32)
    for factor in ("0.95", "1.05"):
        found = changed(f"speed-{factor}", tone)
        assert len(found) == pytest.approx(32_000 / float(factor), abs=1)
        spectrum = np.abs(np.fft.rfft(found * np.hanning(len(found))))
        assert np.argmax(spectrum) * SAMPLE_RATE / len(found) == pytest.approx(1000 * float(factor), abs=1)


@pytest.mark.parametrize("name", ["codec-vorbis", "codec-opus", "codec-mp3"])
@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_a_file_codec_moves_nothing_in_time(name: str, rate: int, sound: np.ndarray) -> None:
    found = changed(name, sound, rate=rate)
    lag = np.argmax(signal.correlate(found, sound)) - (len(sound) - 1)
    assert lag == 0
    assert np.corrcoef(found, sound)[0, 1] > 0.95


def test_silence_has_no_noise() -> None:
    with pytest.raises(AudioError, match="silence"):
        changed("noise-white-20dB", np.zeros(1000, np.float32))
