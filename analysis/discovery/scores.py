"""From the counts of term discovery to scores: of the corpus and without each cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.results.builder import jackknifed, joined, make_record
from analysis.results.schema import Record
from analysis.statistics import jackknife
from probes.clusters import Clusters
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
    """The corpus without each cluster in turn."""
    return {name: jackknife.without_each(counts.sums[name]).astype(np.float64) for name in SUMS} | _sets(
        counts, slice(1, None)
    )


def _sets(counts: DiscoveryCounts, at: slice) -> dict[str, NDArray[np.float64]]:
    found = {name: counts.sets[name][at].astype(np.float64) for name in SETS}
    pairs = counts.ned.pairs[at].astype(np.float64)
    # an unknown sum over no pairs at all would look like a known one
    distance = np.full(len(pairs), np.nan) if counts.ned.distance is None else counts.ned.distance[at]
    return {**found, "pairs": pairs, "distance": distance}


def records(
    name: str,
    actual: DiscoveryCounts,
    nulls: Sequence[DiscoveryCounts],
    clusters: Clusters,
    max_pairs: int,
) -> list[Record]:
    """Every score of one segmentation, with null and interval.

    Args:
        name: of the stream or segmentation.
        actual: its counts.
        nulls: counts of its null draws.
        clusters: what is left out in turn.
        max_pairs: what NED was allowed to compare.
    """
    everything = [actual, *nulls]
    tables = [whole(counts) for counts in everything]
    left = [without_each(counts) for counts in everything]
    made = []
    for metric in SCORES:
        left_out = np.array([score(metric, table) for table in left])
        values = np.array([score(metric, table)[0] for table in tables])
        n = int(ratio(metric, tables[0])[1][0])
        estimate = jackknifed(metric, float(values[0]), left_out[0], values[1:], left_out[1:])
        about = [clusters.counted]
        if metric == NED:
            about += _pair_reasons(everything, max_pairs)
        id = f"{name}.{metric}"
        made.append(make_record(id, name, metric, estimate, n=n, protocol=PROTOCOL, about=joined(about)))
    return made


def _pair_reasons(everything: Sequence[DiscoveryCounts], max_pairs: int) -> list[str]:
    refused = [counts.ned.distance is None for counts in everything]
    reasons = []
    if refused[0]:
        n = everything[0].ned.comparisons
        reasons.append(f"left out: {n:,} pairs of different transcriptions, more than --max-pairs {max_pairs:,}")
    if any(refused[1:]):
        reasons.append(f"null left out: more than --max-pairs {max_pairs:,} in {sum(refused[1:])} of its draws")
    return reasons
