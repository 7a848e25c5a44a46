"""Counts: integers that add, to the same bits in any order."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hac.data.tokens.token_store import Stream
from probes.clusters import Rows
from probes.joint_counts import counts as module
from probes.joint_counts.counts import JointCounts, canonical, count, join_streams
from probes.joint_counts.frame_labels import CONVENTIONS, cells, ticks_of
from tests import oracles
from tests.strategies import LABELS, Case, Utterance, bounds, cases


def counted(case: Case, convention: str = "duration", rows: Rows | None = None):
    n_frames = np.diff(case.stream.bounds)
    clock = ticks_of([case.frame_rate])
    met = cells(case.tier, n_frames, case.frame_rate, convention, clock=clock)
    return count(met, case.stream, rows or case.rows, case.labels)


def bits(counts: JointCounts) -> tuple:
    """All that a `JointCounts` says, to be compared with `==`; the order of a row's columns in memory says nothing."""
    matrix = counts.matrix.sorted_indices()
    arrays = (matrix.indptr, matrix.indices, matrix.data, counts.codes)
    kinds = (matrix.data.dtype, counts.codes.dtype)
    return counts.rows, counts.labels, counts.units_per_s, matrix.shape, kinds, *(tuple(a.tolist()) for a in arrays)


def shard(case: Case, picks: list[int]) -> JointCounts:
    rows = Rows(case.rows.rows, case.rows.of_utterance[picks])
    return counted(case.only(picks), rows=rows)


