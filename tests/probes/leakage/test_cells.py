"""Counting codes against labels, alone and given another stream: equal to the definitions; what its nulls keep."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.leakage import counting
from analysis.leakage.counting import conditional, measured, unconditional
from analysis.leakage.information import InformationOf
from analysis.leakage.layout import Layout, LeakageProtocol, layout
from analysis.leakage.scores import share_record
from hac.data.tiers import Tier
from hac.data.tokens.token_store import Stream
from probes.clusters import Clusters
from probes.leakage.cells import coded
from probes.leakage.factors import Factor, utterance_factor
from probes.nulls.run_permutation import permuted_runs
from tests.probes.leakage import oracles as oracle
from tests.strategies import bounds

RATE = Fraction(50)


@dataclass(frozen=True)
class Case:
    """Utterances of random labels and codes, as lists and as the product's types."""

    lengths: list[int]
    labels: list[int]
    codes: list[list[int]]
    sizes: list[int]
    clusters: list[int]

    @property
    def streams(self) -> list[Stream]:
        edges = bounds(self.lengths)
        pairs = enumerate(zip(self.codes, self.sizes, strict=True))
        return [Stream(f"s{i}", k, RATE, np.array(c, np.int32), edges) for i, (c, k) in pairs]

    @property
    def names(self) -> list[str | None]:
        return [None if label < 0 else "abcd"[label] for label in self.labels]

    @property
    def cluster_of_frame(self) -> list[int]:
        return [c for c, n in zip(self.clusters, self.lengths, strict=True) for _ in range(n)]

    def plan(self, **protocol: int) -> Layout:
        """One interval a frame, and who speaks."""
        ids = tuple(f"u{i}" for i in range(len(self.lengths)))
        onset = np.concatenate([np.arange(n) for n in self.lengths]).astype(np.int64) * 20_000
        labels = np.array(self.labels, np.int32)
        tier = Tier("x", ids, bounds(self.lengths), labels, onset, onset + 20_000, tuple("abcd"))
        speakers = [f"v{c}" for c in self.clusters]
        who = utterance_factor("speaker", ids, speakers)
        clusters = np.array(self.clusters, np.int64)
        asked = LeakageProtocol(**{"n_nulls": 2, "n_given_nulls": 2, **protocol})
        return layout(self.streams, [Factor("x", tier), who], (speakers, [None] * len(ids)), clusters, asked)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    lengths = draw(st.lists(st.integers(0, 30), min_size=1, max_size=6))
    n = sum(lengths)
    sizes = [draw(st.integers(1, 6)) for _ in range(2)]
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    run = draw(st.integers(1, 4))
    hold = lambda low, high: np.repeat(rng.integers(low, high, n), run)[:n].tolist()  # noqa: E731
    codes = [hold(0, size) for size in sizes]
    clusters = [i % 3 for i in range(len(lengths))]
    return Case(lengths, hold(draw(st.integers(-1, 0)), 4), codes, sizes, clusters)


@given(cases())
@settings(max_examples=60, deadline=None)
def test_what_is_told_is_as_defined(case: Case) -> None:
    plan = case.plan()
    if not plan.n_frames:
        return
    for table in (1 << 18, 0):  # by one table, and cell by cell
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(counting, "MOST_CELLS", table)
            for stream, one in zip(case.codes, unconditional(plan, 0), strict=True):
                mutual, left = oracle.told(case.names, stream, [0] * len(stream))
                assert one.actual.mutual == pytest.approx(mutual, abs=1e-9)
                assert one.actual.left == pytest.approx(left, abs=1e-9)
                assert one.actual.n == sum(name is not None for name in case.names)
                hold_without_each(one, case, case.names, stream, [0] * len(stream))
    parts = {b: conditional(plan, b, (0, 1)) for b in (0, 1)}
    for (a, b, f), one in measured(parts, plan.factors).items():
        speakers: list[str | None] = [f"v{c}" for c in case.cluster_of_frame]
        names = case.names if f == 0 else speakers
        mutual, left = oracle.told(names, case.codes[a], case.codes[b])
        assert one.actual.mutual == pytest.approx(mutual, abs=1e-9)
        assert one.actual.left == pytest.approx(left, abs=1e-9)
        hold_without_each(one, case, names, case.codes[a], case.codes[b])


def hold_without_each(
    one: InformationOf, case: Case, names: list[str | None], codes: list[int], given: list[int]
) -> None:
    """What was counted without each cluster is what the other frames say, counted anew."""
    for cluster, mutual, left in zip(range(3), one.actual.mutual_without, one.actual.left_without, strict=False):
        kept = [i for i, c in enumerate(case.cluster_of_frame) if c != cluster]
        if not any(names[i] is not None for i in kept):
            assert math.isnan(mutual) and math.isnan(left)
            continue
        expected = oracle.told(*([values[i] for i in kept] for values in (names, codes, given)))
        assert (mutual, left) == (pytest.approx(expected[0], abs=1e-9), pytest.approx(expected[1], abs=1e-9))


