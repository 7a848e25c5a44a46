"""Corpus values: summed and divided once, undefined ones left out and counted, intervals over clusters."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.metrics import registry
from analysis.metrics.metric import Metric
from analysis.results import ratios
from analysis.results.ratios import Ratios, Sample, samples_of
from analysis.statistics.jackknife import jackknife

SAID = {"better": "higher", "has_null": True, "undefined": "there is nothing", "definition": "made up"}
SHARE = Metric(name="test_share", title="share", unit="share", low=0, high=1, **SAID)
OPEN = Metric(name="test_open", title="open", unit="dB", **SAID)


@pytest.fixture(autouse=True)
def _records(monkeypatch: pytest.MonkeyPatch) -> None:
    for record in (SHARE, OPEN):
        monkeypatch.setitem(registry.METRICS, record.name, record)


def world(n: int, n_speakers: int = 3) -> list[Sample]:
    ids = [f"utt-{i}" for i in range(n)]
    return samples_of(ids, ["en"] * n, [f"speaker-{i % n_speakers}" for i in range(n)])


def slow_without_each(value: Ratios, sample: Sample) -> list[float]:
    """The utterances of the other clusters as a list, summed and divided, for each cluster."""
    found = []
    for left_out in range(sample.clusters.n):
        above, below = [], []
        for pick, cluster in zip(sample.picks, sample.clusters.of_row, strict=True):
            defined = math.isfinite(value.numerators[pick]) and math.isfinite(value.denominators[pick])
            if cluster != left_out and defined:
                above.append(value.numerators[pick])
                below.append(value.denominators[pick])
        found.append(math.fsum(above) / math.fsum(below) if math.fsum(below) else math.nan)
    return found


PARTS = st.lists(st.tuples(st.one_of(st.just(math.nan), st.floats(-9, 9)), st.integers(0, 5)), min_size=1, max_size=12)


@given(parts=PARTS, speakers=st.integers(1, 12))
def test_values_and_those_without_each_cluster_equal_slow_sums(parts: list[tuple[float, int]], speakers: int) -> None:
    value = ratios.ratios([a for a, _ in parts], [b for _, b in parts])
    sample = world(len(parts), speakers)[0]
    defined = [(a, b) for a, b in parts if math.isfinite(a)]
    below = math.fsum(b for _, b in defined)
    expected = math.fsum(a for a, _ in defined) / below if below else math.nan
    assert value.value() == pytest.approx(expected, nan_ok=True)
    expected = np.array(slow_without_each(value, sample))
    assert sample.without_each(value) == pytest.approx(expected, nan_ok=True, abs=1e-9)


@given(parts=PARTS)
def test_order_does_not_matter(parts: list[tuple[float, int]]) -> None:
    one = ratios.ratios([a for a, _ in parts], [b for _, b in parts])
    other = ratios.ratios([a for a, _ in parts[::-1]], [b for _, b in parts[::-1]])
    assert one.value() == other.value() or math.isnan(one.value())


def test_three_speakers_are_clusters_and_two_are_not() -> None:
    assert world(40, 3)[0].clusters.unit == "speaker"
    assert world(40, 3)[0].clusters.n == 3
    assert world(40, 2)[0].clusters.unit == "utterance"
    assert "of these two speakers alone" in world(40, 2)[0].clusters.note


def test_the_parts_are_the_corpus_its_language_and_its_speakers() -> None:
    samples = world(9, 3)
    assert [sample.names for sample in samples] == [
        ("", "language=en"),
        ("speaker=speaker-0",),
        ("speaker=speaker-1",),
        ("speaker=speaker-2",),
    ]
    assert [sample.picks.tolist() for sample in samples[1:]] == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]


def test_what_is_undefined_is_left_out_counted_and_named() -> None:
    value = ratios.means([0.5, math.nan, 0.7, math.nan], ["", "too-short", "", ""])
    sample = world(4, 2)[0]
    record = ratios.records("all.test_share", "all", "test_share", "p", value, sample)[0]
    assert record.value == pytest.approx(0.6)
    assert record.n == 2
    assert "left out: 1 x too-short, 1 x unknown" in record.note
    assert "clusters: 4 (utterance)" in record.note


def test_nothing_defined_is_nan_with_a_reason() -> None:
    value = ratios.means([math.nan] * 3, ["silent"] * 3)
    record = ratios.records("all.test_share", "all", "test_share", "p", value, world(3)[0])[0]
    assert math.isnan(record.value)
    assert "undefined: in every utterance" in record.note
    assert "3 x silent" in record.note


def test_only_scores_that_are_perfect_at_one_are_corrected() -> None:
    value, null = ratios.means([0.6, 0.8, 0.7]), ratios.means([0.1, 0.3, math.nan])
    sample = world(3)[0]
    share, whole = ratios.records("all.test_share", "all", "test_share", "p", value, sample, [null, null])
    assert share.null_mean == pytest.approx(0.2)
    assert share.null_sd == pytest.approx(0)
    assert share.is_corrected
    assert share.estimate == pytest.approx((0.7 - 0.2) / 0.8)
    assert whole.group == "language=en"
    (bare,) = {record.estimate for record in ratios.records("a", "a", "test_open", "p", value, sample, [null])}
    assert bare == pytest.approx(0.7)


def test_value_and_null_are_left_out_together() -> None:
    """A null that is always half of the way to 1 leaves exactly that half, without each cluster too."""
    values = np.linspace(0.2, 0.8, 12)
    value, null = ratios.means(values), ratios.means(1 - 2 * (1 - values))
    record = ratios.records("a", "a", "test_share", "p", value, world(12)[0], [null])[0]
    assert record.estimate == pytest.approx(0.5)
    assert record.left_out is not None and record.left_out.values == pytest.approx(np.full(3, 0.5))
    assert math.isnan(record.half_width) and "the same number without each cluster" in record.note


def test_the_interval_is_the_jackknife_of_the_ratio() -> None:
    rng = np.random.default_rng(0)
    value = ratios.ratios(rng.uniform(0, 1, 30), rng.uniform(1, 2, 30))
    sample = world(30)[0]
    expected = jackknife(value.value(), np.array(slow_without_each(value, sample)))
    found = sample.interval(value)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_a_root_is_taken_once_at_the_end() -> None:
    value = ratios.ratios([9.0, 16.0], [1, 1], root=True)
    assert value.value() == pytest.approx(math.sqrt(12.5))


def test_a_difference_is_paired() -> None:
    rng = np.random.default_rng(1)
    base = rng.normal(0, 10, 40)
    one, other = ratios.means(base + 1), ratios.means(base)
    found = ratios.difference(one, other, world(40)[0])
    assert found.value == pytest.approx(1)
    assert "the same number without each cluster" in found.interval.reason, "the difference is the same in each"
    holes = replace(other, numerators=np.where(np.arange(40) < 10, np.nan, base))
    assert ratios.difference(one, holes, world(40)[0]).n == 30
    assert ratios.difference(one, holes, world(40)[0]).value == pytest.approx(1)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 numerators"):
        ratios.ratios([1, 2], [1])