@given(data=st.data())
def test_shards_in_any_order_and_any_cut_give_the_same_bits(data: st.DataObject) -> None:
    case = data.draw(cases(max_utterances=6))
    order = data.draw(st.permutations(range(len(case.ids))))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(order)), max_size=3)))
    parts = [list(order[a:b]) for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    merged = canonical(reduce(add, (shard(case, part) for part in parts)))
    assert bits(merged) == bits(canonical(shard(case, list(range(len(case.ids))))))


@given(data=st.data())
def test_addition_is_commutative_and_associative(data: st.DataObject) -> None:
    a, b, c = (counted(data.draw(cases(frame_rate=Fraction(50)))) for _ in range(3))
    assert bits(a + b) == bits(b + a)
    assert bits((a + b) + c) == bits(a + (b + c))


@given(case=cases())
def test_nothing_is_the_zero_of_addition(case: Case) -> None:
    counts = counted(case)
    empty = counted(case.with_codes([()] * len(case.ids)))
    assert bits(canonical(counts + empty)) == bits(counts)


def test_counts_in_different_units_do_not_add() -> None:
    case = Case((Utterance("u", None, None, (("AA", 0, 100_000),), (0, 1)),), Fraction(50), 2)
    other = replace(counted(case), units_per_s=Fraction(50))
    with pytest.raises(ValueError, match="do not add"):
        counted(case) + other


@pytest.mark.parametrize("convention", CONVENTIONS)
@given(data=st.data())
def test_rows_hold_the_sums_of_their_utterances(convention: str, data: st.DataObject) -> None:
    """With rows and everything: the table is the sum of the slow loop's."""
    case = data.draw(cases())
    counts = counted(case, convention)
    unit = counts.units_per_s if convention == "duration" else Fraction(1)
    for r, row in enumerate(case.rows.rows):
        expected = oracles.add(
            oracles.joint(u.intervals, u.codes, case.frame_rate, convention)
            for u, at in zip(case.utterances, case.rows.of_utterance, strict=True)
            if at == r
        )
        table = counts.pooled(np.array([r]))
        found = {
            (label, int(code)): Fraction(int(table[i, j])) / unit
            for i, label in enumerate(counts.labels)
            for j, code in enumerate(counts.codes)
            if table[i, j]
        }
        assert found == expected, row


@given(case=cases())
def test_a_huge_codebook_is_counted_like_a_small_one(case: Case) -> None:
    """Codes that are renumbered before counting give the same bits as codes that are not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_SCRATCH", 0)
        renumbered = counted(case)
    assert bits(renumbered) == bits(counted(case))


def test_codes_of_a_codebook_beyond_memory_keep_their_values() -> None:
    case = Case((Utterance("u", None, None, (("AA", 0, 40_000),), (3, (1 << 30) + 1)),), Fraction(50), 1 << 31)
    assert counted(case).codes.tolist() == [3, (1 << 30) + 1]


@given(data=st.data())
def test_the_order_of_the_label_set_changes_nothing(data: st.DataObject) -> None:
    case = data.draw(cases())
    labels = tuple(data.draw(st.permutations(case.labels)))
    assert bits(counted(replace(case, labels=labels))) == bits(counted(case))


@given(case=cases())
def test_clusters_are_sums_of_rows(case: Case) -> None:
    counts = counted(case)
    n_rows = len(counts.rows)
    of_row = np.arange(n_rows) % 2
    clustered = counts.clustered(np.arange(n_rows), of_row, 2).toarray()
    for c in range(2):
        pooled = counts.pooled(np.flatnonzero(of_row == c))
        assert np.array_equal(clustered[c], pooled.T.ravel())


@given(data=st.data())
def test_joint_streams_are_pairs(data: st.DataObject) -> None:
    """Each pair of codes has a code of its own, and can be read back from it."""
    case = data.draw(cases())
    other = case.with_codes([data.draw(st.permutations(u.codes)) for u in case.utterances])
    first, second = case.stream, replace(other.stream, name="more")
    both = join_streams([first, second])
    assert both.name == "units+more"
    assert both.codebook_size == first.codebook_size * second.codebook_size
    left, right = np.divmod(both.codes, second.codebook_size)
    assert np.array_equal(left, first.codes)
    assert np.array_equal(right, second.codes)


def test_streams_that_differ_in_rate_cannot_be_joined() -> None:
    one = Stream("a", 4, Fraction(50), np.array([1, 2], np.int32), bounds([2]))
    with pytest.raises(ValueError, match="a and b differ"):
        join_streams([one, replace(one, name="b", frame_rate=Fraction(75))])
    with pytest.raises(ValueError, match="a and b differ"):
        join_streams([one, replace(one, name="b", bounds=bounds([1, 1]))])


def test_a_product_codebook_beyond_63_bits_is_refused() -> None:
    one = Stream("a", 1 << 31, Fraction(50), np.array([1, 2], np.int32), bounds([2]))
    with pytest.raises(ValueError, match="too large"):
        join_streams([one, one])


@given(case=cases())
def test_counts_are_never_negative_and_no_zero_is_stored(case: Case) -> None:
    counts = counted(case)
    assert (counts.matrix.data > 0).all()
    assert counts.table.sum() == counts.matrix.data.sum()


def test_sums_beyond_32_bits_stay_exact() -> None:
    """An hour of one code under one label on a fine clock: 3.6e12 ticks and more."""
    n = 3600 * 50
    stream = Stream("units", 2, Fraction(50), np.ones(n, np.int32), bounds([n]))
    case = Case((Utterance("u", None, None, (("AA", 0, 3_600_000_000),), ()),), Fraction(50), 2)
    clock = ticks_of([Fraction(50), Fraction(44100, 512)])
    met = cells(case.tier, np.array([n]), Fraction(50), clock=clock)
    counts = count(met, stream, case.rows, case.labels)
    assert counts.table.sum() == 3600 * clock


def test_much_speech_in_few_codes_is_counted_whole() -> None:
    """More cells than the table has places: the counts need no more room than the table."""
    rng = np.random.default_rng(0)
    utterances = []
    for i in range(40):
        ends = [0, *np.cumsum(rng.integers(5_000, 70_000, 60)).tolist()]
        intervals = tuple((LABELS[rng.integers(len(LABELS))], a, b) for a, b in pairwise(ends))
        codes = tuple(rng.integers(0, 2, ends[-1] // 20_000 + 1).tolist())
        utterances.append(Utterance(f"u{i}", "en", f"s{i % 3}", intervals, codes))
    case = Case(tuple(utterances), Fraction(50), 2)
    laid = cells(case.tier, case.stream.lengths, case.frame_rate)
    assert len(laid) > 2 * len(case.rows.rows) * 2 * len(LABELS)
    parts = [shard(case, [i]) for i in range(len(utterances))]
    assert bits(reduce(add, parts)) == bits(counted(case))
    assert counted(case).table.sum() == laid.weight.sum(dtype=np.int64)