def fixed_case(seed: int = 0, n: int = 40) -> Case:
    rng = np.random.default_rng(seed)
    lengths = [int(x) for x in rng.integers(20, 60, n)]
    total = sum(lengths)
    codes = [np.repeat(rng.integers(0, 5, total), 3)[:total].tolist(), rng.integers(0, 4, total).tolist()]
    labels = np.where(rng.random(total) < 0.5, codes[0], rng.integers(-1, 4, total)) % 4
    return Case(lengths, labels.tolist(), codes, [5, 4], [i % 8 for i in range(n)])


@pytest.mark.parametrize("table", [1 << 18, 0])
def test_both_ways_of_counting_give_the_same_bits(table: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = fixed_case().plan(n_nulls=6)
    expected = [unconditional(plan, f) for f in (0, 1)]
    monkeypatch.setattr(counting, "MOST_CELLS", table)
    for f in (0, 1):
        for one, other in zip(expected[f], unconditional(plan, f), strict=True):
            for a, b in zip((one.actual, *one.chance), (other.actual, *other.chance), strict=True):
                assert (a.mutual, a.left, a.n) == (b.mutual, b.left, b.n)
                np.testing.assert_allclose(a.mutual_without, b.mutual_without, atol=1e-12)


def test_the_interval_is_the_jackknife_of_the_corrected_share() -> None:
    """Oracle: every share counted again without the speaker, chance taken off by the draws without the speaker too."""
    case = fixed_case()
    plan = case.plan(n_nulls=2)
    one = unconditional(plan, 0)[0]
    record = share_record("s0", "leakage", ("x",), one, Clusters("speaker", np.arange(8), 8))
    draws = [case.codes[0], *(plan.shifted(np.array(case.codes[0]), draw).tolist() for draw in (1, 2))]
    left_out = []
    for cluster in range(8):
        kept = [i for i, c in enumerate(case.cluster_of_frame) if c != cluster]
        names = [case.names[i] for i in kept]
        told = [oracle.told(names, [codes[i] for i in kept], [0] * len(kept)) for codes in draws]
        value, *nulls = (mutual / left for mutual, left in told)
        left_out.append((value - np.mean(nulls)) / (1 - np.mean(nulls)))
    error = math.sqrt(7 / 8 * float(((np.array(left_out) - np.mean(left_out)) ** 2).sum()))
    student = 2.364624251  # 97.5 % of Student's t with 7 degrees of freedom
    assert record.half_width == pytest.approx(student * error, rel=1e-8)


def test_permuted_runs_keep_runs_and_how_streams_go_together() -> None:
    case = fixed_case(1)
    stream, other = case.streams
    plain = [coded(one) for one in case.streams]
    starts = np.union1d(stream.run_starts(), other.run_starts())
    lengths = np.diff(starts, append=len(stream.codes))
    draws = [permuted_runs(*plain, draw, 0) for draw in (1, 2)]
    assert (draws[0] != draws[1]).any() and (draws[0] == permuted_runs(*plain, 1, 0)).all()
    for permuted in draws:
        assert (permuted == np.repeat(permuted[starts], lengths)).all()
        pairs = lambda codes: Counter(zip(other.codes[starts], codes[starts], strict=True))  # noqa: E731
        assert pairs(permuted) == pairs(plain[0].codes)
    # as much by chance as runs that are sorted by given code and by chance
    names = case.names
    drawn = ((permuted_runs(*plain, r, 0), oracle.permuted_runs(stream, other, r)) for r in range(1, 21))
    told = [[oracle.told(names, codes.tolist(), case.codes[1])[0] for codes in pair] for pair in drawn]
    ours, theirs = zip(*told, strict=True)
    spread = np.hypot(np.std(ours), np.std(theirs)) / np.sqrt(20)
    assert abs(np.mean(ours) - np.mean(theirs)) < 4 * spread


def test_a_stream_that_repeats_another_one_adds_exactly_nothing() -> None:
    case = fixed_case(2)
    rng = np.random.default_rng(0)
    renamed = rng.permutation(5)[case.codes[0]].tolist()
    twice = Case(case.lengths, case.labels, [case.codes[0], renamed], [5, 5], case.clusters)
    plan = twice.plan()
    parts = {b: conditional(plan, b, (0, 1)) for b in (0, 1)}
    for one in measured(parts, plan.factors).values():
        assert one.actual.mutual == 0 and np.abs(one.actual.mutual_without).max() < 1e-12
        assert [[null.mutual for null in draws] for draws in one.nulls.values()] == [[0, 0], [0, 0]]


def test_a_huge_codebook_is_counted_like_a_small_one() -> None:
    case = fixed_case(3)
    far = [c * 1_000_003 + 5 for c in case.codes[0]]
    wide = Case(case.lengths, case.labels, [far, case.codes[1]], [1 << 30, 4], case.clusters)
    assert unconditional(wide.plan(), 0)[0].actual.mutual == unconditional(case.plan(), 0)[0].actual.mutual
