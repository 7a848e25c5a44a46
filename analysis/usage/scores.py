"""From the counts of one stream to its records: every number beside its null and its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.registry import metric_name
from analysis.results import durations
from analysis.results.builder import Estimate, make_record, named
from analysis.results.durations import Summary
from analysis.results.schema import Record, StreamInfo
from analysis.statistics.jackknife import jackknife, no_interval, ratio
from analysis.statistics.row_samples import RowSample, row_samples
from analysis.usage.compression import COMPRESSORS
from analysis.usage.counts import (
    BIASES,
    ORDERS,
    UsageProtocol,
    code_measures,
    compressed,
    compressed_without,
    count_stream,
    gram_measures,
    held_out,
    mean_run,
    pooled_samples,
)
from hac.data.tokens.token_store import Stream
from probes.boundaries.durations import run_durations
from probes.clusters import Rows
from probes.sparse_counts import summed
from probes.splits import halves
from probes.tokens.grams import Ints

Floats = NDArray[np.float64]

PROTOCOL = "usage"
CODES = "code-counts"
BITS = 1 / math.log(2)
"""Bits in a nat."""


@dataclass(frozen=True)
class StreamUsage:
    """Everything said of one stream.

    Attributes:
        records, info: for the results.
        runs: of the whole corpus.
        codes: int64 [n_used], the codes that occur, most frequent first, ties by code.
        counts: int64 [n_used], frames of each.
        notes: (subject, remark) for the warnings.
    """

    records: list[Record]
    info: StreamInfo
    runs: Summary
    codes: Ints
    counts: Ints
    notes: list[tuple[str, str]]


@dataclass(frozen=True)
class _Measured:
    """One number on its way to a record: what stands behind the stream's name in its id, and its count of units."""

    id: str
    estimate: Estimate
    n: int

    def scaled(self, id: str, factor: float) -> _Measured:
        """The number in another unit."""
        return _Measured(id, self.estimate.scaled(factor), self.n)


def score_stream(stream: Stream, rows: Rows, protocol: UsageProtocol) -> StreamUsage:
    """Measure one stream on the whole corpus and in each language.

    Args:
        stream: of the utterances of `rows`.
        rows: row of each utterance.
        protocol: see `UsageProtocol`.
    """
    samples = row_samples(rows.rows)
    by_grams = _gram_numbers(stream, rows, samples, protocol)
    found = [[*_code_numbers(stream, rows, each), *grams] for each, grams in zip(samples, by_grams, strict=True)]
    dear, notes = _dear_numbers(stream, rows, samples[0], protocol)
    found[0] += dear
    summaries = [durations.summarize(stream.name, "stream", run_durations(stream, rows), each) for each in samples]
    records = []
    for sample, numbers, runs in zip(samples, found, summaries, strict=True):
        made = [_record(stream.name, number, sample) for number in [*numbers, *_bitrates(stream, numbers)]]
        made += durations.records(runs, sample)
        records += [record for each in made for record in named(each, sample.names)]
    notes += [(each.names[0] or "whole corpus", each.clusters.note) for each in samples if each.clusters.note]
    codes, counts = _ranked(stream)
    info = StreamInfo.of_frames(stream.codebook_size, stream.frame_rate, len(codes), len(stream.codes))
    return StreamUsage(records, info, summaries[0], codes, counts, notes)


