"""Do 95 % intervals hold the truth 90 to 98 times in 100? Simulations with known truth and fixed seeds."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from analysis.pnmi.counting import Protocol
from analysis.statistics import bootstrap
from analysis.statistics.information import information
from tests.analysis.statistics.test_bootstrap import flat
from tests.analysis.worlds import make_world, scored_whole

N_LABELS, N_CODES, N_DRAWS = 12, 24, 300


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
@pytest.mark.parametrize("n_speakers", [10, 15, 40])
def test_the_interval_of_pnmi_holds_the_truth(n_speakers: int) -> None:
    """Speakers differ far more than frames do; intervals from frames would hold the truth in few of the runs."""
    expected = information(np.rint(truth() * 10**15).astype(np.int64)).pnmi
    rng = np.random.default_rng(n_speakers)
    held = 0
    for run_number in range(300):
        tables = corpus(rng, n_speakers, 4000)
        weights = bootstrap.draw_weights(n_speakers, N_DRAWS, run_number)
        draws = bootstrap.resample(flat(tables), N_LABELS, [], weights).kept["pnmi"]
        interval = bootstrap.basic(information(tables.sum(axis=0)).pnmi, draws, n_speakers)
        held += interval.low <= expected <= interval.high
    assert 0.90 <= held / 300 <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("size", [64, 256, 1024, 4096, 16384, 65536])
def test_the_corrected_value_of_independent_tokens_is_within_its_interval_of_zero(size: int) -> None:
    """Chance itself lies anywhere from .02 to .98 here."""
    world = make_world(n_speakers=12, n_utterances=60, n_phones=36, seed=size)
    held = {"units.pnmi": 0, "units.pnmi[silence-dropped]": 0}
    n = 8
    for seed in range(n):
        request = world.request(world.independent(size, seed=seed), protocol=Protocol(n_nulls=20))
        by_id = scored_whole(request)
        for id in held:
            held[id] += by_id[id].corrected_ci_low <= 0 <= by_id[id].corrected_ci_high
    assert min(held.values()) >= 6  # fewer of 8 runs would be a 1 in 150 accident at 95 %
