"""What an analysis works on: utterances that have labels and tokens at once, and what fell out on the way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hac.data.alignments.alignment import PHONES, Alignments, Tier, partition, read_alignments
from hac.data.manifest.formats import read_manifest
from hac.data.manifest.manifest import Manifest
from hac.data.phones.policy import PhonePolicy, load_policy
from hac.data.tokens.manifest_match import check_rate
from hac.data.tokens.token_store import TokenStore
from hac.errors import FailureLog, HacError
from probes.clusters import Rows, assign_rows

Deal = Callable[[Sequence[str], Sequence[str | None], Sequence[str | None]], Rows]
"""Ids, languages and speakers to rows."""
Classes = dict[str, dict[str, str | None]]
"""Kind of class -> phone -> class, None where the phone has none."""

CLASS_KINDS = ("manner", "place", "voicing", "height")
ALIGNMENTS_NAME = "alignments.parquet"


@dataclass(frozen=True)
class Corpus:
    """Utterances ready to be counted, in order of id.

    Attributes:
        ids: utterance ids, sorted.
        phones: their phones, a partition of each utterance, after the policy.
        tokens: their tokens.
        rows: their rows in the count tables; made from the whole manifest, so that shards agree.
        policy: the phone policy.
        coverage: how much of everything was used.
        warnings: what a reader must know.
    """

    ids: tuple[str, ...]
    phones: Tier
    tokens: TokenStore
    rows: Rows
    policy: PhonePolicy
    coverage: dict[str, Any]
    warnings: list[str]


@dataclass(frozen=True)
class Labels:
    """A manifest (or what stands in for it) with its alignments."""

    manifest: Manifest | None
    alignments: Alignments


def find_alignments(given: Path | None, manifest_path: Path | None) -> Path:
    """The alignment store: the one given, or `alignments.parquet` beside the manifest.

    Raises:
        HacError: neither is there.
    """
    if given is not None:
        return given
    if manifest_path is not None and (beside := manifest_path.parent / ALIGNMENTS_NAME).exists():
        return beside
    where = f"beside {manifest_path}" if manifest_path else "without --manifest"
    raise HacError(
        f"no {ALIGNMENTS_NAME} {where}; name the alignments with --alignments (a store, TextGrids, CTM, ...), "
        "or make them with: hac align MANIFEST"
    )


def read_labels(manifest_path: Path | None, alignments_path: Path | None, failures: FailureLog) -> Labels:
    """Read the manifest and the alignments, as far as there are any."""
    manifest = read_manifest(manifest_path, failures=failures) if manifest_path else None
    if alignments_path is None:
        return Labels(manifest, Alignments({}, {}))
    return Labels(manifest, read_alignments(alignments_path, manifest=manifest, failures=failures))


def alignments_if_any(given: Path | None, manifest_path: Path, manifest: Manifest) -> Alignments:
    """The alignments given, or those beside the manifest, or none; an utterance that has none is no failure."""
    beside = manifest_path.parent / ALIGNMENTS_NAME
    found = given or (beside if beside.exists() else None)
    if found is None:
        return Alignments({}, {})
    return read_alignments(found, manifest=manifest, failures=FailureLog())


@dataclass(frozen=True)
class MatchedCorpus:
    """Utterances that have tokens and every tier asked for, in order of id.

    Attributes:
        ids: utterance ids, sorted.
        tiers: the tiers as they were found, by name, of these utterances.
        tokens: their tokens.
        rows: their rows in the count tables; made from the whole manifest, so that shards agree.
        languages: language of each utterance, None where unknown.
        durations_us: of each utterance, by id.
        coverage: how much of everything was used.
        warnings: what a reader must know.
    """

    ids: tuple[str, ...]
    tiers: dict[str, Tier]
    tokens: TokenStore
    rows: Rows
    languages: tuple[str | None, ...]
    durations_us: dict[str, int]
    coverage: dict[str, Any]
    warnings: list[str]


def match(
    labels: Labels, tokens: TokenStore, names: Sequence[str], failures: FailureLog, deal: Deal = assign_rows
) -> MatchedCorpus:
    """Bring together the utterances that have labels and tokens, and count what does not match.

    Args:
        labels: manifest and alignments.
        tokens: the tokens.
        names: the tiers that an utterance must have.
        failures: utterances of the manifest without alignment or tokens go here.
        deal: deals utterances into rows.

    Raises:
        HacError: a tier is missing, or no utterance has everything.
    """
    tiers = {name: labels.alignments.tier(name) for name in names}
    manifest = labels.manifest
    labelled = set.intersection(*(set(tier.ids) for tier in tiers.values()))
    known = (set(manifest.ids) if manifest else set(tokens.ids)) & labelled
    ids = tuple(sorted(known & set(tokens.ids)))
    if not ids:
        raise HacError(_no_match(manifest, tuple(sorted(labelled)), tokens))
    if manifest:
        _report_missing(ids, manifest, labelled, tokens, failures)
        off = check_rate(tokens.select(ids), manifest.durations_us)
        failures.extend(off)
        ids = tuple(sorted(set(ids) - {failure.id for failure in off}))
    durations = dict(manifest.durations_us) if manifest else _ends(tiers.values())
    rows, warnings = _rows(ids, manifest, deal)
    of = manifest.by_id if manifest else {}
    languages = tuple(of[id].language if of else None for id in ids)
    coverage = _coverage(ids, manifest, len(labelled), tokens, durations)
    chosen = {name: tier.select(ids) for name, tier in tiers.items()}
    return MatchedCorpus(ids, chosen, tokens.select(ids), rows, languages, durations, coverage, warnings)


def join(
    labels: Labels, tokens: TokenStore, policy_name: str, failures: FailureLog, deal: Deal = assign_rows
) -> Corpus:
    """The utterances that have phones and tokens, the phones as a partition of each; see `match`.

    Args:
        labels: manifest and alignments.
        tokens: the tokens.
        policy_name: a shipped phone policy, `auto`, or a YAML file.
        failures: utterances of the manifest without alignment or tokens go here.
        deal: deals utterances into rows.

    Raises:
        HacError: no utterance has both.
    """
    met = match(labels, tokens, (PHONES,), failures, deal)
    # the policy is chosen by all labels there are, so that a shard or a subset gets the same one
    policy = load_policy(policy_name, labels.alignments.tier(PHONES).vocabulary)
    phones, report = partition(met.tiers[PHONES], met.durations_us, policy)
    coverage = {**met.coverage, "alignment_rules": report.to_dict()}
    return Corpus(met.ids, _by_name(phones), met.tokens, met.rows, policy, coverage, met.warnings)


def classes_of(policy: PhonePolicy, labels: Sequence[str]) -> Classes:
    """Class of each phone, by kind of class."""
    classes = {label: policy.classes(label) for label in labels}
    return {kind: {label: getattr(classes[label], kind) for label in labels} for kind in CLASS_KINDS}


def subset(corpus: Corpus, index: int, n: int) -> Corpus:
    """Every n-th utterance from `index` on: one shard of `n`."""
    picks = np.arange(len(corpus.ids))[index::n]
    ids = tuple(corpus.ids[i] for i in picks)
    rows = Rows(corpus.rows.rows, corpus.rows.of_utterance[picks])
    return Corpus(
        ids,
        corpus.phones.select(ids),
        corpus.tokens.select(ids),
        rows,
        corpus.policy,
        corpus.coverage,
        corpus.warnings,
    )


def _by_name(tier: Tier) -> Tier:
    """The tier with its vocabulary sorted by name, as counts have it."""
    order = sorted(range(len(tier.vocabulary)), key=lambda i: tier.vocabulary[i])
    rank = np.argsort(order).astype(np.int32)
    vocabulary = tuple(tier.vocabulary[i] for i in order)
    return replace(tier, labels=rank[tier.labels], vocabulary=vocabulary)


def _rows(ids: tuple[str, ...], manifest: Manifest | None, deal: Deal) -> tuple[Rows, list[str]]:
    if manifest is None:
        text = (
            "no manifest: speakers and languages are unknown, so intervals come from utterances and may be too narrow"
        )
        return deal(ids, [None] * len(ids), [None] * len(ids)), [text]
    of = manifest.by_id
    return deal(ids, [of[id].language for id in ids], [of[id].speaker for id in ids]), []


def _ends(tiers: Iterable[Tier]) -> dict[str, int]:
    """Where each utterance's last interval ends: its duration, for want of a better one."""
    ends: dict[str, int] = {}
    for tier in tiers:
        for id in tier.ids:
            ends.setdefault(id, 0)
        for u in np.flatnonzero(np.diff(tier.bounds)):
            last = int(tier.offset_us[tier.bounds[u] : tier.bounds[u + 1]].max())
            ends[tier.ids[u]] = max(ends[tier.ids[u]], last)
    return ends


