"""Signal metrics: what the libraries say when called directly, laws, and what has no number."""

from __future__ import annotations

import math

import numpy as np
import pesq as pesq_package
import pystoi
import pytest
import soxr
import torch
from hypothesis import given
from hypothesis import strategies as st

from hac.errors import HacError
from hac.train.losses import MelSpectrogramLoss, MultiScaleStftLoss
from probes.signal import signal_metrics, spectral_distance
from probes.signal.pitch_errors import pitch_errors
from probes.signal.signal_metrics import LengthsDiffer, equal_lengths, signal_scores
from tests.hac.speech import SAMPLE_RATE as RATE
from tests.hac.speech import speech

REFERENCE = speech(2.0)
NOISE = np.random.default_rng(0).standard_normal(len(REFERENCE)).astype(np.float32) * REFERENCE.std()


def noisy(amount: float) -> np.ndarray:
    return REFERENCE + np.float32(amount) * NOISE


def test_pesq_and_stoi_are_what_the_packages_say() -> None:
    estimate = noisy(0.3)
    scores = signal_scores(REFERENCE, estimate, RATE)
    at_8k = [soxr.resample(audio, RATE, 8000, "HQ") for audio in (REFERENCE, estimate)]
    assert scores["pesq_wb"].value == pesq_package.pesq(RATE, REFERENCE, estimate, "wb")
    assert scores["pesq_nb"].value == pesq_package.pesq(8000, *at_8k, "nb")
    assert scores["stoi"].value == pystoi.stoi(REFERENCE, estimate, RATE)
    assert scores["estoi"].value == pytest.approx(pystoi.stoi(REFERENCE, estimate, RATE, extended=True), abs=1e-9)


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100])
def test_distances_are_the_losses_of_dac(rate: int) -> None:
    estimate = noisy(0.1)
    one, other = (torch.from_numpy(audio)[None] for audio in (estimate, REFERENCE))
    scores = signal_scores(REFERENCE, estimate, rate, ["mel_distance", "stft_distance"])
    assert scores["mel_distance"].value == pytest.approx(float(MelSpectrogramLoss(rate)(one, other)), rel=2e-5)
    assert scores["stft_distance"].value == pytest.approx(float(MultiScaleStftLoss()(one, other)), rel=2e-5)


def slow_si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """From the definition, sample by sample."""
    s, e = [float(x) for x in reference], [float(x) for x in estimate]
    a = math.fsum(x * y for x, y in zip(s, e, strict=True)) / math.fsum(x * x for x in s)
    above = math.fsum((a * x) ** 2 for x in s)
    below = math.fsum((a * x - y) ** 2 for x, y in zip(s, e, strict=True))
    return 10 * math.log10(above / below)


