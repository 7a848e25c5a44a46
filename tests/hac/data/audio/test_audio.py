"""Audio: formats, resampling, parts, channels, and every bad file in one clear sentence."""

from __future__ import annotations

import errno
import pickle
import struct
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from hac.data.audio import decoding
from hac.data.audio.audio import (
    AudioError,
    audio_info,
    is_silent,
    iter_audio,
    read_audio,
    read_utterance,
    resampled_length,
    write_audio,
)
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import HacError
from tests.hac.speech import SAMPLE_RATE, speech

RATES = [8000, 11025, 16000, 22050, 44100, 44101, 48000]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.wav"
    write_audio(path, speech(2.0), SAMPLE_RATE)
    return path


@pytest.mark.parametrize(("ending", "tolerance"), [(".wav", 2**-15), (".flac", 2**-15), (".ogg", 0.1), (".mp3", 0.1)])
def test_formats_round_trip(tmp_path: Path, ending: str, tolerance: float) -> None:
    samples = speech(1.5)
    path = tmp_path / f"x{ending}"
    write_audio(path, samples, SAMPLE_RATE)
    read = read_audio(path)
    assert read.sample_rate == SAMPLE_RATE and read.samples.dtype == np.float32
    assert len(read.samples) == len(samples)
    assert np.abs(read.samples - samples).max() <= tolerance
    assert np.corrcoef(read.samples, samples)[0, 1] > 0.99
    info = audio_info(path)
    assert (info.n_samples, info.sample_rate, info.channels, info.duration_us) == (24000, 16000, 1, 1_500_000)


def test_opus_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.opus"
    soundfile.write(path, speech(1.0), SAMPLE_RATE, format="OGG", subtype="OPUS")
    assert audio_info(path).duration_us == 1_000_000
    assert np.corrcoef(read_audio(path).samples, speech(1.0))[0, 1] > 0.9


@pytest.mark.parametrize(
    ("n_samples", "rate", "expected"), [(44101, 44100, 1_000_023), (1, 3, 333_333), (2, 3, 666_667)]
)
def test_duration_is_exact_to_the_microsecond(tmp_path: Path, n_samples: int, rate: int, expected: int) -> None:
    path = tmp_path / "x.wav"
    write_audio(path, np.full(n_samples, 0.1), rate)
    assert audio_info(path).duration_us == expected


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 6000),
    source=st.sampled_from(RATES),
    rate=st.sampled_from(RATES),
    block_s=st.sampled_from([0.003, 0.05, 0.3, 2.0]),
)
def test_streaming_equals_one_shot_and_the_length_rule(
    tmp_path_factory: pytest.TempPathFactory, n: int, source: int, rate: int, block_s: float
) -> None:
    path = tmp_path_factory.mktemp("law") / "x.wav"
    write_audio(path, np.random.default_rng(n).uniform(-0.5, 0.5, n), source, "FLOAT")
    length = int(Fraction(n * rate, source) + Fraction(1, 2))  # floor of a positive fraction
    assert resampled_length(n, source, rate) == length
    if length == 0:
        with pytest.raises(AudioError, match="is empty"):
            read_audio(path, rate)
        return
    whole = read_audio(path, rate).samples
    blocks = list(iter_audio(path, rate, block_s))
    assert len(whole) == length
    assert {len(block) for block in blocks[:-1]} <= {int(block_s * rate + 0.5)}
    np.testing.assert_allclose(np.concatenate(blocks), whole, atol=1e-6)


def test_streaming_across_many_decoded_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.wav"
    write_audio(path, speech(4.0), SAMPLE_RATE, "FLOAT")
    whole = read_audio(path, 44100).samples
    monkeypatch.setattr(decoding, "BLOCK", 777)
    np.testing.assert_allclose(np.concatenate(list(iter_audio(path, 44100, 0.1))), whole, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(start=st.floats(0, 1.9), length=st.floats(0.001, 3), rate=st.sampled_from([None, *RATES]))
def test_a_part_is_that_slice_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, start: float, length: float, rate: int | None
) -> None:
    path = tmp_path_factory.mktemp("part") / "x.flac"
    write_audio(path, speech(2.0), SAMPLE_RATE)
    whole, part = read_audio(path, rate), read_audio(path, rate, start_s=start, stop_s=start + length)

    def index(seconds: float) -> int:
        return int(Fraction(round(seconds * 1e6), 10**6) * whole.sample_rate + Fraction(1, 2))

    np.testing.assert_allclose(part.samples, whole.samples[index(start) : index(start + length)], atol=1e-6)


