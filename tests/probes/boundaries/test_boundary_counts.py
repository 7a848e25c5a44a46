"""Change points against boundaries: every rule equals the slow loop, exactly, at every rate."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from hac.errors import HacError
from probes.boundaries.boundary_counts import (
    EDGES,
    RULES,
    BoundaryCounts,
    Edges,
    Rule,
    check_edges,
    check_rules,
    count_boundaries,
    reference_boundaries,
)
from probes.clusters import Row, Rows
from tests.probes.boundaries import oracles as slow
from tests.strategies import RATES, Case, Utterance, cases

TOLERANCES_MS = (0, 5, 10, 20, 50)


def counted(
    case: Case,
    edges: Edges = "out",
    rules: tuple[Rule, ...] = RULES,
    tolerances_ms: tuple[int, ...] = TOLERANCES_MS,
    silence: str | None = None,
) -> BoundaryCounts:
    """Counts with a row for each utterance."""
    rows = Rows(tuple(Row("", f"{i:03d}", 0) for i in range(len(case.ids))), np.arange(len(case.ids)))
    references = reference_boundaries(case.tier, edges, silence)
    tolerances_us = [ms * 1000 for ms in tolerances_ms]
    return count_boundaries(case.stream, references, rows, rules, tolerances_us)


def marked(ref_ms: list[int], est_ms: list[int], end_ms: int = 3000) -> Case:
    """One utterance with boundaries and changes at these times, at 1000 Hz."""
    ends = [*ref_ms, end_ms]
    intervals = tuple(("AA", a * 1000, b * 1000) for a, b in zip([0, *ref_ms], ends, strict=True))
    codes = np.zeros(end_ms, int)
    for t in est_ms:
        codes[t:] += 1
    return Case((Utterance("u", None, None, intervals, tuple(codes.tolist())),), Fraction(1000), len(est_ms) + 1)


@pytest.mark.parametrize("edges", EDGES)
@pytest.mark.parametrize("rate", [*RATES, Fraction(1000)], ids=str)
@given(data=st.data())
def test_equals_the_slow_loop_exactly(rate: Fraction, edges: Edges, data: st.DataObject) -> None:
    case = data.draw(cases(frame_rate=rate, codebook_sizes=(1, 2, 8)))
    silence = data.draw(st.sampled_from([None, "SIL"]))
    counts = counted(case, edges, silence=silence)
    for u, utterance in enumerate(case.utterances):
        ref = slow.references(utterance.intervals, edges, silence)
        est = slow.estimates(utterance.codes, rate, edges)
        assert counts.references[u] == len(ref)
        assert counts.estimates[u] == len(est)
        for i, rule in enumerate(RULES):
            expected = [slow.RULES[rule](ref, est, Fraction(ms, 1000)) for ms in TOLERANCES_MS]
            assert counts.hits[u, i].tolist() == expected, rule


@pytest.mark.parametrize(("rule", "f1"), [("maximum", 1.0), ("greedy", 1.0), ("nearest", 0.5), ("midpoint", 0.5)])
def test_the_worked_example(rule: Rule, f1: float) -> None:
    """Reference 1.00, 1.04 s; estimate 1.03, 1.08 s; +/- 50 ms."""
    counts = counted(marked([1000, 1040], [1030, 1080]), rules=(rule,), tolerances_ms=(50,))
    assert counts.references.tolist() == counts.estimates.tolist() == [2]
    assert 2 * counts.hits[0, 0, 0] / (2 + 2) == f1


def times() -> st.SearchStrategy[list[int]]:
    """Distinct times in ms, dense and sparse, with and without a grid."""
    dense = st.sets(st.integers(1, 200), max_size=40)
    gridded = st.sets(st.integers(1, 100).map(lambda t: t * 20), max_size=60)
    return (dense | gridded | st.sets(st.integers(1, 2900), max_size=60)).map(sorted)


@given(ref=times(), est=times())
def test_maximum_is_a_librarys_bipartite_matching(ref: list[int], est: list[int]) -> None:
    counts = counted(marked(ref, est), rules=("maximum",))
    for t, ms in enumerate(TOLERANCES_MS):
        near = np.abs(np.subtract.outer(np.array(ref, int), np.array(est, int))) <= ms
        library = maximum_bipartite_matching(csr_matrix(near), "column") if near.size else np.array([-1])
        assert counts.hits[0, 0, t] == (library >= 0).sum()


@given(ref=times(), est=times())
def test_laws_of_the_rules(ref: list[int], est: list[int]) -> None:
    """No rule finds more pairs than there can be; a wider tolerance never finds fewer; nobody beats `maximum`."""
    hits = counted(marked(ref, est)).hits[0]
    assert (hits <= min(len(ref), len(est))).all()
    assert (np.diff(hits, axis=1) >= 0).all()
    assert (hits <= hits[RULES.index("maximum")]).all()
    assert np.array_equal(hits[RULES.index("greedy")], hits[RULES.index("maximum")])


@pytest.mark.parametrize("edges", EDGES)
@given(ref=times())
def test_identity_finds_everything(edges: Edges, ref: list[int]) -> None:
    counts = counted(marked(ref, ref), edges)
    assert counts.references[0] == counts.estimates[0] == len(ref) + (2 if edges == "in" else 0)
    assert (counts.hits == counts.references[0]).all()


def test_constant_tokens_find_nothing() -> None:
    counts = counted(marked([100, 200, 300], []))
    assert counts.estimates.tolist() == [0]
    assert not counts.hits.any()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("rate", [Fraction(50), Fraction(44100, 512), Fraction(22050, 1024)], ids=str)
def test_a_tolerance_is_inclusive_to_the_microsecond(rule: Rule, rate: Fraction) -> None:
    """A change at frame 40; the reference 20 ms before it, or the next microsecond away."""
    edge = 40 / rate * 1_000_000
    last = -((20_000 - edge) // 1)  # the earliest whole microsecond within 20 ms
    for at, expected in ((int(last), 1), (int(last) - 1, 0)):
        intervals = (("AA", 0, at), ("B", at, 5_000_000))
        codes = (0,) * 40 + (1,) * 10
        case = Case((Utterance("u", None, None, intervals, codes),), rate, 2)
        assert counted(case, rules=(rule,), tolerances_ms=(20,)).hits.ravel().tolist() == [expected]


def test_the_midpoint_is_the_earlier_references() -> None:
    both = counted(marked([100, 140], [120, 140]), rules=("midpoint",), tolerances_ms=(20,))
    assert both.hits.ravel().tolist() == [2]
    one = counted(marked([100, 140], [121]), rules=("midpoint",), tolerances_ms=(20, 30))
    assert one.hits.ravel().tolist() == [1, 1]


def test_ties_go_to_the_earlier_reference() -> None:
    """1020 lies between 1000 and 1040; taken by 1000, it leaves 1060 to 1040."""
    counts = counted(marked([1000, 1040], [1020, 1060]), rules=("nearest",), tolerances_ms=(20,))
    assert counts.hits.ravel().tolist() == [2]


def test_long_chains_of_ever_closer_neighbours() -> None:
    """Each is closer to its right neighbour than to its left one: the last pair matches first."""
    gaps = range(60, 20, -1)
    marks = np.cumsum([1000, *gaps]).tolist()
    ref, est = marks[::2], marks[1::2]
    counts = counted(marked(ref, est, 5000), rules=("nearest",), tolerances_ms=(60,))
    seconds = [[Fraction(t, 1000) for t in side] for side in (ref, est)]
    assert counts.hits[0, 0, 0] == slow.nearest(seconds[0], seconds[1], Fraction(60, 1000))


def test_the_order_of_rules_and_tolerances_is_the_callers() -> None:
    case = marked([100, 300, 340], [110, 320, 370])
    first = counted(case, tolerances_ms=(10, 20, 50)).hits
    turned = counted(case, rules=RULES[::-1], tolerances_ms=(50, 10, 20)).hits
    assert np.array_equal(turned, first[:, ::-1][:, :, [2, 0, 1]])


def test_utterances_of_a_row_add(world_case: Case) -> None:
    everything = Rows((Row("", "", 0),), np.zeros(len(world_case.ids), np.int64))
    references = reference_boundaries(world_case.tier)
    whole = count_boundaries(world_case.stream, references, everything, RULES, [20_000])
    parts = counted(world_case, tolerances_ms=(20,))
    assert np.array_equal(whole.hits[0], parts.hits.sum(axis=0))
    assert whole.estimates[0] == parts.estimates.sum()
    assert whole.references[0] == parts.references.sum()
    double = whole + whole
    assert np.array_equal(double.hits, 2 * whole.hits)
    assert double.references[0] == 2 * whole.references[0]


@pytest.fixture
def world_case() -> Case:
    rng = np.random.default_rng(3)
    utterances = []
    for i in range(20):
        ends = np.cumsum(rng.integers(1, 90_000, 12)).tolist()
        intervals = tuple(zip(["AA", "B"] * 6, [0, *ends[:-1]], ends, strict=True))
        utterances.append(Utterance(f"u{i}", None, None, intervals, tuple(rng.integers(0, 3, 30).tolist())))
    return Case(tuple(utterances), Fraction(44100, 512), 3)


def test_onsets_and_offsets_of_words_count_once_where_they_coincide() -> None:
    words = (("T", 50_000, 90_000), ("AA", 90_000, 200_000), ("B", 260_000, 300_000))
    tier = Case((Utterance("u", None, None, words, ()), Utterance("v", None, None, (), ())), Fraction(50), 1).tier
    found = {edges: reference_boundaries(tier, edges) for edges in EDGES}
    assert found["in"].time_us.tolist() == [50_000, 90_000, 200_000, 260_000, 300_000]
    assert found["out"].time_us.tolist() == [90_000, 200_000, 260_000]
    assert found["out"].bounds.tolist() == [0, 3, 3]


def test_overlapping_intervals_are_an_error() -> None:
    intervals = (("AA", 0, 50_000), ("B", 40_000, 90_000))
    tier = Case((Utterance("u", None, None, intervals, ()),), Fraction(50), 1).tier
    with pytest.raises(ValueError, match="overlap"):
        reference_boundaries(tier)


def test_hours_of_one_utterance_stay_exact() -> None:
    """Two hours at 44100/512 Hz: the last change lies where it should, not 72 s later as rounded rates have it."""
    rate, n = Fraction(44100, 512), 620_000
    at = round((n - 1) / rate * 1_000_000)
    intervals = (("AA", 0, at), ("B", at, at + 20_000))
    case = Case((Utterance("u", None, None, intervals, (0,) * (n - 1) + (1,)),), rate, 2)
    for us, expected in ((0, False), (1, True)):
        references = reference_boundaries(case.tier)
        rows = Rows((Row("", "", 0),), np.zeros(1, np.int64))
        counts = count_boundaries(case.stream, references, rows, RULES, [us])
        assert counts.hits.all() == expected


def test_codes_of_a_joint_stream_may_be_64_bits_wide() -> None:
    case = marked([100], [100])
    wide = replace(case.stream, codes=case.stream.codes.astype(np.int64) * 2**40)
    everything = Rows((Row("", "", 0),), np.zeros(1, np.int64))
    counts = count_boundaries(wide, reference_boundaries(case.tier), everything, RULES, [0])
    assert counts.estimates[0] == counts.references[0] == 1
    assert counts.hits.all()


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(HacError, match=r"'best'.*greedy, nearest, maximum, midpoint"):
        check_rules(["greedy", "best"])
    with pytest.raises(HacError, match=r"'both'.*out, in"):
        check_edges("both")
    assert check_rules(["midpoint", "greedy", "midpoint"]) == ("midpoint", "greedy")
