"""Sounds and spectrograms of clips: the same bytes in every run, sound OGG, and pictures that show what is heard."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from PIL import Image

from analysis.clips.encoding import (
    HEIGHT,
    WIDTH,
    clip_rate,
    log_mel,
    ogg_checksum,
    opus,
    spectrogram,
    with_fixed_serial,
)
from tests.corpora import speech

RATE = 16_000


def slow_checksum(page: bytes) -> int:
    """RFC 3533's checksum, bit by bit."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = ((register << 1) ^ (0x04C11DB7 if register & 0x80000000 else 0)) & 0xFFFFFFFF
    return register


def pages_of(ogg: bytes) -> list[bytes]:
    pages, at = [], 0
    while at < len(ogg):
        n = ogg[at + 26]
        end = at + 27 + n + sum(ogg[at + 27 : at + 27 + n])
        pages.append(ogg[at:end])
        at = end
    return pages


def raw_opus(samples: np.ndarray, rate: int = RATE) -> bytes:
    encoded = io.BytesIO()
    soundfile.write(encoded, samples, rate, format="OGG", subtype="OPUS")
    return encoded.getvalue()


@pytest.mark.parametrize("page", [b"", b"\x00", b"OggS", bytes(range(256)) * 3])
def test_the_checksum_is_the_one_of_the_rfc(page: bytes) -> None:
    assert ogg_checksum(page) == slow_checksum(page)


def test_every_page_has_the_fixed_serial_and_a_true_checksum() -> None:
    raw = raw_opus(speech(2.0))
    fixed = with_fixed_serial(raw)
    pages = pages_of(fixed)
    assert len(pages) > 2
    assert {page[14:18] for page in pages} == {b"HAC\x00"}
    for page in pages:
        blank = page[:22] + bytes(4) + page[26:]
        assert int.from_bytes(page[22:26], "little") == slow_checksum(blank)
    # nothing but serials and checksums was touched
    for before, after in zip(pages_of(raw), pages, strict=True):
        assert before[:14] + before[18:22] + before[26:] == after[:14] + after[18:22] + after[26:]


def test_bytes_that_are_no_ogg_are_refused() -> None:
    with pytest.raises(ValueError, match="byte 0"):
        with_fixed_serial(b"RIFF" + bytes(60))


def test_the_same_sound_is_the_same_bytes_also_in_another_process() -> None:
    code = (
        "import sys, numpy as np; from analysis.clips.encoding import opus; "
        "sys.stdout.buffer.write(opus(np.sin(np.arange(20000) / 9).astype(np.float32), 16000))"
    )
    one, other = (subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in "ab")
    assert one == other == opus(np.sin(np.arange(20_000) / 9).astype(np.float32), RATE)


@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_what_was_put_in_is_heard(rate: int) -> None:
    samples = (0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.float32)
    heard, found = soundfile.read(io.BytesIO(opus(samples, rate)))
    assert (found, len(heard)) == (rate, rate)
    spectrum = np.abs(np.fft.rfft(heard[rate // 4 : 3 * rate // 4] * np.hanning(rate // 2)))
    assert abs(int(spectrum.argmax()) * 2 - 440) <= 2
    assert np.corrcoef(heard[2000:-2000], samples[2000:-2000])[0, 1] > 0.98


def test_too_loud_is_clipped_and_a_few_samples_are_a_sound() -> None:
    assert opus(np.full(4000, 7.0, np.float32), RATE) == opus(np.ones(4000, np.float32), RATE)
    assert len(soundfile.read(io.BytesIO(opus(np.zeros(3, np.float32), RATE)))[0]) == 3


def test_rates_are_those_that_opus_knows() -> None:
    assert [clip_rate(rate) for rate in (8000, 16_000, 22_050, 24_000, 44_100, 48_000)] == [16_000] * 2 + [24_000] * 4


def pixels(samples: np.ndarray, loudest: float | None = None) -> np.ndarray:
    decibels = log_mel(samples, RATE)
    image = Image.open(io.BytesIO(spectrogram(decibels, float(decibels.max()) if loudest is None else loudest)))
    assert image.size == (WIDTH, HEIGHT)
    assert image.mode == "P"
    return np.asarray(image)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 20.0])
def test_a_high_tone_is_above_a_low_one_and_silence_is_dark(seconds: float) -> None:
    n = round(seconds * RATE)
    time = np.arange(n) / RATE
    tone = np.sin(2 * np.pi * np.where(time < time.mean(), 500, 4000) * time)
    tone[: n // 4] = 0
    shown = pixels(tone.astype(np.float32))
    low, high = (int(shown[:, columns].mean(axis=1).argmax()) for columns in (slice(200, 280), slice(400, 560)))
    assert high < low  # row 0 is the top
    assert shown[:, :100].max() == 0
    assert shown[low, 200:280].min() >= 13


def test_loudness_is_told_against_the_recording() -> None:
    sound = speech(1.0)
    loudest = float(log_mel(sound, RATE).max())
    soft = pixels(sound / 10, loudest)
    assert soft.max() < pixels(sound, loudest).max() == 15
    assert (soft == pixels(sound / 10)).mean() < 0.9
