"""Shards that were counted from stores of their own: each reads its part of a corpus and nothing else.

A shard of whole stores (`--shard 3/20`) reads everything and counts a part: simple, but a thousand of them read
everything a thousand times. With `--own-stores` the stores given hold the shard's utterances alone. Then no shard knows
the other speakers, so each counts every speaker in rows of its own, and the merge deals speakers into groups as one
run over everything would.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import chain
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.request import shown_per_reason
from hac.data.alignments.alignment import AlignmentReport
from hac.data.manifest.manifest import Manifest
from hac.data.timeline import US_PER_S
from hac.data.tokens.token_store import Stream
from hac.errors import HacError
from probes.clusters import MIN_SPEAKERS, Row, enough, gathered
from probes.sparse_counts import SparseCounts
from probes.utterance_keys import utterance_keys

if TYPE_CHECKING:
    from analysis.shards.count_file import Block, Shard, ShardMeta

OWN = "own_stores"
"""Key in a shard's `extra`: true where its stores hold its own utterances only."""
IN_MANIFEST_US = "in_manifest_us"
"""Key in a shard's `extra`: microseconds of speech in its manifest."""
US_PER_HOUR = 3600 * US_PER_S
UTTERANCES = "utterances"
"""Table of the keys of a shard's utterances (a), so that none is counted in two shards."""


def check_speakers(manifest: Manifest | None) -> None:
    """Refuse to count without knowing who speaks.

    Raises:
        HacError: there is no manifest.
    """
    if manifest is None:
        raise HacError("--own-stores needs --manifest, which says who speaks: speakers are grouped over all shards")


def as_part(
    meta: ShardMeta,
    blocks: Iterable[Block],
    manifest: Manifest | None,
    ids: Sequence[str],
    streams: Iterable[Stream],
    **more: Any,
) -> tuple[ShardMeta, Iterable[Block]]:
    """What a shard of own stores says of itself and holds: also the utterances, so that none is counted twice.

    Args:
        meta, blocks: what a shard of whole stores would say and hold.
        manifest, ids, streams: of this shard alone.
        more: what belongs to the protocol beside `meta.protocol`.
    """
    job = _job_of_part(meta.command, meta.about["system"], streams, {**meta.protocol, **more})
    extra = {**meta.extra, OWN: True, IN_MANIFEST_US: manifest.duration_us if manifest else 0}
    return replace(meta, tables=[*meta.tables, UTTERANCES], job=job, extra=extra), chain(
        blocks, [_utterance_block(ids)]
    )


