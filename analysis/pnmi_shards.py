"""The main job in parts: shards counted anywhere, added up to the bits of one run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from analysis import engine, lags, shards
from analysis.corpus import Corpus, classes_of, subset
from analysis.counting import CountedStream, Protocol, lag_counts, lags_of
from analysis.pnmi import Outcome, corpus_of, outcome_of, settings_of, sources_of
from analysis.request import Request, about_of, parts_of, streams_of
from analysis.scoring import Settings, StreamScores, score_stream
from analysis.shards import MergedStream, Shard, ShardMeta
from hac.data.alignment import Tier
from hac.data.tokens import TokenStore


def run_shard(request: Request[Protocol], index: int, n: int, path: Path) -> None:
    """Count one shard of `n` and write it; `merge` turns all of them into results.

    Args:
        request: the same for all shards.
        index: which shard, from 0.
        n: how many.
        path: where the counts go.
    """
    whole = corpus_of(request)
    corpus = subset(whole, index, n)
    streams = streams_of(corpus.tokens, request.streams)
    sources = sources_of(corpus, streams, request.protocol)
    about = about_of(request, corpus.coverage, corpus.warnings)
    protocol = {**asdict(request.protocol), "phone_policy": corpus.policy.name}
    names = [stream.name for stream in streams_of(whole.tokens, request.streams)]
    meta = ShardMeta(
        streams={source.name: _facts(source) for source in sources},
        rows=[asdict(row) for row in whole.rows.rows],
        labels=sorted(corpus.phones.vocabulary),
        units_per_s={source.name: str(source.cells.units_per_s) for source in sources},
        protocol=protocol,
        classes=classes_of(corpus.policy, corpus.phones.vocabulary),
        n_lags=len(lags_of(request.protocol.convention)),
        shard=[index, n],
        job=_job(whole, names, protocol),
        about=about,
    )
    shards.write_shard(path, meta, _blocks(sources))


def merge(paths: Sequence[Path], jobs: int = -1) -> Outcome:
    """Add up shards and score the sums: the same bits as `run` on everything at once.

    Args:
        paths: all shards of one job, in any order.
        jobs: processes; 0 or less: one per core.
    """
    parts = shards.open_shards(paths)
    meta = parts[0].meta
    protocol = Protocol(**meta.protocol)
    settings = settings_of(meta.classes, protocol)
    names = list(meta.streams)
    tasks = [(name, i, [shard.path for shard in parts], settings) for i, name in enumerate(names)]
    scored = engine.run(_score_merged, tasks, jobs=jobs, what="merging streams")
    sources = [MergedStream(name, i, parts) for i, name in enumerate(names)]
    return outcome_of(protocol, protocol.phone_policy, sources, scored, _add_about(parts), meta.classes)


def _score_merged(name: str, index: int, paths: list[Path], settings: Settings) -> tuple[StreamScores, list[float]]:
    source = MergedStream(name, index, tuple(Shard(path) for path in paths))
    return score_stream(source, settings), lags.lag_pnmi(source.lag_tables())


def _facts(source: CountedStream) -> dict[str, Any]:
    return {
        "codebook_size": source.codebook_size,
        "frame_rate": str(source.frame_rate),
        "n_frames": source.n_frames,
    }


def _blocks(sources: Sequence[CountedStream]) -> Iterator[shards.Block]:
    for i, source in enumerate(sources):
        for r in range(source.n_nulls + 1):
            yield i, r, shards.NO_LAG, source.draw(r)
        for lag, counts in enumerate(lag_counts(source)):
            yield i, 0, lag, counts


def _job(corpus: Corpus, streams: Sequence[str], protocol: Mapping[str, Any]) -> str:
    """Hash of all that shards must have in common."""
    facts = {
        "ids": hashlib.sha256("\n".join(corpus.ids).encode()).hexdigest(),
        "rows": [asdict(row) for row in corpus.rows.rows],
        "phones": _tier_hash(corpus.phones),
        "streams": {name: _stream_hash(corpus.tokens, name) for name in streams},
        "protocol": dict(protocol),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _tier_hash(tier: Tier) -> str:
    digest = hashlib.sha256("\n".join(tier.vocabulary).encode())
    for array in (tier.bounds, tier.labels, tier.offset_us):
        digest.update(array.tobytes())
    return digest.hexdigest()


def _stream_hash(tokens: TokenStore, name: str) -> str:
    digest = hashlib.sha256()
    for part in parts_of(tokens, name):
        stream = tokens.streams[part]
        digest.update(f"{part} {stream.codebook_size} {stream.frame_rate}".encode())
        digest.update(stream.codes.tobytes())
    return digest.hexdigest()


def _add_about(parts: Sequence[Shard]) -> dict[str, Any]:
    """What the shards say of the whole corpus; they all read the same whole manifest."""
    about = dict(parts[0].meta.about)
    about["provenance"] = {**about["provenance"], "shards": len(parts)}
    return about