def _report_missing(
    ids: tuple[str, ...], manifest: Manifest, aligned: set[str], tokens: TokenStore, failures: FailureLog
) -> None:
    """Say which utterances of the manifest fell out; what the readers said of them already is not said twice."""
    used = set(ids)
    said = {failure.id for failure in failures}
    for id in manifest.ids:
        if id not in used and id not in said:
            what = "no-tokens" if id in aligned else "no-alignment"
            failures.add(id, what, f"the utterance has {what.replace('-', ' ')}")


def _coverage(
    ids: tuple[str, ...],
    manifest: Manifest | None,
    n_aligned: int,
    tokens: TokenStore,
    durations: Mapping[str, int],
) -> dict[str, Any]:
    of = manifest.by_id if manifest else {}
    used_us = sum(durations[id] for id in ids)
    return {
        "utterances": {
            "counted": len(ids),
            "key": utterance_key(ids, [(of[id].language, of[id].speaker) if of else (None, None) for id in ids]),
            "in_manifest": len(manifest.ids) if manifest else None,
            "with_alignment": n_aligned,
            "with_tokens": len(tokens.ids),
        },
        "hours": {
            "counted": round(used_us / 3.6e9, 6),
            "in_manifest": round(sum(durations.values()) / 3.6e9, 6) if manifest else None,
        },
        "speakers": len({of[id].speaker for id in ids} - {None}) if manifest else None,
        "languages": sorted({language for id in ids if (language := of[id].language)}) if manifest else [],
    }


def utterance_key(ids: Sequence[str], voices: Sequence[tuple[str | None, str | None]]) -> str:
    """Hash of the utterances counted and of their languages and speakers: runs with the same one can be paired."""
    facts = sorted((id, *voice) for id, voice in zip(ids, voices, strict=True))
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def manifest_key(manifest: Manifest) -> str:
    """The key of all utterances of a manifest; see `utterance_key`."""
    rows = manifest.utterances
    return utterance_key([row.id for row in rows], [(row.language, row.speaker) for row in rows])


def _no_match(manifest: Manifest | None, aligned: tuple[str, ...], tokens: TokenStore) -> str:
    example = f"tokens have ids such as {_some(tokens.ids)}, alignments {_some(aligned)}"
    if manifest:
        example += f", the manifest {_some(manifest.ids)}"
    return f"no utterance has both tokens and an alignment: {example}; ids must be the same text"


def _some(ids: tuple[str, ...]) -> str:
    return repr(ids[0]) if ids else "(none)"
