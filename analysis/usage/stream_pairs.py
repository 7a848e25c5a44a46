"""What streams share: mutual information of the codes that two have in the same frame."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from analysis import parallel
from analysis.results.builder import jackknifed, make_record, undefined_record
from analysis.results.schema import Record
from analysis.statistics.entropy import entropy
from analysis.statistics.row_samples import RowSample, row_samples
from analysis.usage.counts import Floats, UsageProtocol, pooled_samples
from hac.data.tokens.token_store import Stream
from probes.clusters import Rows
from probes.nulls.circular_shift import Rings, ShiftedStream
from probes.tokens.grams import paired_grams

PROTOCOL = "streams"


def pair_records(streams: list[Stream], rows: Rows, rings: Rings, protocol: UsageProtocol, jobs: int) -> list[Record]:
    """Mutual information of every two streams on the whole corpus, `<first>.stream_mi[<second>]`.

    Args:
        streams: of the utterances of `rows`.
        rows: row of each utterance.
        rings: of the utterances, for circular shifts.
        protocol: see `UsageProtocol`.
        jobs: processes; 0 or less: one per core.
    """
    tasks = [(first, second, rows, rings, protocol) for first, second in combinations(streams, 2)]
    return parallel.run(_pair_record, tasks, jobs=jobs, what="pairing streams")


def _pair_record(first: Stream, second: Stream, rows: Rows, rings: Rings, protocol: UsageProtocol) -> Record:
    sample = row_samples(rows.rows)[0]
    id = f"{first.name}.stream_mi[{second.name}]"
    if first.frame_rate != second.frame_rate:
        why = f"the streams differ in their frames ({first.frame_rate} and {second.frame_rate} Hz)"
        return undefined_record(id, first.name, "stream_mi", protocol=PROTOCOL, why=why, about=sample.note)
    draws = []
    merged, pooled = pooled_samples(rows, [sample])
    for draw in range(protocol.n_nulls + 1):
        where, clusters = (merged, pooled[0]) if draw else (rows, sample)
        shifted = ShiftedStream(second, rings).draw(draw, protocol.seed)
        draws.append(_information(first, shifted, where, clusters))
    actual, *nulls = draws
    estimate = jackknifed("stream_mi", float(actual[0]), actual[1:], np.array([each[0] for each in nulls]))
    return make_record(id, first.name, "stream_mi", estimate, n=len(first.codes), protocol=PROTOCOL, about=sample.note)


def _information(first: Stream, second: Stream, rows: Rows, sample: RowSample) -> Floats:
    """Plug-in mutual information in nats, of all clusters and without each."""
    pair = paired_grams(first, second, rows)
    one, other, both = (
        entropy(grams, sample.clusters.of_row, sample.clusters.n).plug_in
        for grams in (pair.part([0]), pair.part([1]), pair)
    )
    return np.maximum(one + other - both, 0.0)
