import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hac.align.boundary_errors import TOLERANCES_MS, score_alignments, score_boundaries, score_tiers
from hac.data.alignments.alignment import Alignments, tier_from_rows

times = st.lists(st.integers(0, 400_000), max_size=12, unique=True).map(sorted)


def test_the_rule_is_greedy_nearest():
    # FACTS of the field: the same example scores 1.0 under a maximum matching
    score = score_boundaries([1_000_000, 1_040_000], [1_030_000, 1_080_000])
    assert score.f1(50) == 0.5
    assert score.n_matched == (1, 1, 1, 1, 1)
    assert score.mean_error_ms == -10.0


def slow_matches(reference, found, tolerance_us):
    """Closest pair first, by looking at all pairs again and again."""
    reference, found, matches = list(reference), list(found), []
    while True:
        pairs = [(abs(b - a), i, j) for (i, a), (j, b) in itertools.product(enumerate(reference), enumerate(found))]
        pairs = [pair for pair in pairs if pair[0] <= tolerance_us]
        if not pairs:
            return matches
        _, i, j = min(pairs)
        matches.append(found.pop(j) - reference.pop(i))


@given(times, times)
def test_equals_a_slow_loop_at_every_tolerance(reference, found):
    score = score_boundaries(reference, found)
    for index, tolerance in enumerate(TOLERANCES_MS):
        assert score.n_matched[index] == len(slow_matches(reference, found, 1000 * tolerance))
    errors = slow_matches(reference, found, 1000 * TOLERANCES_MS[-1])
    assert score.error_us == sum(errors)
    assert score.abs_error_us == sum(map(abs, errors))


@given(times)
def test_identity_scores_one(reference):
    score = score_boundaries(reference, reference)
    assert score.n_matched == (len(reference),) * len(TOLERANCES_MS)
    assert score.error_us == 0


@given(times, times, times, times)
def test_scores_add(a, b, c, d):
    total = score_boundaries(a, b) + score_boundaries(c, d)
    assert total == score_boundaries(c, d) + score_boundaries(a, b)
    assert total.n_reference == len(a) + len(c)


def test_nothing_is_not_zero():
    score = score_boundaries([], [])
    assert np.isnan(score.f1(20))
    assert score.as_json()["f1_20ms"] is None
    assert score_boundaries([1], []).recall(20) == 0.0


def test_a_late_tier_shows_its_lag_and_edges_do_not_count():
    rows = [("u", "a", 0, 100_000), ("u", "b", 100_000, 250_000), ("u", "a", 250_000, 400_000)]
    late = [("u", "x", 0, 115_000), ("u", "y", 115_000, 265_000), ("u", "x", 265_000, 400_000)]
    reference, found = tier_from_rows("phones", rows), tier_from_rows("phones", late)
    score = score_tiers(reference, found)
    assert (score.n_reference, score.n_found) == (2, 2)
    assert score.mean_error_ms == 15.0
    assert (score.f1(10), score.f1(20)) == (0.0, 1.0)
    both = score_alignments(Alignments({"phones": reference}), Alignments({"phones": found, "words": found}))
    assert set(both) == {"phones"}


def test_utterances_that_one_side_lacks_are_left_out():
    reference = tier_from_rows("phones", [("u", "a", 0, 10), ("u", "b", 10, 20), ("v", "a", 0, 5), ("v", "b", 5, 9)])
    found = tier_from_rows("phones", [("v", "a", 0, 5), ("v", "b", 5, 9)])
    assert score_tiers(reference, found).n_reference == 1


@pytest.mark.parametrize("tolerance", [15, 60])
def test_only_listed_tolerances_are_counted(tolerance):
    with pytest.raises(ValueError, match="not in"):
        score_boundaries([1], [1]).f1(tolerance)
