"""What an analysis works on: utterances that have labels and tokens at once, and what fell out on the way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hac.data.alignments.alignment import PHONES, Alignments, Tier, partition, read_alignments
from hac.data.manifest.formats import read_manifest
from hac.data.manifest.manifest import Manifest
from hac.data.phones.policy import PhonePolicy, load_policy
from hac.data.tokens.manifest_match import check_rate
from hac.data.tokens.token_store import TokenStore
from hac.errors import FailureLog, HacError
from probes.clusters import Rows, assign_rows
from probes.nulls.circular_shift import Rings, speaker_rings

AssignRows = Callable[[Sequence[str], Sequence[str | None], Sequence[str | None]], Rows]
"""Ids, languages and speakers to rows."""
Voice = tuple[str | None, str | None]
"""Language and speaker of an utterance, None where unknown."""
Classes = dict[str, dict[str, str | None]]
"""Kind of class -> phone -> class, None where the phone has none."""

CLASS_KINDS = ("manner", "place", "voicing", "height")
ALIGNMENTS_NAME = "alignments.parquet"
NO_MANIFEST = "no manifest: speakers and languages are unknown, so intervals come from utterances and may be too narrow"


@dataclass(frozen=True)
class TokenCorpus:
    """Utterances ready to be counted, in order of id.

    Attributes:
        ids: utterance ids, sorted.
        voices: language and speaker of each.
        tokens: their tokens.
        rows: their rows in the count tables; made from the whole manifest, so that shards agree.
        coverage: how much of everything was used.
        warnings: what a reader must know.
    """

    ids: tuple[str, ...]
    voices: tuple[Voice, ...]
    tokens: TokenStore
    rows: Rows
    coverage: dict[str, Any]
    warnings: list[str]

    @property
    def languages(self) -> tuple[str | None, ...]:
        """Language of each utterance, None where unknown."""
        return tuple(language for language, _ in self.voices)

    @property
    def speakers(self) -> tuple[str | None, ...]:
        """Speaker of each utterance, None where unknown."""
        return tuple(speaker for _, speaker in self.voices)

    @cached_property
    def rings(self) -> Rings:
        """Each speaker's utterances end to end, for circular shifts."""
        return speaker_rings(self.ids, self.languages, self.speakers)

    def _at(self, part: NDArray[np.int64]) -> Self:
        """The same of the utterances at some places, but for what a subclass adds: see its `subset`."""
        ids = tuple(self.ids[i] for i in part)
        voices = tuple(self.voices[i] for i in part)
        rows = Rows(self.rows.rows, self.rows.of_utterance[part])
        return replace(self, ids=ids, voices=voices, tokens=self.tokens.select(ids), rows=rows)


@dataclass(frozen=True)
class Corpus(TokenCorpus):
    """Utterances that have phones too.

    Attributes:
        phones: a partition of each utterance, after the policy.
        policy: the phone policy.
    """

    phones: Tier
    policy: PhonePolicy

    def subset(self, part: NDArray[np.int64]) -> Corpus:
        """The utterances at some places: a shard."""
        chosen = self._at(part)
        return replace(chosen, phones=self.phones.select(chosen.ids))


@dataclass(frozen=True)
class MatchedCorpus(TokenCorpus):
    """Utterances that have every tier asked for.

    Attributes:
        tiers: the tiers as they were found, by name, of these utterances.
        durations_us: of each utterance, by id.
    """

    tiers: dict[str, Tier]
    durations_us: dict[str, int]


@dataclass(frozen=True)
class Labels:
    """A manifest (or what stands in for it) with its alignments."""

    manifest: Manifest | None
    alignments: Alignments


def without_alignments(manifest: Manifest | None) -> Labels:
    """Labels of an analysis that needs none: at most a manifest."""
    return Labels(manifest, Alignments({}, {}))


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
        return without_alignments(manifest)
    return Labels(manifest, read_alignments(alignments_path, manifest=manifest, failures=failures))


def alignments_if_any(given: Path | None, manifest_path: Path, manifest: Manifest) -> Alignments:
    """The alignments given, or those beside the manifest, or none; an utterance that has none is no failure."""
    beside = manifest_path.parent / ALIGNMENTS_NAME
    found = given or (beside if beside.exists() else None)
    if found is None:
        return Alignments({}, {})
    return read_alignments(found, manifest=manifest, failures=FailureLog())