@given(seed=st.integers(0, 999), n=st.integers(2, 40), scale=st.floats(0.01, 50))
def test_si_sdr_is_its_definition_and_knows_no_scale(seed: int, n: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    s, e = rng.normal(size=n).astype(np.float32), rng.normal(size=n).astype(np.float32)
    found = signal_metrics.si_sdr(s, e).value
    assert found == pytest.approx(slow_si_sdr(s, e), abs=1e-6)
    assert signal_metrics.si_sdr(s, e * np.float32(scale)).value == pytest.approx(found, abs=1e-4)
    assert signal_metrics.si_sdr(s * np.float32(scale), e).value == pytest.approx(found, abs=1e-4)


def test_noise_of_known_energy_gives_its_decibels() -> None:
    apart = NOISE - REFERENCE * (NOISE @ REFERENCE) / (REFERENCE @ REFERENCE)
    gain = np.linalg.norm(REFERENCE) / np.linalg.norm(apart)
    assert signal_metrics.si_sdr(REFERENCE, REFERENCE + gain * apart / 10).value == pytest.approx(20, abs=1e-3)


def test_a_recording_against_itself_is_perfect() -> None:
    scores = signal_scores(REFERENCE, REFERENCE, RATE)
    assert scores["pesq_wb"].value == pytest.approx(4.644, abs=1e-3)
    assert scores["pesq_nb"].value == pytest.approx(4.549, abs=1e-3)
    assert scores["stoi"].value == pytest.approx(1, abs=1e-6)
    assert scores["estoi"].value == pytest.approx(1, abs=1e-6)
    assert scores["mel_distance"].value == 0
    assert scores["stft_distance"].value == 0
    assert math.isnan(scores["si_sdr"].value)
    assert scores["si_sdr"].reason == "exact"


def test_more_noise_is_worse_everywhere() -> None:
    by_noise = [signal_scores(REFERENCE, noisy(amount), RATE) for amount in (0.01, 0.1, 1, 10)]
    for name in signal_metrics.SIGNAL_METRICS:
        values = [scores[name].value for scores in by_noise]
        if name.endswith("distance"):
            values = [-value for value in values]
        if name.startswith("pesq"):
            values[-1] -= 0.1  # PESQ has a floor near 1
        assert values == sorted(values, reverse=True), name
        assert values[0] > values[2], name


@pytest.mark.parametrize(
    ("reference", "estimate", "expected"),
    [
        (np.zeros(RATE), NOISE[:RATE], {"pesq_wb": "reference-silent", "stoi": "reference-silent"}),
        (np.zeros(RATE), NOISE[:RATE], {"si_sdr": "reference-silent"}),
        (REFERENCE[:RATE], np.zeros(RATE), {"si_sdr": "estimate-silent", "pesq_wb": "estimate-silent"}),
        (REFERENCE[:2000], REFERENCE[:2000], {"pesq_wb": "pesq-too-short", "stoi": "stoi-too-short"}),
        (REFERENCE[:1000], REFERENCE[:1000], {"mel_distance": "spectrum-too-short"}),
        (REFERENCE[:1000], REFERENCE[:1000], {"stft_distance": "spectrum-too-short"}),
        (REFERENCE[:1], REFERENCE[:1], {"pesq_nb": "pesq-too-short", "estoi": "stoi-too-short"}),
        (np.tile(REFERENCE, 21), np.tile(REFERENCE, 21), {"pesq_wb": "pesq-too-long"}),
    ],
)
def test_what_has_no_number_says_why(reference: np.ndarray, estimate: np.ndarray, expected: dict[str, str]) -> None:
    scores = signal_scores(reference.astype(np.float32), estimate.astype(np.float32), RATE, expected)
    for name, reason in expected.items():
        assert math.isnan(scores[name].value), name
        assert scores[name].reason == reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (pesq_package.NoUtterancesError(b"No utterances detected"), "pesq-no-utterances"),
        (pesq_package.PesqError(b"Unknown"), "pesq-failed"),
        (ValueError("cannot convert float NaN to integer"), "pesq-failed"),
    ],
)
def test_an_error_of_pesq_is_no_number(error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> float:
        raise error

    monkeypatch.setattr(pesq_package, "pesq", fail)
    score = signal_metrics.pesq(REFERENCE, REFERENCE, RATE, "wb")
    assert math.isnan(score.value)
    assert score.reason == reason


def test_lengths_are_made_equal_as_asked() -> None:
    one, other = REFERENCE, REFERENCE[:-100]
    assert [len(x) for x in equal_lengths(one, other, "cut-to-shorter", RATE)] == [len(other)] * 2
    assert [len(x) for x in equal_lengths(other, one, "pad", RATE)] == [len(one)] * 2
    assert not equal_lengths(other, one, "pad", RATE)[0][-100:].any()
    assert [len(x) for x in equal_lengths(one, other, "refuse", RATE)] == [len(other)] * 2
    with pytest.raises(LengthsDiffer, match=r"1\.000 s of reconstruction for 2\.000 s"):
        equal_lengths(one, one[:RATE], "refuse", RATE)
    with pytest.raises(ValueError, match="equal_lengths"):
        signal_scores(one, other, RATE)
    with pytest.raises(HacError, match="cut-to-shorter, pad, refuse"):
        signal_metrics.check_policy("stretch")


def test_filters_are_those_of_the_losses() -> None:
    from hac.train.losses import mel_filters

    for window, bands in zip(spectral_distance.MEL_WINDOWS, spectral_distance.MEL_BANDS, strict=True):
        assert np.array_equal(
            spectral_distance.mel_filters(RATE, window, bands), mel_filters(RATE, window, bands).numpy()
        ) or np.allclose(
            spectral_distance.mel_filters(RATE, window, bands), mel_filters(RATE, window, bands).numpy(), atol=1e-9
        )


# pitch


TRACKS = st.lists(st.one_of(st.just(math.nan), st.floats(60, 400)), max_size=40)


@given(reference=TRACKS, estimate=TRACKS)
def test_pitch_errors_are_their_definitions(reference: list[float], estimate: list[float]) -> None:
    found = pitch_errors(np.array(reference), np.array(estimate))
    pairs = list(zip(reference, estimate, strict=False))
    both = [(r, e) for r, e in pairs if r == r and e == e]
    assert found.frames == len(pairs)
    assert found.both == len(both)
    assert found.voicing == sum((r == r) != (e == e) for r, e in pairs)
    assert found.gross == sum(abs(e - r) > 0.2 * r for r, e in both)
    assert found.squares == pytest.approx(sum((1200 * math.log2(e / r)) ** 2 for r, e in both))
    if len(both) < 10:
        assert found.correlation.reason == "f0-few-voiced"
    elif not found.correlation.reason:
        expected = np.corrcoef(np.log([r for r, _ in both]), np.log([e for _, e in both]))[0, 1]
        assert found.correlation.value == pytest.approx(expected, abs=1e-9)


def test_a_track_against_itself_and_an_octave_up() -> None:
    track = np.array([math.nan] * 5 + [100 + 3 * i for i in range(30)])
    same, octave = pitch_errors(track, track), pitch_errors(track, 2 * track)
    assert (same.correlation.value, same.voicing, same.gross, same.squares) == (pytest.approx(1), 0, 0, 0)
    assert octave.correlation.value == pytest.approx(1)
    assert math.sqrt(octave.squares / octave.both) == pytest.approx(1200)
    assert octave.gross == octave.both == 30


def test_one_pitch_throughout_has_no_correlation() -> None:
    track = np.full(30, 120.0)
    assert pitch_errors(track, track * 1.01).correlation.reason == "f0-constant"
