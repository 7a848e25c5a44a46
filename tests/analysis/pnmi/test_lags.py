"""The judge of lags: warns of what is more than chance, and of nothing else."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from analysis.pnmi import counting
from analysis.pnmi.counting import lags_of
from analysis.pnmi.lags import judge, lag_pnmi
from hac.data.alignments.alignment import Tier
from hac.data.tokens.token_store import Stream
from probes.clusters import assign_rows
from probes.joint_counts.frame_labels import CONVENTIONS, ticks_of
from probes.nulls.circular_shift import ShiftedStream, utterance_rings

LAGS = [Fraction(i) for i in range(-2, 3)]


def test_a_better_lag_is_named_with_its_time() -> None:
    lag = judge("units", Fraction(50), LAGS, [0.1, 0.2, 0.3, 0.6, 0.4], 0.001)
    assert (lag.best_lag_frames, lag.best_lag_ms) == (1, 20)
    assert lag.gain == pytest.approx(0.3)
    assert "1 frames (20.0 ms) late" in lag.warning
    assert "0.6000" in lag.warning
    assert "0.3000" in lag.warning


def test_tokens_that_come_early_are_said_to() -> None:
    lag = judge("units", Fraction(25, 2), LAGS, [0.1, 0.5, 0.3, 0.2, 0.1], 0.001)
    assert lag.best_lag_ms == -80
    assert "early" in lag.warning


@pytest.mark.parametrize("null_sd", [0.0, 0.01, math.nan])
def test_the_best_at_zero_is_no_lag(null_sd: float) -> None:
    lag = judge("units", Fraction(50), LAGS, [0.1, 0.2, 0.3, 0.2, 0.1], null_sd)
    assert (lag.best_lag_frames, lag.gain, lag.warning) == (0, 0, "")


def test_a_gain_within_the_noise_is_no_lag() -> None:
    assert judge("units", Fraction(50), LAGS, [0.1, 0.2, 0.3, 0.302, 0.1], 0.001).warning == ""
    assert judge("units", Fraction(50), LAGS, [0.1, 0.2, 0.3, 0.304, 0.1], 0.001).warning != ""


def test_a_tie_goes_to_the_smaller_lag() -> None:
    assert judge("units", Fraction(50), LAGS, [0.5, 0.2, 0.3, 0.5, 0.5], 0.001).best_lag_frames == 1


def test_values_that_could_not_be_had_are_passed_over() -> None:
    nan = math.nan
    assert judge("units", Fraction(50), LAGS, [nan] * 5, nan).warning == ""
    assert judge("units", Fraction(50), LAGS, [nan, 0.1, 0.3, 0.5, nan], nan).best_lag_frames == 1


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_scan_goes_four_frames_either_way(convention: str) -> None:
    lags = lags_of(convention)
    assert (lags[0], lags[-1]) == (-4, 4)
    assert Fraction(0) in lags
    assert [-lag for lag in reversed(lags)] == lags
    assert (Fraction(1, 2) in lags) == (convention == "duration")


def test_each_lag_has_the_pnmi_of_its_table() -> None:
    found = lag_pnmi([np.array([[1, 0], [0, 1]]), np.array([[1, 1], [1, 1]])])
    assert found == pytest.approx([1, 0])


def test_the_scan_in_blocks_counts_what_it_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    codes = np.repeat(rng.integers(0, 8, 120), 4).astype(np.int32)
    ids = tuple(f"u{i}" for i in range(8))
    bounds = np.arange(0, 481, 60)
    ends = np.sort(rng.choice(np.arange(1, 120), (8, 9)), axis=1) * 10_000
    offset = np.concatenate([np.append(np.unique(row), 1_200_000) for row in ends])
    lengths = np.array([len(np.unique(row)) + 1 for row in ends])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    onset = np.where(np.isin(np.arange(len(offset)), starts[:-1]), 0, np.append(0, offset[:-1]))
    labels = rng.integers(0, 3, len(offset)).astype(np.int32)
    phones = Tier("phones", ids, starts, labels, onset, offset, ("a", "b", "sil"))
    stream = Stream("units", 8, Fraction(50), codes, bounds)
    protocol = counting.Protocol(n_nulls=2)
    clock = ticks_of([Fraction(50)])
    laid = counting.label_frames(phones, stream, protocol, clock)
    tokens = ShiftedStream(stream, utterance_rings(ids))
    source = counting.CountedStream(tokens, phones, laid, clock, assign_rows(ids, ["en"] * 8, ["s"] * 8), protocol)
    whole = [counts.table.tolist() for counts in counting.lag_counts(source)]
    monkeypatch.setattr(counting, "LAG_BLOCK", 3)
    assert [counts.table.tolist() for counts in counting.lag_counts(source)] == whole
