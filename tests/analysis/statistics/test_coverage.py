"""Do 95 % intervals hold what they are said to hold? Simulations with fixed seeds.

Speech is 41 phones in runs of 80 ms. Features of five dimensions have a mean for each phone, offsets of each speaker
(15 % of the variance within a phone) and of each phone of a speaker (10 %), and noise correlated over 0.4 s. Each
dimension is cut into four levels, so that five give 1,024 codes, which know as much of phones as units of real speech.

An interval is held to one thing: what other corpora of this size, of other speakers, score on average. That is
estimated by the mean of all corpora made here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from scipy.signal import lfilter

from analysis.comparison.differences import difference
from analysis.pnmi.counting import Protocol
from analysis.results.schema import Record
from analysis.statistics.information import information
from analysis.statistics.jackknife import jackknife
from hac.data.tokens.token_store import Stream
from tests.analysis.statistics.test_jackknife import score
from tests.analysis.worlds import World, make_world, scored_whole
from tests.strategies import bounds

N_PHONES, N_DIMENSIONS, RATE = 41, 5, 50
UTTERANCE = 200
"""Frames."""
LEVELS = np.array([-0.6745, 0.0, 0.6745])
"""Quarters of a normal distribution: where a dimension is cut."""
OF_SPEAKER, OF_SPEAKERS_PHONE, MEMORY = 0.15, 0.10, np.exp(-1 / (0.4 * RATE))
MEASURED = ("units.pnmi", "units.pnmi[silence-dropped]", "units.phone_purity")


@cache
def phones() -> tuple[np.ndarray, np.ndarray]:
    """P(phone), and the means of each phone's features in deviations of what varies within it."""
    rng = np.random.default_rng(20)
    return rng.dirichlet(np.full(N_PHONES, 2.0)), 1.3 * rng.normal(size=(N_PHONES, N_DIMENSIONS))


def spoken(rng: np.random.Generator, n: int) -> np.ndarray:
    """Phone of each of n frames, in runs of 80 ms on average."""
    lengths = 1 + rng.poisson(0.08 * RATE - 1, n)
    return np.repeat(rng.choice(N_PHONES, n, p=phones()[0]), lengths)[:n]


def tokens(rng: np.random.Generator, phone: np.ndarray, n_dimensions: int) -> np.ndarray:
    """Codes of one speaker's speech as a tokenizer hears it: below 4 ** n_dimensions."""
    means = phones()[1][:, :n_dimensions]
    own = np.sqrt(OF_SPEAKER) * rng.normal(size=n_dimensions)
    own_phones = np.sqrt(OF_SPEAKERS_PHONE) * rng.normal(size=means.shape)
    fresh = np.sqrt(1 - MEMORY**2) * rng.normal(size=(len(phone), n_dimensions))
    fresh[0] /= np.sqrt(1 - MEMORY**2)
    noise = np.sqrt(1 - OF_SPEAKER - OF_SPEAKERS_PHONE) * lfilter([1], [1, -MEMORY], fresh, axis=0)
    features = (means[phone] + own + own_phones[phone] + noise) / np.sqrt(1 + 1.3**2)
    return np.searchsorted(LEVELS, features) @ 4 ** np.arange(n_dimensions)


def corpora(n: int, minutes: float, n_speakers: int, n_dimensions: int, seed: int) -> Iterator[list[dict[str, Record]]]:
    """Records of corpora of other speakers each, as two tokenizers of the same quality say them."""
    rng = np.random.default_rng(seed)
    each = round(minutes * 60 * RATE / n_speakers / UTTERANCE)
    names = np.array(["sil", *(f"p{i:02d}" for i in range(1, N_PHONES))])
    for _ in range(n):
        speech = [spoken(rng, each * UTTERANCE) for _ in range(n_speakers)]
        intervals = tuple(intervals_of(phone, names) for one in speech for phone in one.reshape(each, UTTERANCE))
        who = tuple(f"s{i:02d}" for i in range(n_speakers) for _ in range(each))
        world = World(who, ("en",) * len(who), intervals)
        where = bounds([UTTERANCE] * len(who))
        streams = [
            np.concatenate([tokens(rng, one, n_dimensions) for one in speech]).astype(np.int32) for _ in range(2)
        ]
        yield [scored(world, Stream("units", 4**n_dimensions, Fraction(RATE), codes, where)) for codes in streams]


def intervals_of(phone: np.ndarray, names: np.ndarray) -> tuple[tuple[str, int, int], ...]:
    """Runs of phones as intervals in microseconds."""
    starts = np.flatnonzero(np.diff(phone, prepend=-1))
    frame = 1_000_000 // RATE
    ends = np.append(starts[1:], len(phone)) * frame
    return tuple(zip(names[phone[starts]].tolist(), (starts * frame).tolist(), ends.tolist(), strict=True))


def scored(world: World, stream: Stream) -> dict[str, Record]:
    return scored_whole(world.request(stream, protocol=Protocol(n_nulls=4)))


def held(found: list[dict[str, Record]], id: str) -> float:
    """In which share of the corpora the interval holds what they score on average."""
    records = [one[id] for one in found]
    expected = np.mean([record.estimate for record in records])
    assert all(record.ci_low < record.estimate < record.ci_high for record in records)
    return float(np.mean([record.ci_low <= expected <= record.ci_high for record in records]))


