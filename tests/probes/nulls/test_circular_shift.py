"""Nulls: shifts that keep what has nothing to do with knowledge."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from probes.nulls.circular_shift import MIN_SHIFT_S, circular_shifts, circularly_shifted, unshiftable
from probes.utterance_keys import utterance_keys
from tests.probes.joint_counts.test_counts import counted
from tests.strategies import RATES, Case, cases

lengths = st.lists(st.integers(0, 3000), min_size=1, max_size=20)
draws = st.integers(0, 50)
seeds = st.integers(0, 1 << 40)


def shifts_of(n_frames: list[int], rate: Fraction = Fraction(50), draw: int = 1, seed: int = 0) -> np.ndarray:
    keys = utterance_keys([f"u{i}" for i in range(len(n_frames))])
    return circular_shifts(keys, np.array(n_frames), rate, draw, seed)


@given(n_frames=lengths, rate=st.sampled_from(RATES), seed=seeds)
def test_draw_zero_is_the_identity(n_frames: list[int], rate: Fraction, seed: int) -> None:
    assert not shifts_of(n_frames, rate, 0, seed).any()


@given(n_frames=lengths, rate=st.sampled_from(RATES), draw=st.integers(1, 50), seed=seeds)
def test_shifts_move_every_utterance_far_enough(n_frames: list[int], rate: Fraction, draw: int, seed: int) -> None:
    for n, shift in zip(n_frames, shifts_of(n_frames, rate, draw, seed).tolist(), strict=True):
        if n <= 1:
            assert shift == 0
        else:
            shortest = max(1, min(int(MIN_SHIFT_S * rate), n // 4))
            assert shortest <= shift <= n - shortest


@given(data=st.data(), draw=draws, seed=seeds)
def test_a_shift_depends_on_its_utterance_alone(data: st.DataObject, draw: int, seed: int) -> None:
    """Neither the order of the utterances nor which others there are matters."""
    n_frames = np.array(data.draw(lengths))
    picks = np.array(data.draw(st.permutations(range(len(n_frames))))[: max(1, len(n_frames) // 2)])
    keys = utterance_keys([f"u{i}" for i in range(len(n_frames))])
    whole = circular_shifts(keys, n_frames, Fraction(50), draw, seed)
    part = circular_shifts(keys[picks], n_frames[picks], Fraction(50), draw, seed)
    assert np.array_equal(whole[picks], part)


@given(case=cases(), draw=st.integers(1, 20), seed=seeds)
def test_shifts_keep_the_frequencies_of_codes_and_labels(case: Case, draw: int, seed: int) -> None:
    """Where tokens and labels cover each other, the marginals of the null are those of the tokens, exactly."""
    whole = [(*codes, *[0] * 60)[: int(40 * case.frame_rate / 100)] for codes in (u.codes for u in case.utterances)]
    ends = int(len(whole[0]) / case.frame_rate * 1_000_000)
    # labels that end with the last frame: the rest of a microsecond is nobody's
    case = case.with_codes(whole).with_intervals([(("AA", 0, ends // 2), ("B", ends // 2, ends))] * len(whole))
    n_frames = np.diff(case.stream.bounds)
    shifts = circular_shifts(utterance_keys(case.ids), n_frames, case.frame_rate, draw, seed)
    still, moved = (counted(case, "centre", s).table for s in (np.zeros_like(shifts), shifts))
    assert np.array_equal(still.sum(axis=1), moved.sum(axis=1))
    assert np.array_equal(np.sort(still.sum(axis=0)), np.sort(moved.sum(axis=0)))


@given(n_frames=st.lists(st.integers(0, 9), max_size=6), draw=draws, dtype=st.sampled_from([np.uint16, np.int32]))
def test_frames_get_the_code_that_comes_later_in_the_circle(n_frames: list[int], draw: int, dtype: type) -> None:
    bounds = np.append(0, np.cumsum(n_frames)).astype(np.int64)
    codes = np.arange(bounds[-1]).astype(dtype)
    shifts = shifts_of(n_frames, draw=draw) if n_frames else np.zeros(0, np.int64)
    moved = circularly_shifted(codes, bounds, shifts)
    assert moved.dtype == dtype
    for start, n, shift in zip(bounds, n_frames, shifts, strict=False):
        assert moved[start : start + n].tolist() == [codes[start + (t + shift) % n] for t in range(n)]
    back = circularly_shifted(moved, bounds, np.diff(bounds) - shifts)
    assert back.tolist() == codes.tolist()


def test_draws_and_seeds_differ() -> None:
    n_frames = [500] * 200
    several = {shifts_of(n_frames, draw=r, seed=s).tobytes() for r in range(1, 21) for s in range(3)}
    assert len(several) == 60


def test_shifts_are_uniform_over_what_is_allowed() -> None:
    """Chi-squared over 20,000 utterances; and consecutive draws of one utterance are not correlated."""
    n, rate = 200, Fraction(50)
    shifts = shifts_of([n] * 20_000, rate)
    seen = np.bincount(shifts, minlength=n)[25 : n - 25 + 1]
    assert seen.sum() == 20_000
    assert stats.chisquare(seen).pvalue > 1e-3
    again = shifts_of([n] * 20_000, rate, draw=2)
    assert abs(np.corrcoef(shifts, again)[0, 1]) < 0.03


def test_keys_are_hashes_of_the_text() -> None:
    digest = hashlib.blake2b("ж/1".encode(), digest_size=8).digest()
    assert utterance_keys(["ж/1"])[0] == int.from_bytes(digest, "little")


def test_utterances_too_short_to_be_shifted_are_counted() -> None:
    assert unshiftable(np.array([0, 1, 2, 3, 1])) == 3


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_the_shortest_utterances_are_moved_too(n: int) -> None:
    moved = shifts_of([n] * 300)
    assert moved.min() >= 1
    assert moved.max() <= n - 1
