"""From the counts of one stream to its records: precision, recall, F1, OS and R-value, with nulls and intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.boundaries.counting import BoundaryProtocol, StreamCounts
from analysis.results import durations
from analysis.results.builder import jackknifed, make_record, named
from analysis.results.durations import Summary
from analysis.results.schema import Record, StreamInfo
from analysis.statistics.jackknife import without_each
from analysis.statistics.row_samples import RowSample, row_samples
from probes.boundaries.boundary_counts import BoundaryCounts, Rule
from probes.clusters import Row

METRICS = ("boundary_f1", "boundary_precision", "boundary_recall", "boundary_os", "boundary_r_value")
"""Scores whose best value is 1, so that (value - null) / (1 - null) means something."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BoundaryScores:
    """Everything said of one stream."""

    records: list[Record]
    info: StreamInfo
    runs: Summary
    notes: list[tuple[str, str]]


def measures(
    hits: NDArray[np.generic], estimates: NDArray[np.generic], references: NDArray[np.generic]
) -> dict[str, Floats]:
    """All scores of counts, by name; the arguments broadcast. NaN as `analysis.metrics.registry` says.

    Args:
        hits: references that were found.
        estimates: change points.
        references: reference boundaries; where there are none, nothing is defined.
    """
    h, e, r = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (hits, estimates, references)))
    some = r > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, over = h / r, np.where(some, e / r - 1, np.nan)
        r1, r2 = np.hypot(1 - recall, over), (recall - 1 - over) / math.sqrt(2)
        return {
            "boundary_f1": np.where(some, 2 * h / (r + e), np.nan),
            "boundary_precision": np.where(some, h / e, np.nan),
            "boundary_recall": recall,
            "boundary_os": over,
            "boundary_r_value": 1 - (np.abs(r1) + np.abs(r2)) / 2,
        }


def record_id(stream: str, metric: str, tier: str, rule: str, tolerance_ms: int) -> str:
    """Id of a record: `phonetic.boundary_f1[phones,greedy,20ms]`."""
    return f"{stream}.{metric}[{tier},{rule},{tolerance_ms}ms]"


def score_stream(counts: StreamCounts, rows: tuple[Row, ...], protocol: BoundaryProtocol) -> BoundaryScores:
    """Score one stream: every tier, rule and tolerance on the whole corpus, the headline tolerance in each language.

    Args:
        counts: of the stream.
        rows: of the count tables.
        protocol: see `BoundaryProtocol`.
    """
    samples = row_samples(rows)
    records = []
    for tier, draws in counts.boundaries.items():
        for sample in samples:
            tolerances = protocol.tolerances_ms if sample is samples[0] else (protocol.headline[1],)
            records += _sample_records(counts.name, tier, draws, sample, tolerances, protocol)
    summaries = [durations.summarize(counts.name, "stream", counts.runs, sample) for sample in samples]
    for sample, summary in zip(samples, summaries, strict=True):
        records += [each for record in durations.records(summary, sample) for each in named(record, sample.names)]
    info = StreamInfo.of_frames(counts.codebook_size, counts.frame_rate, len(counts.codes), counts.n_frames)
    notes = [(sample.names[0] or "whole corpus", sample.clusters.note) for sample in samples if sample.clusters.note]
    return BoundaryScores(records, info, summaries[0], notes)


@dataclass(frozen=True)
class _Scored:
    """Scores of one sample by metric: of each draw, float64 [n_draws, n_rules, n_tolerances], and without each cluster,
    float64 [n_clusters, n_draws, n_rules, n_tolerances].
    """

    values: dict[str, Floats]
    left_out: dict[str, Floats]
    references: int
    estimates: int


def _score(draws: Sequence[BoundaryCounts], sample: RowSample, picks: list[int]) -> _Scored:
    """Scores of a sample at the picked tolerances."""
    references = sample.by_cluster(draws[0].references, 0)
    estimates = sample.by_cluster(np.stack([draw.estimates for draw in draws]), 1)
    hits = sample.by_cluster(np.stack([draw.hits[:, :, picks] for draw in draws]), 1)
    values = measures(hits.sum(axis=0), estimates.sum(axis=0)[:, None, None], references.sum())
    left_out = measures(
        without_each(hits), without_each(estimates)[:, :, None, None], without_each(references)[:, None, None, None]
    )
    return _Scored(values, left_out, int(references.sum()), int(estimates[:, 0].sum()))


def _sample_records(
    stream: str,
    tier: str,
    draws: Sequence[BoundaryCounts],
    sample: RowSample,
    tolerances: Sequence[int],
    protocol: BoundaryProtocol,
) -> list[Record]:
    scored = _score(draws, sample, [protocol.tolerances_ms.index(ms) for ms in tolerances])
    made = []
    for i, rule in enumerate(protocol.rules):
        for t, ms in enumerate(tolerances):
            for metric in METRICS:
                id = record_id(stream, metric, tier, rule, ms)
                record = _record(id, stream, metric, rule, scored, (i, t), sample)
                made += named(record, sample.names)
    return made


def _record(
    id: str, stream: str, metric: str, rule: Rule, scored: _Scored, place: tuple[int, int], sample: RowSample
) -> Record:
    of_draws, left_out = scored.values[metric][:, *place], scored.left_out[metric][:, :, *place]
    return make_record(
        id,
        stream,
        metric,
        jackknifed(metric, float(of_draws[0]), left_out[:, 0], of_draws[1:], left_out[:, 1:].T),
        n=scored.estimates if metric == "boundary_precision" else scored.references,
        protocol=rule,
        about=sample.note,
        undefined=_why(metric, scored),
    )


def _why(metric: str, scored: _Scored) -> str:
    """Why a score is undefined, where more can be said than the metric does."""
    if not scored.references:
        return "no reference boundary"
    return "the tokens never change" if not scored.estimates else ""