@pytest.mark.parametrize(
    ("ending", "subtype", "tolerance"),
    [("wav", "PCM_16", 0), ("mp3", "MPEG_LAYER_III", 1e-6), ("ogg", "VORBIS", 1e-6), ("opus", "OPUS", 2e-3)],
)
def test_parts_of_compressed_audio_are_where_they_were(
    tmp_path: Path, ending: str, subtype: str, tolerance: float
) -> None:
    path = tmp_path / f"x.{ending}"
    kind = {"wav": "WAV", "mp3": "MP3"}.get(ending, "OGG")
    soundfile.write(path, np.tile(speech(9.0), 3), SAMPLE_RATE, format=kind, subtype=subtype)
    whole = read_audio(path).samples
    for first in [1, *np.random.default_rng(0).integers(16000, 420_000, 12), 428_624, 431_900]:
        part = read_audio(path, start_s=first / SAMPLE_RATE, stop_s=first / SAMPLE_RATE + 0.5).samples
        np.testing.assert_allclose(part, whole[first : first + 8000], atol=tolerance, rtol=0)


def test_only_the_part_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.flac"
    write_audio(path, np.tile(speech(9.0), 20), SAMPLE_RATE)
    decoded: list[int] = []
    original = soundfile.SoundFile.read

    def spy(self: soundfile.SoundFile, frames: int, **options: object) -> np.ndarray:
        decoded.append(frames)
        return original(self, frames, **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", spy)
    read_audio(path, 8000, start_s=100.0, stop_s=101.0)
    assert sum(decoded) < 1.5 * SAMPLE_RATE


def test_long_files_run_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    write_audio(path, np.tile(speech(9.0), 100), SAMPLE_RATE)  # 15 minutes, 58 MB as float32
    tracemalloc.start()
    try:
        n_samples = sum(len(block) for block in iter_audio(path, 24000, 5.0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert n_samples == 900 * 24000
    assert peak < 12e6


def test_resampling_keeps_a_tone_where_it_is_and_drops_what_the_new_rate_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    at = np.arange(44100) / 44100
    write_audio(path, 0.4 * np.sin(2 * np.pi * 440 * at) + 0.4 * np.sin(2 * np.pi * 9000 * at), 44100, "FLOAT")
    middle = slice(2000, 14000)
    expected = 0.4 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert np.abs(read_audio(path, 16000).samples - expected)[middle].max() < 1e-3


def test_channel_policies(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    left, right = speech(0.5), speech(0.5, start=3.0)
    write_audio(path, np.stack([left, right], axis=1), SAMPLE_RATE, "FLOAT")
    for policy, expected in {"mix": (left + right) / 2, "first": left, "left": left, "right": right}.items():
        np.testing.assert_allclose(read_audio(path, channels=policy).samples, expected, atol=1e-7)
    with pytest.raises(AudioError, match="2 channels where one is expected") as refused:
        read_audio(path, channels="error")
    assert refused.value.reason == "audio-channels"
    with pytest.raises(HacError, match="channel policy 'both' is not one of mix, first"):
        read_audio(path, channels="both")


def test_a_channel_that_is_not_there(clip: Path, tmp_path: Path) -> None:
    assert len(read_audio(clip, channels="error").samples) == 32000
    with pytest.raises(AudioError, match="no right channel among 1"):
        read_audio(clip, channels="right")
    path = tmp_path / "four.wav"
    write_audio(path, np.full((100, 4), 0.1), SAMPLE_RATE)
    with pytest.raises(AudioError, match="no left channel among 4"):
        read_audio(path, channels="left")


def _patched(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + struct.pack("<I", value) + data[at + 4 :]


BAD_WAVS = {
    "empty": (lambda wav: b"", "audio-empty", "0 bytes"),
    "no samples": (lambda wav: _patched(_patched(wav[:44], 40, 0), 4, 36), "audio-empty", "no samples"),
    "half is missing": (lambda wav: wav[: len(wav) // 2], "audio-truncated", "header promises 64000 bytes"),
    "header only": (lambda wav: wav[:44], "audio-truncated", "and 0 are there"),
    "text": (lambda wav: b"once upon a time\n" * 99, "audio-unreadable", "not audio"),
    "rate of zero": (lambda wav: _patched(wav, 24, 0), "audio-unreadable", "not audio"),
}


@pytest.mark.parametrize("name", BAD_WAVS)
def test_bad_wav(clip: Path, name: str) -> None:
    spoil, reason, words = BAD_WAVS[name]
    clip.write_bytes(spoil(clip.read_bytes()))
    for use in (audio_info, read_audio, lambda path: list(iter_audio(path))):
        with pytest.raises(AudioError, match=words) as refused:
            use(clip)
        assert refused.value.reason == reason
        assert str(refused.value).startswith(str(clip))


def test_a_wav_written_to_a_pipe_is_whole(clip: Path) -> None:
    expected = read_audio(clip).samples
    wav = clip.read_bytes()
    clip.write_bytes(_patched(_patched(wav, 4, 0xFFFFFFFF), 40, 0xFFFFFFFF))
    np.testing.assert_array_equal(read_audio(clip).samples, expected)


@pytest.mark.parametrize("ending", [".flac", ".ogg", ".mp3"])
@pytest.mark.filterwarnings("ignore")
def test_truncated_compressed_audio(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    write_audio(path, speech(9.0), SAMPLE_RATE)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    for use in (read_audio, lambda path: list(iter_audio(path, 8000, 0.5))):
        with pytest.raises(AudioError, match="truncated") as refused:
            use(path)
        assert refused.value.reason == "audio-truncated"


def test_text_named_mp3_or_raw(tmp_path: Path) -> None:
    for ending in ("mp3", "raw", "flac"):
        path = tmp_path / f"x.{ending}"
        path.write_bytes(b"not audio at all " * 100)
        with pytest.raises(AudioError, match="expected wav, flac, ogg or mp3"):
            read_audio(path)


@pytest.mark.parametrize("where", ["gone.wav", "."])
def test_missing(tmp_path: Path, where: str) -> None:
    with pytest.raises(AudioError, match="no such audio file") as refused:
        read_audio(tmp_path / where)
    assert refused.value.reason == "audio-missing"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(tmp_path: Path, bad: float) -> None:
    path = tmp_path / "x.wav"
    samples = speech(1.0).copy()
    samples[8000] = bad
    soundfile.write(path, samples, SAMPLE_RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"sample at 0\.500 s is NaN or infinite") as refused:
        read_audio(path)
    assert refused.value.reason == "audio-not-finite"
    assert len(read_audio(path, stop_s=0.4).samples) == 6400
    with pytest.raises(HacError, match="NaN or infinity"):
        write_audio(tmp_path / "y.wav", samples, SAMPLE_RATE)
    assert not (tmp_path / "y.wav").exists()


@pytest.mark.parametrize(("start", "stop"), [(5.0, None), (1.0, 1.0), (1.5, 1.0), (-1.0, 1.0)])
def test_a_part_that_is_empty(clip: Path, start: float, stop: float | None) -> None:
    with pytest.raises(AudioError, match="is empty; the file has 32000 samples at 16000 Hz"):
        read_audio(clip, start_s=start, stop_s=stop)


def test_silence_and_a_wrong_rate_show_against_the_manifest(clip: Path) -> None:
    utterance = Utterance("a", clip.name, 2.0)
    manifest = Manifest(clip.parent, (utterance,))
    assert len(read_utterance(manifest, utterance, 8000).samples) == 16000
    clip.write_bytes(_patched(clip.read_bytes(), 24, 8000))
    with pytest.raises(AudioError, match=r"lasts 4\.000 s where the manifest says 2\.000 s") as refused:
        read_utterance(manifest, utterance)
    assert refused.value.reason == "audio-duration"
    write_audio(clip, np.zeros(32000), SAMPLE_RATE)
    with pytest.raises(AudioError, match="digital silence"):
        read_utterance(manifest, utterance)


def test_is_silent() -> None:
    assert is_silent(np.zeros(10, np.float32))
    assert is_silent(np.full(10, -(2.0**-15), np.float32))
    assert not is_silent(np.full(10, 2.0**-14, np.float32))


def test_write_errors_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(HacError, match=r"can be written as \.wav"):
        write_audio(tmp_path / "x.aac", speech(0.1), SAMPLE_RATE)
    (tmp_path / "file").touch()
    with pytest.raises(HacError, match="cannot be written"):
        write_audio(tmp_path / "file" / "x.wav", speech(0.1), SAMPLE_RATE)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("rate", [0, -16000])
def test_an_impossible_rate(clip: Path, rate: int) -> None:
    with pytest.raises(HacError, match="expected a positive one"):
        read_audio(clip, rate)


def test_errors_survive_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(AudioError("a.wav", "audio-empty", "it holds no samples")))
    assert (str(error), error.reason) == ("a.wav: it holds no samples", "audio-empty")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def full(self: Path, data: object) -> int:
        raise OSError(number, "full")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(HacError, match="no space left on the disk"):
        write_audio(tmp_path / "x.wav", speech(0.1), SAMPLE_RATE)
    assert list(tmp_path.iterdir()) == []
