"""From the counts of term discovery to scores: of the corpus, of bootstrap draws, and without each cluster."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.registry import METRICS
from analysis.results.builder import joined, make_record, mean_sd, resampled_estimate
from analysis.results.schema import Record
from analysis.statistics import bootstrap
from analysis.statistics.bootstrap import Interval, corrected
from probes.clusters import Resampling
from probes.discovery.discovery_counts import SETS, SUMS, DiscoveryCounts

PROTOCOL = "tde"
"""Name of the one protocol of these records."""
FAMILIES: dict[str, tuple[str, str, str]] = {
    "token": ("token_hits", "segments", "words"),
    "type": ("type_hits", "types_seen", "types"),
    "boundary": ("edges_hit", "edges_found", "edges"),
}
"""Hits, found and gold of precision, recall and F1."""
COVERAGE, NED = "discovery_coverage", "discovery_ned"
SCORES = (
    *(f"discovery_{family}_{part}" for family in FAMILIES for part in ("precision", "recall", "f1")),
    COVERAGE,
    NED,
)

Table = Mapping[str, NDArray[np.float64]]
"""Counts by name, one for each of n corpora: float64 [n]."""


def ratio(metric: str, table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numerator and denominator of a score: float64 [n] each; the score is NaN where the denominator is 0."""
    if metric == COVERAGE:
        return table["covered"], table["phones"]
    if metric == NED:
        return table["distance"], table["pairs"]
    _, family, part = metric.split("_")
    hits, found, gold = (table[name] for name in FAMILIES[family])
    if part == "precision":
        return hits, found
    if part == "recall":
        return hits, gold
    # without the one or the other there is no harmonic mean
    return 2 * hits, np.where((found > 0) & (gold > 0), found + gold, 0)


def score(metric: str, table: Table) -> NDArray[np.float64]:
    """The score of each corpus: float64 [n], NaN where undefined."""
    numerator, denominator = ratio(metric, table)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def whole(counts: DiscoveryCounts) -> Table:
    """The corpus as it is: one entry a name."""
    return {name: counts.sums[name].sum(keepdims=True).astype(np.float64) for name in SUMS} | _sets(counts, slice(0, 1))


def without_each(counts: DiscoveryCounts) -> Table:
    """The corpus without each cluster in turn, for what does not add."""
    return _sets(counts, slice(1, None))


def _sets(counts: DiscoveryCounts, at: slice) -> dict[str, NDArray[np.float64]]:
    found = {name: counts.sets[name][at].astype(np.float64) for name in SETS}
    pairs = counts.ned.pairs[at].astype(np.float64)
    # an unknown sum over no pairs at all would look like a known one
    distance = np.full(len(pairs), np.nan) if counts.ned.distance is None else counts.ned.distance[at]
    return {**found, "pairs": pairs, "distance": distance}


def resampled(counts: DiscoveryCounts, weights: NDArray[np.float32]) -> Table:
    """Corpora drawn from clusters, for what adds: [n_draws] a name."""
    return {name: weights.astype(np.float64) @ counts.sums[name] for name in SUMS}


def adds(metric: str) -> bool:
    """Whether a score is a ratio of sums over utterances."""
    return metric != NED and not metric.startswith("discovery_type_")


def records(
    name: str,
    actual: DiscoveryCounts,
    nulls: Sequence[DiscoveryCounts],
    clusters: Resampling,
    weights: NDArray[np.float32],
    max_pairs: int,
) -> list[Record]:
    """Every score of one segmentation, with null and interval.

    Args:
        name: of the stream or segmentation.
        actual: its counts.
        nulls: counts of its null draws.
        clusters: what is resampled.
        weights: float32 [n_draws, n_clusters].
        max_pairs: what NED was allowed to compare.
    """
    everything = [actual, *nulls]
    tables = [whole(counts) for counts in everything]
    drawn = [resampled(counts, weights) for counts in everything]
    left = [without_each(counts) for counts in everything]
    made = []
    for metric in SCORES:
        varied = np.array([score(metric, table) for table in (drawn if adds(metric) else left)])
        values = np.array([score(metric, table)[0] for table in tables])
        n = int(ratio(metric, tables[0])[1][0])
        is_corrected = METRICS[metric].better == "higher"
        null_draws = varied[1:].mean(axis=0) if is_corrected and nulls else None
        interval = bootstrap.basic if adds(metric) else _jackknife
        estimate = resampled_estimate(float(values[0]), varied[0], clusters.n, values[1:], null_draws, interval)
        about = [f"clusters: {clusters.n} ({clusters.unit})"]
        if metric == NED:
            about += _pair_reasons(everything, max_pairs)
        chance = corrected(values[0], mean_sd(values[1:])[0])
        if is_corrected and math.isfinite(values[0]) and not math.isfinite(chance):
            about.append("no null-corrected value: chance alone scores as high as can be, or has no score")
        id = f"{name}.{metric}"
        made.append(make_record(id, name, metric, estimate, n=n, protocol=PROTOCOL, about=joined(about)))
    return made


def _jackknife(value: float, left_out: NDArray[np.float64], n_clusters: int) -> Interval:
    return bootstrap.jackknife(value, left_out)


def _pair_reasons(everything: Sequence[DiscoveryCounts], max_pairs: int) -> list[str]:
    refused = [counts.ned.distance is None for counts in everything]
    reasons = []
    if refused[0]:
        n = everything[0].ned.comparisons
        reasons.append(f"left out: {n:,} pairs of different transcriptions, more than --max-pairs {max_pairs:,}")
    if any(refused[1:]):
        reasons.append(f"null left out: more than --max-pairs {max_pairs:,} in {sum(refused[1:])} of its draws")
    return reasons
