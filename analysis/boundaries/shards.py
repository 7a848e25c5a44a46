"""Boundaries in parts: shards counted anywhere, added up to the bits of one run.

Tables of a shard (see `analysis.shards.count_file`): `codes` (b: a code that occurs), `runs` (a: frames of a run), for
each tier `<tier> hits` (a: place of the rule, b: place of the tolerance; where a is the number of rules, b = 0 counts
references and b = 1 estimates), and once, under the first stream, `<tier> durations` (a: microseconds of an interval)
and `time` (all microseconds of a row).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import numpy as np

from analysis.boundaries.counting import (
    BoundaryCorpus,
    BoundaryProtocol,
    StreamCounts,
    boundary_corpus,
    count_labels,
    count_streams,
)
from analysis.boundaries.run import COMMAND, Outcome, outcome_of
from analysis.inputs.request import Request, about_of, streams_of
from analysis.shards import count_file, merged
from analysis.shards import separate_stores as own
from analysis.shards.count_file import NULL, Block, ShardMeta
from analysis.shards.merged import MergedStream, job_of, stream_facts
from hac.data import timeline
from probes.boundaries.boundary_counts import BoundaryCounts
from probes.boundaries.durations import DurationCounts
from probes.clusters import assign_rows, rows_apart
from probes.nulls.circular_shift import OVER_SPEAKERS, ShiftedStream
from probes.sparse_counts import SparseCounts, summed

CODES, RUNS, TIME = "codes", "runs", "time"


def _hits(tier: str) -> str:
    return f"{tier} hits"


def _durations(tier: str) -> str:
    return f"{tier} durations"


def run_shard(
    request: Request[BoundaryProtocol], index: int, n: int, path: Path, jobs: int = -1, own_stores: bool = False
) -> None:
    """Count one shard of `n` and write it; `merge` turns all of them into results.

    Args:
        request: the same for all shards, or about this shard's utterances alone.
        index: which shard, from 0.
        n: how many.
        path: where the counts go.
        jobs: processes; 0 or less: one per core.
        own_stores: whether the request holds this shard's utterances alone; see `analysis.shards.separate_stores`.

    Raises:
        HacError: `own_stores` without a manifest.
    """
    if own_stores:
        own.check_speakers(request.labels.manifest)
    assign = rows_apart if own_stores else assign_rows
    whole = boundary_corpus(request.labels, request.tokens, request.protocol, request.failures, assign)
    places = None if own_stores else np.arange(len(whole.ids))[index::n]
    part = whole if places is None else whole.subset(places)
    # shifted as in the whole corpus, so that shards add up to the nulls of one run
    shifted = [ShiftedStream(stream, whole.rings, places) for stream in streams_of(whole.tokens, request.streams)]
    streams = [tokens.draw(0, request.protocol.seed) for tokens in shifted]
    counts = count_streams(part, shifted, request.protocol, jobs)
    # the policy as it was found, so that labels that choose another one are another job
    policy = whole.policy or request.protocol.phone_policy
    protocol = {**asdict(request.protocol), "phone_policy": policy, NULL: OVER_SPEAKERS}
    tiers, about = list(whole.tiers), about_of(request, whole.coverage, whole.warnings)
    names = [stream.name for stream in streams]
    meta = ShardMeta(
        command=COMMAND,
        tables=[CODES, RUNS, TIME, *map(_hits, tiers), *map(_durations, tiers)],
        streams={stream.name: stream_facts(stream) for stream in streams},
        rows=[asdict(row) for row in whole.rows.rows],
        protocol=protocol,
        shard=[index, n],
        job="" if own_stores else job_of(whole.ids, whole.rows, whole.tiers.values(), whole.tokens, names, protocol),
        about=about,
        extra={"tiers": tiers, "policy": whole.policy},
    )
    blocks: Iterable[Block] = _blocks(part, counts)
    if own_stores:
        meta, blocks = own.as_part(meta, blocks, request.labels.manifest, part.ids, streams, tiers=tiers)
    count_file.write_shard(path, meta, blocks)


def _blocks(part: BoundaryCorpus, counts: Sequence[StreamCounts]) -> Iterator[Block]:
    labels = count_labels(part)
    for i, each in enumerate(counts):
        yield Block(i, 0, CODES, SparseCounts.of(np.ones_like(each.codes), b=each.codes))
        yield Block(i, 0, RUNS, each.runs.counts)
        for tier, draws in each.boundaries.items():
            for r, draw in enumerate(draws):
                yield Block(i, r, _hits(tier), _of_counts(draw))
    for tier, durations in labels.items():
        yield Block(0, 0, _durations(tier), durations.counts)
    time = next(iter(labels.values())).time
    yield Block(0, 0, TIME, SparseCounts.of(time, np.arange(len(time))))


def _of_counts(counts: BoundaryCounts) -> SparseCounts:
    """Counts as a cube [n_rows, n_rules + 1, columns], of which what is not zero is written."""
    n_rows, n_rules, n_tolerances = counts.hits.shape
    cube = np.zeros((n_rows, n_rules + 1, max(n_tolerances, 2)), np.int64)
    cube[:, :n_rules, :n_tolerances] = counts.hits
    cube[:, n_rules, 0], cube[:, n_rules, 1] = counts.references, counts.estimates
    row, a, b = np.nonzero(cube)
    return SparseCounts(row, a, b, cube[row, a, b])


def _to_counts(counts: SparseCounts, n_rows: int, n_rules: int, n_tolerances: int) -> BoundaryCounts:
    """The inverse of `_of_counts`; what stands at one place twice is added."""
    cube = np.zeros((n_rows, n_rules + 1, max(n_tolerances, 2)), np.int64)
    np.add.at(cube, (counts.row, counts.a, counts.b), counts.n)
    return BoundaryCounts(cube[:, n_rules, 0], cube[:, n_rules, 1], cube[:, :n_rules, :n_tolerances])


def merge(paths: Sequence[Path], jobs: int = -1) -> Outcome:
    """Add up shards and score the sums: the same bits as `run` on everything at once.

    Args:
        paths: all shards of one job, in any order.
        jobs: processes; 0 or less: one per core.

    Raises:
        HacError: they are of different jobs, one is there twice, or one is missing.
    """
    parts = merged.open_shards(paths)
    meta = parts[0].meta
    protocol = BoundaryProtocol(**meta.protocol_values())
    streams = [MergedStream(name, i, parts) for i, name in enumerate(meta.streams)]
    rows = streams[0].common.rows
    time = streams[0].counts(0, TIME).by_row(len(rows))
    unit_s = Fraction(1, timeline.US_PER_S)
    labels = {
        tier: DurationCounts(streams[0].counts(0, _durations(tier)).summed(), time, unit_s)
        for tier in meta.extra["tiers"]
    }
    counts = [_merged(stream, protocol) for stream in streams]
    about = merged.add_about(parts)
    return outcome_of(protocol, meta.extra["policy"], rows, counts, labels, about, jobs, merged.null_of(parts))


def _merged(stream: MergedStream, protocol: BoundaryProtocol) -> StreamCounts:
    """The counts of one stream, added over the shards."""
    n_rows, n_rules = len(stream.common.rows), len(protocol.rules)
    runs = stream.counts(0, RUNS).summed()
    frames = summed(runs.row, runs.a * runs.n, n_rows)
    return StreamCounts(
        stream.name,
        stream.codebook_size,
        stream.frame_rate,
        np.unique(stream.counts(0, CODES).b),
        {
            tier: [
                _to_counts(stream.counts(r, _hits(tier)), n_rows, n_rules, len(protocol.tolerances_ms))
                for r in range(stream.n_nulls + 1)
            ]
            for tier in stream.meta.extra["tiers"]
        },
        DurationCounts(runs, frames, 1 / stream.frame_rate),
    )
