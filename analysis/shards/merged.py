"""Shards that add: what they have in common, what proves that they belong together, and the sums of their counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from analysis.inputs.request import parts_of
from analysis.shards.count_file import Shard, ShardMeta
from analysis.shards.separate_stores import OWN, SharedRows, about_of_parts, check_apart, common_of, parted
from hac.data.alignments.alignment import Tier
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import HacError
from probes.clusters import Rows
from probes.nulls.circular_shift import OVER_SPEAKERS
from probes.sparse_counts import SparseCounts, added


@dataclass(frozen=True)
class MergedStream:
    """A stream of several shards: what they have in common, and the sum of what they counted.

    Attributes:
        name: of the stream.
        index: of the stream.
        shards: all of the job.
    """

    name: str
    index: int
    shards: tuple[Shard, ...]

    @property
    def meta(self) -> ShardMeta:
        """Of the first shard."""
        return self.shards[0].meta

    @property
    def codebook_size(self) -> int:
        """Codes lie below this."""
        return int(self.meta.streams[self.name]["codebook_size"])

    @property
    def frame_rate(self) -> Fraction:
        """Hz."""
        return Fraction(self.meta.streams[self.name]["frame_rate"])

    @property
    def n_frames(self) -> int:
        """Tokens of the stream in all shards."""
        return sum(int(shard.meta.streams[self.name]["n_frames"]) for shard in self.shards)

    @property
    def n_nulls(self) -> int:
        """Null draws."""
        return int(self.meta.protocol["n_nulls"])

    @cached_property
    def common(self) -> SharedRows:
        """The rows of the sums."""
        return common_of(self.shards)

    def parts(self, draw: int, table: str) -> Iterator[SparseCounts]:
        """One table at one draw of each shard, in rows of the sums."""
        for shard, row in zip(self.shards, self.common.row, strict=True):
            found = shard.counts(self.index, draw, table)
            least = min(column.min(initial=0) for column in (found.row, found.a, found.b))
            if least < 0 or found.row.max(initial=-1) >= len(row):
                raise HacError(f"{shard.path}: counts in rows that it does not name; write it again with --shard")
            yield found.moved(row)

    def counts(self, draw: int, table: str) -> SparseCounts:
        """One table at one draw, added over the shards; places may repeat."""
        return added(self.parts(draw, table))


def open_shards(paths: Sequence[Path]) -> tuple[Shard, ...]:
    """Open shards that add: of one job, each once, none missing.

    Raises:
        HacError: they are of different jobs, one is there twice, or one is missing.
    """
    shards = tuple(sorted((Shard(path) for path in paths), key=lambda shard: shard.meta.shard))
    first = shards[0]
    for shard in shards[1:]:
        if shard.meta.null != first.meta.null:
            raise HacError(
                f"{shard.path} and {first.path} have other nulls ({shard.meta.null!r} and {first.meta.null!r}): shards "
                "of an older version do not add to those of this one; write them again with --shard"
            )
        if shard.meta.job != first.meta.job:
            raise HacError(
                f"{shard.path} and {first.path} are shards of different jobs (other tokens, name, manifest, alignments "
                "or protocol); merge only shards made with the same options"
            )
    places = [shard.meta.shard[0] for shard in shards]
    n = first.meta.shard[1]
    if len(set(places)) < len(places):
        raise HacError(f"shard {next(p for p in places if places.count(p) > 1) + 1} of {n} is given twice")
    if missing := sorted(set(range(n)) - set(places)):
        names = ", ".join(f"{place + 1}/{n}" for place in missing[:10])
        raise HacError(f"{len(missing)} of {n} shards are missing ({names}); make them with --shard and merge again")
    check_apart(shards)
    return shards


def add_about(shards: Sequence[Shard]) -> dict[str, Any]:
    """What the shards say of the whole corpus: they all read the same whole manifest, or each a part of it."""
    if shards[0].meta.extra.get(OWN):
        return about_of_parts(shards)
    about = dict(shards[0].meta.about)
    about["provenance"] = {**about["provenance"], "shards": len(shards)}
    return about


def null_of(shards: Sequence[Shard]) -> str:
    """What the null draws of all shards shift, in the words of the results."""
    null = shards[0].meta.null
    return f"{null}; what a speaker has in another shard apart" if null == OVER_SPEAKERS and parted(shards) else null


def stream_facts(stream: Stream) -> dict[str, Any]:
    """What `ShardMeta.streams` says of a stream."""
    return {
        "codebook_size": stream.codebook_size,
        "frame_rate": str(stream.frame_rate),
        "n_frames": len(stream.codes),
    }


def job_of(
    ids: Sequence[str],
    rows: Rows,
    tiers: Iterable[Tier],
    tokens: TokenStore,
    streams: Sequence[str],
    protocol: Mapping[str, Any],
) -> str:
    """Hash of all that shards must have in common: the whole corpus, not the part that a shard counts.

    Args:
        ids: utterance ids.
        rows: of the count tables.
        tiers: the labels.
        tokens: the tokens.
        streams: names asked for.
        protocol: everything else that moves a number.
    """
    facts = {
        "ids": hashlib.sha256("\n".join(ids).encode()).hexdigest(),
        "rows": [asdict(row) for row in rows.rows],
        "tiers": {tier.name: _tier_hash(tier) for tier in tiers},
        "streams": {name: _stream_hash(tokens, name) for name in streams},
        "protocol": dict(protocol),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _tier_hash(tier: Tier) -> str:
    digest = hashlib.sha256("\n".join(tier.vocabulary).encode())
    for array in (tier.bounds, tier.labels, tier.onset_us, tier.offset_us):
        digest.update(array.tobytes())
    return digest.hexdigest()


def _stream_hash(tokens: TokenStore, name: str) -> str:
    digest = hashlib.sha256()
    for part in parts_of(tokens, name):
        stream = tokens.streams[part]
        digest.update(f"{part} {stream.codebook_size} {stream.frame_rate}".encode())
        digest.update(stream.codes.tobytes())
    return digest.hexdigest()
