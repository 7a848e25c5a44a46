"""The main job in parts: shards counted anywhere, added up to the bits of one run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from analysis import parallel
from analysis.inputs.corpus import classes_of, join
from analysis.inputs.request import Request, about_of, streams_of
from analysis.pnmi import lags
from analysis.pnmi.counting import CountedStream, Protocol, lag_counts, lags_of
from analysis.pnmi.run import COMMAND, Outcome, outcome_of, settings_of, sources_of
from analysis.pnmi.scores import Settings, StreamScores, score_stream
from analysis.shards import count_file, joint_counts, merged
from analysis.shards import separate_stores as own
from analysis.shards.count_file import NULL, Block, Shard, ShardMeta
from analysis.shards.merged import job_of, stream_facts
from probes.clusters import assign_rows, rows_apart
from probes.nulls.circular_shift import OVER_SPEAKERS, ShiftedStream


def run_shard(request: Request[Protocol], index: int, n: int, path: Path, own_stores: bool = False) -> None:
    """Count one shard of `n` and write it; `merge` turns all of them into results.

    Args:
        request: the same for all shards, or about this shard's utterances alone.
        index: which shard, from 0.
        n: how many.
        path: where the counts go.
        own_stores: whether the request holds this shard's utterances alone; see `analysis.shards.separate_stores`.

    Raises:
        HacError: `own_stores` without a manifest.
    """
    if own_stores:
        own.check_speakers(request.labels.manifest)
    assign = rows_apart if own_stores else assign_rows
    whole = join(request.labels, request.tokens, request.protocol.phone_policy, request.failures, assign)
    part = None if own_stores else np.arange(len(whole.ids))[index::n]
    corpus = whole if part is None else whole.subset(part)
    streams = streams_of(whole.tokens, request.streams)
    # shifted as in the whole corpus, so that shards add up to the nulls of one run
    shifted = [ShiftedStream(stream, whole.rings, part) for stream in streams]
    sources = sources_of(corpus, shifted, request.protocol)
    about = about_of(request, corpus.coverage, corpus.warnings)
    protocol = {**asdict(request.protocol), "phone_policy": corpus.policy.name, NULL: OVER_SPEAKERS}
    names = [stream.name for stream in streams]
    lag_count = len(lags_of(request.protocol.convention))
    meta = ShardMeta(
        command=COMMAND,
        tables=joint_counts.tables(lag_count),
        streams={source.name: stream_facts(source.stream) for source in sources},
        rows=[asdict(row) for row in whole.rows.rows],
        protocol=protocol,
        shard=[index, n],
        job="" if own_stores else job_of(whole.ids, whole.rows, [whole.phones], whole.tokens, names, protocol),
        about=about,
        extra={
            "labels": sorted(corpus.phones.vocabulary),
            "units_per_s": {source.name: str(source.cells.units_per_s) for source in sources},
            "classes": classes_of(corpus.policy, corpus.phones.vocabulary),
            "n_lags": lag_count,
        },
    )
    blocks: Iterable[Block] = _blocks(sources, meta)
    if own_stores:
        meta, blocks = own.as_part(meta, blocks, request.labels.manifest, corpus.ids, streams)
    count_file.write_shard(path, meta, blocks)


def merge(paths: Sequence[Path], jobs: int = -1) -> Outcome:
    """Add up shards and score the sums: the same bits as `run` on everything at once.

    Args:
        paths: all shards of one job, in any order.
        jobs: processes; 0 or less: one per core.
    """
    parts = merged.open_shards(paths)
    meta = parts[0].meta
    protocol = Protocol(**meta.protocol_values())
    classes = {
        kind: {label: of for part in parts for label, of in part.meta.extra["classes"][kind].items()}
        for kind in meta.extra["classes"]
    }
    settings = settings_of(classes)
    names = list(meta.streams)
    tasks = [(name, i, [shard.path for shard in parts], settings) for i, name in enumerate(names)]
    scored = parallel.run(_score_merged, tasks, jobs=jobs, what="merging streams")
    sources = [joint_counts.MergedCounts(name, i, parts) for i, name in enumerate(names)]
    return outcome_of(
        protocol, protocol.phone_policy, sources, scored, merged.add_about(parts), classes, merged.null_of(parts)
    )


def _score_merged(name: str, index: int, paths: list[Path], settings: Settings) -> tuple[StreamScores, list[float]]:
    source = joint_counts.MergedCounts(name, index, tuple(Shard(path) for path in paths))
    return score_stream(source, settings), lags.lag_pnmi(source.lag_tables())


def _blocks(sources: Sequence[CountedStream], meta: ShardMeta) -> Iterator[Block]:
    rows, labels = meta.row_tuple(), joint_counts.labels_of(meta)
    for i, source in enumerate(sources):
        for r in range(source.n_nulls + 1):
            yield Block(i, r, joint_counts.JOINT, source.draw(r).entries(rows, labels))
        for lag, counts in enumerate(lag_counts(source)):
            yield Block(i, 0, joint_counts.lag_table(lag), counts.entries(rows, labels))