def falsely_different(pairs: list[list[dict[str, Record]]], id: str) -> float:
    """In which share of the corpora two tokenizers of the same quality differ at p < .05."""
    return float(np.mean([difference(a[id], b[id], "b", paired=True).p < 0.05 for a, b in pairs]))


@pytest.mark.parametrize("n_speakers", [4, 6, 10])
def test_the_interval_holds_the_expected_value_with_few_speakers_and_many_codes(n_speakers: int) -> None:
    """Ten minutes, 1,024 codes: a bootstrap of utterances or speakers held it in 0 to 9 of 100."""
    pairs = list(corpora(60, 10, n_speakers, N_DIMENSIONS, seed=n_speakers))
    found = [one for pair in pairs for one in pair]
    first = found[0]["units.pnmi"]
    assert f"{n_speakers} (speaker)" in first.note
    assert 0.15 < first.null_mean < 0.35, "chance is far from zero here, or the test is idle"
    assert 0.3 < first.estimate < 0.6, "and tokens know a lot"
    for id in MEASURED:
        # of 120 at .95, fewer than 105 in 1 of 1,000; the two of a corpus are not quite independent
        assert held(found, id) >= 0.875, id
        assert falsely_different(pairs, id) <= 0.15, id


@pytest.mark.slow
@pytest.mark.parametrize("n_dimensions", [3, 5])
@pytest.mark.parametrize("n_speakers", [3, 4, 6, 10, 40])
@pytest.mark.parametrize(("minutes", "n"), [(10, 150), (60, 40)])
def test_the_interval_holds_the_expected_value(minutes: float, n: int, n_speakers: int, n_dimensions: int) -> None:
    pairs = list(corpora(n, minutes, n_speakers, n_dimensions, seed=100 * n_speakers + n_dimensions))
    found = [one for pair in pairs for one in pair]
    for id in MEASURED:
        assert 0.91 - 0.9 / np.sqrt(2 * n) <= held(found, id), id
        assert falsely_different(pairs, id) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n), id


@pytest.mark.slow
@pytest.mark.parametrize("n_dimensions", [3, 5])
def test_the_corrected_value_of_ten_minutes_is_that_of_ten_hours(n_dimensions: int) -> None:
    """What is counted is off by .02 to .13."""
    short = [one["units.pnmi"] for pair in corpora(30, 10, 40, n_dimensions, seed=1) for one in pair]
    ((long, _),) = corpora(1, 600, 100, n_dimensions, seed=2)
    endless = long["units.pnmi"].value
    assert np.mean([record.estimate for record in short]) == pytest.approx(endless, abs=0.02)
    assert np.mean([record.value for record in short]) > endless + (0.015 if n_dimensions == 3 else 0.1)


N_LABELS, N_CODES = 12, 24


@cache
def truth() -> np.ndarray:
    """P(label, code) of all the speech there could be."""
    rng = np.random.default_rng(1)
    by_label = rng.dirichlet(np.full(N_LABELS, 3.0))
    return by_label[:, None] * rng.dirichlet(np.full(N_CODES, 0.3), N_LABELS)


def corpus(rng: np.random.Generator, n_speakers: int, n_frames: int) -> np.ndarray:
    """Counts of speakers who each have their own phones, their own codes for them and their own amount of speech."""
    joint = truth()
    by_label = joint.sum(axis=1)
    given_label = joint / by_label[:, None]
    labels = rng.dirichlet(60 * by_label, n_speakers)
    codes = rng.gamma(np.maximum(25 * given_label, 1e-9), size=(n_speakers, N_LABELS, N_CODES))
    p = labels[:, :, None] * codes / codes.sum(axis=2, keepdims=True)
    p /= p.sum(axis=(1, 2), keepdims=True)
    frames = rng.poisson(n_frames, n_speakers)
    return rng.multinomial(frames, p.reshape(n_speakers, -1)).reshape(p.shape)


@pytest.mark.slow
@pytest.mark.parametrize("n_speakers", [4, 10, 15, 40])
def test_the_interval_of_counted_pnmi_holds_the_truth_where_codes_are_few(n_speakers: int) -> None:
    """Speakers differ far more than frames do; intervals from frames would hold the truth in few of the runs."""
    expected = information(np.rint(truth() * 10**15).astype(np.int64)).pnmi
    rng = np.random.default_rng(n_speakers)
    inside = 0
    for _ in range(300):
        tables = corpus(rng, n_speakers, 4000)
        left_out = score(tables, np.arange(n_speakers), np.zeros(N_LABELS, bool))[:, 0, 0]
        interval = jackknife(information(tables.sum(axis=0)).pnmi, left_out)
        inside += interval.low <= expected <= interval.high
    assert 0.90 <= inside / 300 <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("size", [64, 256, 1024, 4096, 16384, 65536])
def test_the_corrected_value_of_independent_tokens_is_within_its_interval_of_zero(size: int) -> None:
    """Chance itself lies anywhere from .02 to .98 here."""
    world = make_world(n_speakers=12, n_utterances=60, n_phones=36, seed=size)
    inside = {"units.pnmi": 0, "units.pnmi[silence-dropped]": 0}
    n = 8
    for seed in range(n):
        request = world.request(world.independent(size, seed=seed), protocol=Protocol(n_nulls=20))
        by_id = scored_whole(request)
        for id in inside:
            inside[id] += by_id[id].ci_low <= 0 <= by_id[id].ci_high
    assert min(inside.values()) >= 6  # fewer of 8 runs would be a 1 in 150 accident at 95 %