def _job_of_part(command: str, system: str, streams: Iterable[Stream], protocol: Mapping[str, Any]) -> str:
    """Hash of what shards of own stores must have in common: tokenizer, streams and protocol, but no content."""
    facts = {
        "command": command,
        "system": system,
        "streams": [[stream.name, stream.codebook_size, str(stream.frame_rate)] for stream in streams],
        "protocol": dict(protocol),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _utterance_block(ids: Sequence[str]) -> Block:
    """The table of the shard's utterances."""
    from analysis.shards.count_file import Block

    keys = np.sort(utterance_keys(ids).view(np.int64))
    return Block(0, 0, UTTERANCES, SparseCounts.of(np.ones_like(keys), a=keys))


@dataclass(frozen=True)
class SharedRows:
    """What the numbers of several shards index together.

    Attributes:
        rows: of the sums.
        row: for each shard, int64 [n_rows of it], its rows among those.
    """

    rows: tuple[Row, ...]
    row: tuple[NDArray[np.int64], ...]


def common_of(shards: Sequence[Shard]) -> SharedRows:
    """The rows of shards that add; those of own stores get the rows that one run would have.

    Raises:
        HacError: a language has too few speakers to be resampled, so that their utterances would have to be.
    """
    own = [shard.meta.row_tuple() for shard in shards]
    if not shards[0].meta.extra.get(OWN):
        same = np.arange(len(own[0]), dtype=np.int64)
        return SharedRows(own[0], (same,) * len(shards))
    every = {row for rows in own for row in rows}
    for language in sorted({row.language for row in every}):
        speakers = {row.speaker for row in every if row.language == language}
        if not enough(speakers):
            raise HacError(
                f"{len(speakers)} speakers of {language or 'an unknown language'} in all shards are too few for "
                f"--own-stores (at least {MIN_SPEAKERS}); count them with --shard from the whole stores"
            )
    becomes = gathered(every)
    rows = tuple(sorted(set(becomes.values())))
    place = {row: r for r, row in enumerate(rows)}
    return SharedRows(rows, tuple(np.array([place[becomes[row]] for row in each], np.int64) for each in own))


def parted(shards: Sequence[Shard]) -> bool:
    """Whether a speaker stands in two shards of own stores: the null shifts what is in each shard by itself."""
    if not shards[0].meta.extra.get(OWN):
        return False
    voices = [{(row.language, row.speaker) for row in shard.meta.row_tuple()} for shard in shards]
    return len(set().union(*voices)) < sum(map(len, voices))


def check_apart(shards: Sequence[Shard]) -> None:
    """Refuse shards of own stores that share an utterance.

    Raises:
        HacError: two do; both are named.
    """
    if not shards[0].meta.extra.get(OWN):
        return
    keys = [shard.counts(0, 0, UTTERANCES).a for shard in shards]
    of = np.repeat(np.arange(len(keys)), [len(each) for each in keys])
    every = np.concatenate(keys)
    order = np.argsort(every, kind="stable")
    same = np.flatnonzero(np.diff(every[order]) == 0)
    if len(same):
        one, other = (shards[of[order[same[0] + i]]].path for i in range(2))
        raise HacError(
            f"{one} and {other} count {len(same)} of the same utterances; each must stand in the stores of one shard"
        )


def about_of_parts(shards: Sequence[Shard]) -> dict[str, Any]:
    """What is said of the whole corpus, from what each shard of own stores says of its part."""
    about = [shard.meta.about for shard in shards]
    failed = [failure for one in about for failure in one["failed"]]
    inputs = json.dumps([one["provenance"]["inputs"] for one in about], sort_keys=True)
    provenance = {
        **about[0]["provenance"],
        "inputs": {"of_shards": {"sha256": hashlib.sha256(inputs.encode()).hexdigest()}},
        "shards": len(shards),
    }
    return {
        "system": about[0]["system"],
        "coverage": _coverage([one["coverage"] for one in about], shards),
        "warnings": list(dict.fromkeys(warning for one in about for warning in one["warnings"])),
        "failures": dict(sorted(_added(one["failures"] for one in about).items())),
        "failed": shown_per_reason(sorted(failed, key=lambda failure: (failure["reason"], failure["id"]))),
        "provenance": provenance,
    }


def _added(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total


def _coverage(parts: Sequence[Mapping[str, Any]], shards: Sequence[Shard]) -> dict[str, Any]:
    rules = _rules([part["alignment_rules"] for part in parts])
    # those of one tier, or of each; all count the same utterances
    counted = rules.get("utterances") or next(iter(rules.values()))["utterances"]
    keys = json.dumps(sorted(part["utterances"]["key"] for part in parts))
    numbers = _added({k: n for k, n in part["utterances"].items() if k != "key"} for part in parts)
    speakers = {row.speaker for shard in shards for row in shard.meta.row_tuple()} - {""}
    return {
        "utterances": {"key": hashlib.sha256(keys.encode()).hexdigest()[:16], **numbers},
        # hours of the parts are rounded, so they are added up from microseconds
        "hours": {
            "counted": round(counted["us"] / US_PER_HOUR, 6),
            "in_manifest": round(sum(shard.meta.extra[IN_MANIFEST_US] for shard in shards) / US_PER_HOUR, 6),
        },
        "speakers": len(speakers),
        "languages": sorted({language for part in parts for language in part["languages"]}),
        "alignment_rules": rules,
    }


def _rules(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the rules for alignments did in all parts: of one tier, or of each."""
    if "utterances" in parts[0]:
        return dict(reduce(add, (AlignmentReport.from_dict(part) for part in parts)).to_dict())
    return {tier: _rules([part[tier] for part in parts]) for tier in parts[0]}
