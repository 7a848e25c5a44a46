"""What is said of intervals, whatever the command."""

from __future__ import annotations

import math

import pytest

from analysis.results.builder import within_range
from analysis.statistics.bootstrap import Interval, no_interval


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(-0.1, 0.5, (0, 0.5)), (-3, -1, (0, 0)), (0.5, 1.5, (0.5, 1)), (1.5, 2, (1, 1)), (0.2, 0.4, (0.2, 0.4))],
)
def test_an_interval_is_cut_to_the_range_and_never_turned_round(low, high, expected):
    cut = within_range("pnmi", Interval(low, high, "cluster-bootstrap-basic"))
    assert (cut.low, cut.high) == expected


def test_counts_have_no_upper_end_and_what_is_undefined_stays_so():
    assert within_range("detected_words", Interval(-2, 30, "x")).high == 30
    assert math.isnan(within_range("pnmi", no_interval("why")).low)
