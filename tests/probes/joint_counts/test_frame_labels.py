"""Tokens laid over labels: every convention at every rate equals the slow loop, exactly."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hac.errors import HacError
from probes.clusters import Row, Rows
from probes.joint_counts.counts import JointCounts, count
from probes.joint_counts.frame_labels import CONVENTIONS, Cells, cells, check_convention, ticks_of
from tests import oracles
from tests.strategies import RATES, Case, Utterance, bounds, cases, partitions

WHOLE = [Fraction(lag) for lag in range(-4, 5)]
QUARTERS = [Fraction(lag, 4) for lag in range(-16, 17)]


def lay(case: Case, convention: str, lag: Fraction | int = 0, clock: int | None = None) -> Cells:
    n_frames = np.diff(case.stream.bounds)
    return cells(case.tier, n_frames, case.frame_rate, check_convention(convention), lag, clock)


def counts_of(case: Case, convention: str, lag: Fraction | int = 0) -> JointCounts:
    """Counts with a row for each utterance."""
    rows = Rows(tuple(Row("", f"{i:03d}", 0) for i in range(len(case.ids))), np.arange(len(case.ids)))
    return count(lay(case, convention, lag), case.stream, rows, case.labels)


def as_dict(counts: JointCounts, row: int) -> oracles.Joint:
    """One row in the oracle's terms, its amounts as exact fractions of the oracle's unit."""
    table = counts.pooled(np.array([row]))
    return {
        (label, int(code)): Fraction(int(table[i, j]))
        for i, label in enumerate(counts.labels)
        for j, code in enumerate(counts.codes)
        if table[i, j]
    }


def assert_equal_to_loop(case: Case, convention: str, lag: Fraction = Fraction(0)) -> None:
    counts = counts_of(case, convention, lag)
    unit = counts.units_per_s if convention == "duration" else Fraction(1)
    for row, utterance in enumerate(case.utterances):
        expected = oracles.joint(utterance.intervals, utterance.codes, case.frame_rate, convention, lag)
        assert as_dict(counts, row) == {key: amount * unit for key, amount in expected.items()}


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("rate", RATES, ids=str)
@given(data=st.data())
def test_equals_the_slow_loop_exactly(convention: str, rate: Fraction, data: st.DataObject) -> None:
    case = data.draw(cases(frame_rate=rate))
    lag = data.draw(st.just(Fraction(0)) | st.sampled_from(QUARTERS if convention == "duration" else WHOLE))
    assert_equal_to_loop(case, convention, lag)


@pytest.mark.parametrize("convention", CONVENTIONS)
@given(data=st.data())
def test_labels_left_out_give_no_counts(convention: str, data: st.DataObject) -> None:
    case = data.draw(cases())
    hidden = [tuple((None if label == "SIL" else label, a, b) for label, a, b in u.intervals) for u in case.utterances]
    assert_equal_to_loop(case.with_intervals(hidden), convention)


@pytest.mark.parametrize("convention", CONVENTIONS)
@given(data=st.data())
def test_masked_equals_truncated(convention: str, data: st.DataObject) -> None:
    """Hiding the labels from some moment on is the same as cutting them off there."""
    case = data.draw(cases())
    keep = data.draw(st.integers(0, 6))
    masked = [
        tuple((label if i < keep else None, a, b) for i, (label, a, b) in enumerate(u.intervals))
        for u in case.utterances
    ]
    hidden = counts_of(case.with_intervals(masked), convention)
    cut = counts_of(case.with_intervals([u.intervals[:keep] for u in case.utterances]), convention)
    for row in range(len(case.ids)):
        assert as_dict(hidden, row) == as_dict(cut, row)


@pytest.mark.parametrize("convention", CONVENTIONS)
@given(data=st.data())
def test_tokens_beyond_the_labels_do_not_count(convention: str, data: st.DataObject) -> None:
    """Padding at the end changes nothing once the labels are covered."""
    case = data.draw(cases())
    cover = [
        (*u.codes, *[0] * (int(case.frame_rate * (u.intervals[-1][2] if u.intervals else 0) / 1_000_000) + 1))
        for u in case.utterances
    ]
    covered = case.with_codes(cover)
    padded = case.with_codes([(*codes, *[case.codebook_size - 1] * 7) for codes in cover])
    for row in range(len(case.ids)):
        assert as_dict(counts_of(covered, convention), row) == as_dict(counts_of(padded, convention), row)


@given(data=st.data())
def test_durations_add_up_to_the_time_that_both_cover(data: st.DataObject) -> None:
    case = data.draw(cases())
    met = lay(case, "duration")
    for i, utterance in enumerate(case.utterances):
        part = slice(met.bounds[i], met.bounds[i + 1])
        labelled = Fraction(utterance.intervals[-1][2] if utterance.intervals else 0, 1_000_000)
        covered = min(labelled, len(utterance.codes) / case.frame_rate)
        assert Fraction(int(met.weight[part].sum())) / met.units_per_s == covered


@given(data=st.data())
def test_a_finer_clock_gives_the_same_shares(data: st.DataObject) -> None:
    case = data.draw(cases())
    coarse = lay(case, "duration")
    fine = lay(case, "duration", clock=ticks_of([*RATES, case.frame_rate]))
    ratio = fine.units_per_s / coarse.units_per_s
    assert np.array_equal(coarse.frame, fine.frame)
    assert np.array_equal(coarse.label, fine.label)
    assert [int(w) * ratio for w in coarse.weight] == [int(w) for w in fine.weight]


@pytest.mark.parametrize("convention", CONVENTIONS)
@given(intervals=partitions(), lag=st.sampled_from(WHOLE))
def test_a_lag_undoes_tokens_that_come_late(convention: str, intervals: tuple[oracles.Interval, ...], lag: int) -> None:
    """Tokens put `lag` frames late and read with that lag count as they did before, wherever both exist."""
    late = max(int(lag), 0)
    n = 12
    case = Case((Utterance("u", None, None, intervals, tuple(range(n))),), Fraction(50), n + 4)
    moved = case.with_codes([[*[n] * late, *range(n)]])
    before, after = as_dict(counts_of(case, convention), 0), as_dict(counts_of(moved, convention, late), 0)
    assert {key: value for key, value in after.items() if key[1] < n} == before


@pytest.mark.parametrize("convention", [c for c in CONVENTIONS if c != "duration"])
def test_a_part_of_a_frame_is_a_lag_for_durations_only(convention: str) -> None:
    case = Case((Utterance("u", None, None, (("AA", 0, 100_000),), (0, 1)),), Fraction(50), 2)
    with pytest.raises(ValueError, match="not possible"):
        lay(case, convention, Fraction(1, 2))


def test_a_lag_off_the_clock_is_an_error() -> None:
    case = Case((Utterance("u", None, None, (("AA", 0, 100_000),), (0, 1)),), Fraction(50), 2)
    with pytest.raises(ValueError, match="1/3"):
        lay(case, "duration", Fraction(1, 3))


def test_an_unknown_convention_lists_the_known_ones() -> None:
    with pytest.raises(HacError, match=r"'center'.*duration, hubert, max-overlap, centre"):
        check_convention("center")


def test_a_tie_goes_to_the_earlier_label() -> None:
    intervals = (("T", 0, 10_000), ("AA", 10_000, 20_000))
    case = Case((Utterance("u", None, None, intervals, (3,)),), Fraction(50), 4)
    assert as_dict(counts_of(case, "max-overlap"), 0) == {("T", 3): 1}


def test_parts_of_one_label_are_added_before_they_are_compared() -> None:
    intervals = (("B", 0, 6_000), ("AA", 6_000, 14_000), ("B", 14_000, 20_000))
    case = Case((Utterance("u", None, None, intervals, (0,)),), Fraction(50), 1)
    assert as_dict(counts_of(case, "max-overlap"), 0) == {("B", 0): 1}


def test_hours_of_one_utterance_stay_exact() -> None:
    """Two hours at 44100/512 Hz: the last frame begins where it should, not 72 s later as rounded rates have it."""
    rate, n = Fraction(44100, 512), 620_000
    last = Fraction(n - 1) / rate
    at = int(last * 1_000_000)  # the last whole microsecond before the last frame begins
    case = Case((Utterance("u", None, None, (("AA", 0, at + 1), ("B", at + 1, at + 5)), ()),), rate, 2)
    met = cells(case.tier, np.array([n]), rate)
    in_b = met.frame[met.label == 1]
    assert set(in_b.tolist()) == {n - 1}
    assert met.weight.sum() == (at + 5) * int(met.units_per_s / 1_000_000)


def test_a_corpus_of_many_utterances_is_each_of_them_alone() -> None:
    rng = np.random.default_rng(5)
    utterances = []
    for i in range(40):
        ends = np.cumsum(rng.integers(1, 90_000, 5)).tolist()
        names = rng.choice(["AA", "B", "SIL", "T"], 5).tolist()
        intervals = tuple(zip(names, [0, *ends[:-1]], ends, strict=True))
        utterances.append(Utterance(f"u{i}", None, None, intervals, tuple(rng.integers(0, 8, 15).tolist())))
    case = Case(tuple(utterances), Fraction(75), 8)
    for convention in CONVENTIONS:
        whole = counts_of(case, convention)
        for i in range(40):
            alone = counts_of(case.only([i]), convention)
            assert as_dict(whole, i) == as_dict(alone, 0)


def test_cells_say_how_many_they_are() -> None:
    case = Case((Utterance("u", None, None, (("AA", 0, 30_000), ("B", 30_000, 40_000)), (0, 1)),), Fraction(50), 2)
    met = lay(case, "duration")
    assert len(met) == 3
    assert met.bounds.tolist() == [0, 3]
    assert replace(case, utterances=()).stream.bounds.tolist() == bounds([]).tolist()
