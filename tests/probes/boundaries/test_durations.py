"""Durations of runs, phones and words: exact counts that add."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.boundaries import durations
from probes.boundaries.durations import DurationCounts, label_durations, run_durations
from probes.clusters import Row, Rows
from tests.strategies import Case, Utterance, cases


def rows_of(case: Case) -> Rows:
    return Rows(tuple(Row("", f"{i:03d}", 0) for i in range(len(case.ids))), np.arange(len(case.ids)))


def as_counter(counts: DurationCounts) -> Counter[tuple[int, int]]:
    row, value, _, count = (x.tolist() for x in counts.counts.columns())
    return Counter({(r, v): n for r, v, n in zip(row, value, count, strict=True)})


@given(data=st.data())
def test_runs_are_those_of_groupby(data: st.DataObject) -> None:
    case = data.draw(cases(codebook_sizes=(1, 2, 8)))
    counts = run_durations(case.stream, rows_of(case))
    expected = Counter((u, len(list(run))) for u, x in enumerate(case.utterances) for _, run in groupby(x.codes))
    assert as_counter(counts) == expected
    assert counts.time.tolist() == [len(u.codes) for u in case.utterances]
    assert counts.unit_s == 1 / case.frame_rate


def test_durations_too_many_for_a_table_count_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    utterances = tuple(Utterance(f"u{i}", None, None, (), (0,) * i + (1,) * 3 + (0, 2, 2)) for i in range(5))
    case = Case(utterances, Fraction(50), 3)
    table = run_durations(case.stream, rows_of(case))
    monkeypatch.setattr(durations, "MAX_TABLE", 0)
    sorted_out = run_durations(case.stream, rows_of(case))
    for a, b in zip(table.counts.columns(), sorted_out.counts.columns(), strict=True):
        assert np.array_equal(a, b)


@given(data=st.data())
def test_labels_are_all_but_silence(data: st.DataObject) -> None:
    case = data.draw(cases())
    ends = np.array([u.intervals[-1][2] if u.intervals else 0 for u in case.utterances], np.int64)
    counts = label_durations(case.tier, ends, rows_of(case), "SIL")
    expected = Counter((u, b - a) for u, x in enumerate(case.utterances) for p, a, b in x.intervals if p != "SIL")
    assert as_counter(counts) == expected
    assert counts.time.tolist() == ends.tolist()


@given(data=st.data())
def test_histogram_holds_every_run_in_its_bin(data: st.DataObject) -> None:
    case = data.draw(cases())
    histogram = run_durations(case.stream, rows_of(case)).histogram()
    expected = [0] * 101
    for utterance in case.utterances:
        for _, run in groupby(utterance.codes):
            expected[min(int(len(list(run)) / case.frame_rate * 100), 100)] += 1
    assert histogram.tolist() == expected


def test_the_last_bin_holds_what_is_longer() -> None:
    case = Case((Utterance("u", None, None, (), (0,) * 49 + (1,) * 50 + (0,) * 70),), Fraction(50), 2)
    histogram = run_durations(case.stream, rows_of(case)).histogram()
    assert np.flatnonzero(histogram).tolist() == [98, 100]
    assert histogram[100] == 2


def test_counts_add_and_part_by_row() -> None:
    utterances = tuple(Utterance(f"u{i}", None, None, (), codes) for i, codes in enumerate([(0, 0, 1), (1,), (0, 1)]))
    case = Case(utterances, Fraction(50), 2)
    counts = run_durations(case.stream, rows_of(case))
    double = counts + counts
    assert as_counter(double) == Counter({key: 2 * n for key, n in as_counter(counts).items()})
    assert double.time.tolist() == [6, 2, 4]
    some = counts.of_rows(np.array([2, 0]))
    assert as_counter(some) == Counter({(0, 1): 2, (1, 1): 1, (1, 2): 1})
    assert some.time.tolist() == [2, 3]
    values, n = counts.pooled()
    assert values.tolist() == [1, 2]
    assert n.tolist() == [4, 1]