def match(
    labels: Labels, tokens: TokenStore, names: Sequence[str], failures: FailureLog, assign: AssignRows = assign_rows
) -> MatchedCorpus:
    """Bring together the utterances that have labels and tokens, and count what does not match.

    Args:
        labels: manifest and alignments.
        tokens: the tokens.
        names: the tiers that an utterance must have.
        failures: utterances of the manifest without alignment or tokens go here.
        assign: gives utterances their rows.

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
    voices = tuple(voices_of(ids, manifest))
    rows = assign(ids, [language for language, _ in voices], [speaker for _, speaker in voices])
    coverage = _coverage(ids, manifest, voices, len(labelled), tokens, durations)
    warnings = [] if manifest else [NO_MANIFEST]
    chosen = {name: tier.select(ids) for name, tier in tiers.items()}
    return MatchedCorpus(ids, voices, tokens.select(ids), rows, coverage, warnings, chosen, durations)


def join(
    labels: Labels, tokens: TokenStore, policy_name: str, failures: FailureLog, assign: AssignRows = assign_rows
) -> Corpus:
    """The utterances that have phones and tokens, the phones as a partition of each; see `match`.

    Args:
        labels, tokens, failures, assign: as for `match`.
        policy_name: a shipped phone policy, `auto`, or a YAML file.

    Raises:
        HacError: no utterance has both.
    """
    met = match(labels, tokens, (PHONES,), failures, assign)
    # the policy is chosen by all labels there are, so that a shard or a subset gets the same one
    policy = load_policy(policy_name, labels.alignments.tier(PHONES).vocabulary)
    phones, report = partition(met.tiers[PHONES], met.durations_us, policy)
    coverage = {**met.coverage, "alignment_rules": report.to_dict()}
    return Corpus(met.ids, met.voices, met.tokens, met.rows, coverage, met.warnings, _by_name(phones), policy)


def classes_of(policy: PhonePolicy, labels: Sequence[str]) -> Classes:
    """Class of each phone, by kind of class."""
    classes = {label: policy.classes(label) for label in labels}
    return {kind: {label: getattr(classes[label], kind) for label in labels} for kind in CLASS_KINDS}


def _by_name(tier: Tier) -> Tier:
    """The tier with its vocabulary sorted by name, as counts have it."""
    order = sorted(range(len(tier.vocabulary)), key=lambda i: tier.vocabulary[i])
    rank = np.argsort(order).astype(np.int32)
    vocabulary = tuple(tier.vocabulary[i] for i in order)
    return replace(tier, labels=rank[tier.labels], vocabulary=vocabulary)


def voices_of(ids: Sequence[str], manifest: Manifest | None) -> list[Voice]:
    """Language and speaker of each utterance."""
    if manifest is None:
        return [(None, None)] * len(ids)
    return [(manifest.by_id[id].language, manifest.by_id[id].speaker) for id in ids]


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
    said = failures.ids
    for id in manifest.ids:
        if id not in used and id not in said:
            what = "no-tokens" if id in aligned else "no-alignment"
            failures.add(id, what, f"the utterance has {what.replace('-', ' ')}")


def _coverage(
    ids: tuple[str, ...],
    manifest: Manifest | None,
    voices: Sequence[Voice],
    n_aligned: int,
    tokens: TokenStore,
    durations: Mapping[str, int],
) -> dict[str, Any]:
    used_us = sum(durations[id] for id in ids)
    return {
        "utterances": {
            "counted": len(ids),
            "key": utterance_key(ids, voices),
            "in_manifest": len(manifest.ids) if manifest else None,
            "with_alignment": n_aligned,
            "with_tokens": len(tokens.ids),
        },
        "hours": {
            "counted": round(used_us / 3.6e9, 6),
            "in_manifest": round(sum(durations.values()) / 3.6e9, 6) if manifest else None,
        },
        **coverage_of_voices(voices, manifest),
    }


def coverage_of_voices(voices: Sequence[Voice], manifest: Manifest | None) -> dict[str, Any]:
    """How many speakers and which languages were counted."""
    speakers = {speaker for _, speaker in voices} - {None}
    languages = sorted({language for language, _ in voices if language})
    return {"speakers": len(speakers) if manifest else None, "languages": languages}


def utterance_key(ids: Sequence[str], voices: Sequence[Voice]) -> str:
    """Hash of the utterances counted and of their languages and speakers: runs with the same one can be paired."""
    facts = sorted((id, *voice) for id, voice in zip(ids, voices, strict=True))
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def manifest_key(manifest: Manifest) -> str:
    """The key of all utterances of a manifest; see `utterance_key`."""
    return utterance_key(manifest.ids, voices_of(manifest.ids, manifest))


def _no_match(manifest: Manifest | None, aligned: tuple[str, ...], tokens: TokenStore) -> str:
    example = f"tokens have ids such as {_some(tokens.ids)}, alignments {_some(aligned)}"
    if manifest:
        example += f", the manifest {_some(manifest.ids)}"
    return f"no utterance has both tokens and an alignment: {example}; ids must be the same text"


def _some(ids: tuple[str, ...]) -> str:
    return repr(ids[0]) if ids else "(none)"
