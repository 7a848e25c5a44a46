"""Prosody: known tones, sweeps, silence and noise, on a grid that is where it says; and the store of a corpus."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import parselmouth
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

import hac.parallel.resumable
from hac.data.manifest.formats import read_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import FailureLog, HacError
from probes.signal.prosody import Prosody, prosody, prosody_store, read_prosody
from tests.corpora import make_corpus, speech

RATE = 16_000


def tone(hz: np.ndarray | float, seconds: float = 1.0, rate: int = RATE, harmonics: int = 8) -> np.ndarray:
    """A harmonic tone of a frequency that may change: float32 [n]."""
    n = round(seconds * rate)
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, n)) / rate
    wave = sum(np.sin(k * phase) / k for k in range(1, harmonics + 1))
    return (0.3 * wave).astype(np.float32)


@pytest.mark.parametrize("hz", [80.0, 123.4, 220.0, 440.0, 590.0])
@pytest.mark.parametrize("rate", [16_000, 24_000, 22_050])
def test_a_tone_has_its_frequency(hz: float, rate: int) -> None:
    found = prosody(tone(hz, rate=rate), rate).f0_hz
    assert len(found) == 100
    assert np.isnan(found[[0, 1, 98, 99]]).all()  # the window would reach out of the recording
    np.testing.assert_allclose(found[3:97], hz, rtol=2e-3)


def test_frames_lie_where_they_should() -> None:
    # F0 rises by 200 Hz a second: a frame that is off by a millisecond is off by 0.2 Hz
    seconds = np.arange(2 * RATE) / RATE
    found = prosody(tone(150 + 200 * seconds, 2.0), RATE).f0_hz
    centres = 0.005 + 0.01 * np.arange(200)
    np.testing.assert_allclose(found[5:195], (150 + 200 * centres)[5:195], atol=0.1)


@given(st.integers(700, 4000), st.sampled_from([(75.0, 600.0), (60.0, 400.0), (100.0, 500.0)]))
def test_the_grid_is_that_of_praat(n_samples: int, limits: tuple[float, float]) -> None:
    """Where Praat, told of the same part of the recording, has its frames."""
    samples = tone(200.0, 0.3)[:n_samples]
    found = prosody(samples, RATE, *limits).f0_hz
    assert len(found) == n_samples // 160
    inside = np.flatnonzero(~np.isnan(found))
    half_window = 1.5 / limits[0]
    centres = 0.005 + 0.01 * np.arange(len(found))
    whole = (centres - half_window > 0.003) & (centres + half_window < n_samples / RATE - 0.01)
    assert set(np.flatnonzero(whole)) <= set(inside)
    if len(inside):
        assert centres[inside[0]] - half_window > -1e-4
        assert centres[inside[-1]] + half_window < n_samples / RATE + 1e-4


def test_f0_is_praats() -> None:
    samples = speech(3.0)
    lead = 40  # 2.5 ms, so that Praat's frames fall on the grid
    part = parselmouth.Sound(samples[lead : lead + RATE * 2 + 80 + 640].astype(np.float64), RATE)
    pitch = part.to_pitch_ac(time_step=0.01, pitch_floor=75.0, pitch_ceiling=600.0)
    np.testing.assert_allclose(pitch.xs()[:3] + lead / RATE, [0.025, 0.035, 0.045], atol=1e-9)
    direct = np.where(pitch.selected_array["frequency"] > 0, pitch.selected_array["frequency"], np.nan)
    found = prosody(samples[: lead + RATE * 2 + 80 + 640], RATE).f0_hz
    np.testing.assert_allclose(found[2 : 2 + len(direct)], direct.astype(np.float32))
    assert 0.2 < np.isnan(found).mean() < 0.8


def test_silence_and_noise_are_unvoiced() -> None:
    silent = prosody(np.zeros(RATE, np.float32), RATE)
    assert np.isnan(silent.f0_hz).all() and np.isnan(silent.energy_db).all()
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32)
    found = prosody(noise, RATE)
    assert np.isnan(found.f0_hz).mean() > 0.9
    np.testing.assert_allclose(found.energy_db, -20, atol=2)


@given(st.floats(-40, 10))
def test_gain_shifts_energy_and_leaves_f0(gain_db: float) -> None:
    samples = speech(0.6, 1.0)
    plain, louder = prosody(samples, RATE), prosody(samples * np.float32(10 ** (gain_db / 20)), RATE)
    np.testing.assert_allclose(louder.energy_db - plain.energy_db, gain_db, atol=1e-3)
    np.testing.assert_allclose(louder.f0_hz, plain.f0_hz, rtol=1e-4)


def test_energy_by_its_definition() -> None:
    samples = speech(0.5)[:7999]
    found = prosody(samples, RATE).energy_db
    expected = [10 * np.log10(sum(float(x) ** 2 for x in samples[i * 160 : i * 160 + 160]) / 160) for i in range(49)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert prosody(np.ones(160, np.float32), RATE).energy_db.tolist() == [0.0]


@pytest.mark.parametrize("n_samples", [0, 1, 159, 160, 700, 759])
def test_short_recordings_have_no_f0(n_samples: int) -> None:
    found = prosody(tone(200.0)[:n_samples], RATE)
    assert len(found.f0_hz) == len(found.energy_db) == n_samples // 160
    assert np.isnan(found.f0_hz).all()


def test_bad_ranges_and_a_missing_package_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HacError, match="expected 10 <= floor < ceiling"):
        prosody(tone(200.0), RATE, 300.0, 200.0)
    monkeypatch.setitem(sys.modules, "parselmouth", None)
    with pytest.raises(HacError, match=r"praat-parselmouth: pip install 'hac-codec\[quality\]'"):
        prosody(tone(200.0), RATE)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return read_manifest(make_corpus(tmp_path, n=4))


def same(one: dict[str, Prosody], other: dict[str, Prosody]) -> bool:
    return list(one) == list(other) and all(
        np.array_equal(one[id].f0_hz, other[id].f0_hz, equal_nan=True)
        and np.array_equal(one[id].energy_db, other[id].energy_db, equal_nan=True)
        for id in one
    )


def test_the_store_gives_back_every_utterance(manifest: Manifest, tmp_path: Path) -> None:
    path = tmp_path / "prosody.parquet"
    assert prosody_store(manifest, path) == path
    expected = {u.id: prosody(sf.read(manifest.audio_path(u), dtype="float32")[0], RATE) for u in manifest.utterances}
    assert same(read_prosody(path), expected)
    before = path.read_bytes()
    prosody_store(manifest, path)
    assert path.read_bytes() == before
    prosody_store(manifest, tmp_path / "again.parquet", jobs=2)
    assert (tmp_path / "again.parquet").read_bytes() == before
    # fewer utterances, in another order
    some = Manifest(manifest.root, tuple(reversed(manifest.utterances[:2])))
    prosody_store(some, path)
    assert same(read_prosody(path), {id: expected[id] for id in ("utt-1", "utt-0")})


def test_a_killed_run_goes_on(manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []

    def measure(samples: np.ndarray, *arguments: float) -> Prosody:
        if len(measured) == 2:
            raise KeyboardInterrupt
        measured.append(len(samples))
        return prosody(samples, *arguments)

    path = tmp_path / "prosody.parquet"
    monkeypatch.setattr(hac.parallel.resumable, "PART_S", 0.1)
    monkeypatch.setattr("probes.signal.prosody.prosody", measure)
    with pytest.raises(KeyboardInterrupt):
        prosody_store(manifest, path)
    assert not path.exists()
    measured.append(0)  # beyond two
    prosody_store(manifest, path)
    assert len(measured) == 1 + 4
    monkeypatch.undo()
    prosody_store(manifest, tmp_path / "unbroken.parquet")
    assert path.read_bytes() == (tmp_path / "unbroken.parquet").read_bytes()
    assert not (tmp_path / "prosody.parts").exists()


def test_another_range_or_another_sound_is_measured_again(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "prosody.parquet"
    prosody_store(manifest, path)
    first = read_prosody(path)
    with monkeypatch.context() as changed:
        changed.setattr("probes.signal.prosody.FLOOR_HZ", 150.0)
        prosody_store(manifest, path)
    assert not same(read_prosody(path), first)
    prosody_store(manifest, path)
    assert same(read_prosody(path), first)
    sf.write(manifest.audio_path(manifest.utterances[0]), tone(200.0), RATE)
    prosody_store(manifest, path)
    assert np.nanmedian(read_prosody(path)["utt-0"].f0_hz) == pytest.approx(200, rel=1e-3)


def test_bad_audio_is_noted_and_left_out(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "audio" / "utt-1.wav").write_text("no audio")
    (tmp_path / "audio" / "utt-2.wav").unlink()
    outside = replace(manifest.utterances[3], path="../elsewhere.wav")
    spoilt = Manifest(manifest.root, (*manifest.utterances[:3], outside))
    log = FailureLog()
    path = prosody_store(spoilt, tmp_path / "prosody.parquet", failures=log)
    assert list(read_prosody(path)) == ["utt-0"]
    assert {item.id: item.reason for item in log} == {
        "utt-1": "audio-unreadable",
        "utt-2": "audio-missing",
        "utt-3": "audio-path",
    }
    with pytest.raises(HacError, match="utt-1"):
        prosody_store(manifest.subset(["utt-1"]), tmp_path / "strict.parquet", failures=FailureLog(strict=True))


def test_another_file_is_not_taken_for_prosody(manifest: Manifest, tmp_path: Path) -> None:
    with pytest.raises(HacError, match="no such file; expected the prosody of a corpus"):
        read_prosody(tmp_path / "none.parquet")
    with pytest.raises(HacError, match=r"tokens\.parquet: holds .* where prosody were expected"):
        read_prosody(tmp_path / "tokens.parquet")
    empty = prosody_store(Manifest(tmp_path, ()), tmp_path / "empty.parquet")
    assert read_prosody(empty) == {}
    short = Manifest(tmp_path, (Utterance("short", "short.wav", 0.005),))
    sf.write(tmp_path / "short.wav", np.ones(80) / 2, RATE)
    log = FailureLog()
    assert read_prosody(prosody_store(short, tmp_path / "short.parquet", failures=log)) == {}
    assert [item.reason for item in log] == ["too-short"]