def _ranked(stream: Stream) -> tuple[Ints, Ints]:
    codes, counts = np.unique(stream.codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return codes[order].astype(np.int64), counts[order].astype(np.int64)


def _code_numbers(stream: Stream, rows: Rows, sample: RowSample) -> list[_Measured]:
    """Used codes, perplexity and exponent, which shuffling does not change."""
    counted = count_stream(stream, rows, 0, 0)
    n = int(sample.by_cluster(summed(rows.of_utterance, stream.lengths, len(rows.rows)), 0).sum())
    made = []
    for name, values in code_measures(counted, sample, len(rows.rows)).items():
        interval = jackknife(values[0], values[1:])
        if name.startswith("used"):
            interval = no_interval("no interval: a count of what occurred, which more speech can only raise")
        made.append(_Measured(name, Estimate(values[0], interval), n))
    return made


def _gram_numbers(
    stream: Stream, rows: Rows, samples: list[RowSample], protocol: UsageProtocol
) -> list[list[_Measured]]:
    """Entropies, information of adjacent frames and mean runs of each sample, with shuffled frames beside them."""
    counted = count_stream(stream, rows, 0, protocol.seed)
    values = [gram_measures(counted, sample, len(rows.rows)) for sample in samples]
    merged, pooled = pooled_samples(rows, samples)
    nulls: list[list[dict[str, float]]] = [[] for _ in samples]
    for draw in range(1, protocol.n_nulls + 1):
        counted = count_stream(stream, merged, draw, protocol.seed)
        for sample, drawn in zip(pooled, nulls, strict=True):
            found = gram_measures(counted, sample, len(merged.rows))
            run = mean_run(counted.stream, merged, sample)
            drawn.append({name: float(each[0]) for name, each in found.items()} | {"run_frames": run})
    return [
        _with_nulls(stream, rows, sample, found, drawn)
        for sample, found, drawn in zip(samples, values, nulls, strict=True)
    ]


def _with_nulls(
    stream: Stream, rows: Rows, sample: RowSample, found: dict[str, Floats], drawn: list[dict[str, float]]
) -> list[_Measured]:
    frames = summed(rows.of_utterance, stream.lengths, len(rows.rows))
    n = int(frames[sample.rows].sum())
    made = []
    for name, values in found.items():
        # order 0 is the same in any order of the frames
        nulls = np.zeros(0) if name.startswith("entropy") else np.array([each[name] for each in drawn])
        made.append(_Measured(name, Estimate(values[0], jackknife(values[0], values[1:]), nulls), n))
    starts = stream.run_starts()
    row = rows.of_utterance[np.searchsorted(stream.bounds, starts, side="right") - 1]
    runs = sample.by_cluster(summed(row, np.ones(len(row), np.int64), len(rows.rows)), 0)
    nulls = np.array([each["run_frames"] for each in drawn])
    value, interval = ratio(sample.by_cluster(frames, 0), runs)
    return [*made, _Measured("run_frames", Estimate(value, interval, nulls), int(runs.sum()))]


def _dear_numbers(
    stream: Stream, rows: Rows, sample: RowSample, protocol: UsageProtocol
) -> tuple[list[_Measured], list[tuple[str, str]]]:
    """What must be fitted or compressed, on the whole corpus only: cross-entropies and compressed sizes."""
    sizes = np.bincount(rows.of_utterance, minlength=len(rows.rows)).astype(np.int64)
    half, notes = halves(rows.rows, sizes)
    drawn = [count_stream(stream, rows, draw, protocol.seed) for draw in range(protocol.n_dear + 1)]
    made = []
    for order in (0, *ORDERS):
        lost = [held_out(each, order, half) for each in (drawn if order else drawn[:1])]
        lasting = np.bincount(sample.clusters.of_row, lost[0][0][sample.rows], sample.clusters.n)
        value, interval = ratio(lasting, sample.by_cluster(lost[0][1], 0))
        nulls = np.array([nats.sum() / max(frames.sum(), 1) for nats, frames in lost[1:]])
        made.append(_Measured(f"cross_entropy[{order}]", Estimate(value, interval, nulls), int(lost[0][1].sum())))
    for compressor in COMPRESSORS:
        value = compressed(stream, compressor)
        interval = jackknife(value, compressed_without(stream, rows, sample, compressor))
        nulls = np.array([compressed(each.stream, compressor) for each in drawn[1:]])
        made.append(_Measured(f"compressed[{compressor}]", Estimate(value, interval, nulls), len(stream.codes)))
    return made, [("held-out cross-entropy", note) for note in notes]


def _bitrates(stream: Stream, numbers: list[_Measured]) -> list[_Measured]:
    """Bits per second: nominal, and of every entropy and compressed size."""
    rate = float(stream.frame_rate)
    by_id = {number.id: number for number in numbers}
    exact = no_interval("no interval: a property of the codebook")
    nominal = Estimate(rate * math.log2(stream.codebook_size), exact)
    made = [_Measured("bitrate[nominal]", nominal, numbers[0].n)]
    named = {f"entropy[{bias}]": f"0,{bias}" for bias in BIASES}
    named |= {f"conditional_entropy[{o},{bias}]": f"{o},{bias}" for o in ORDERS for bias in BIASES}
    named |= {f"cross_entropy[{o}]": f"{o},held-out" for o in (0, *ORDERS)}
    made += [by_id[id].scaled(f"bitrate[{name}]", rate * BITS) for id, name in named.items() if id in by_id]
    sizes = {f"compressed[{name}]": name for name in COMPRESSORS}
    return made + [by_id[id].scaled(f"bitrate[{name}]", rate) for id, name in sizes.items() if id in by_id]


def _record(stream: str, number: _Measured, sample: RowSample) -> Record:
    id = f"{stream}.{number.id}"
    metric = metric_name(id)
    return make_record(
        id,
        stream,
        metric,
        number.estimate,
        n=number.n,
        protocol=CODES if metric in ("used_codes", "used_share", "perplexity", "zipf_exponent") else PROTOCOL,
        about=sample.note,
    )
