"""Forced alignments as one columnar store: id, tier, label, onset, offset.

`parquet` is the store, `folder` reads what other programs write (`textgrid`, `ctm_timit_mfa`), `partition` has the
rules for gaps and overlaps, `hac.data.tiers` the tables in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hac.data.alignments.folder import FileOptions, read_files
from hac.data.alignments.parquet import read_store, write_alignments
from hac.data.alignments.partition import AlignmentReport, Touched, partition
from hac.data.alignments.textgrid import TIER_NAMES
from hac.data.manifest.manifest import Manifest
from hac.data.tiers import PHONES, WORDS, Alignments, Tier, tier_from_rows
from hac.errors import FailureLog, HacError

__all__ = [
    "PHONES",
    "WORDS",
    "AlignmentReport",
    "Alignments",
    "Tier",
    "Touched",
    "partition",
    "read_alignments",
    "tier_from_rows",
    "write_alignments",
]


def read_alignments(
    path: Path,
    manifest: Manifest | None = None,
    failures: FailureLog | None = None,
    *,
    sample_rate: int = 16_000,
    tier_names: Mapping[str, Sequence[str]] = TIER_NAMES,
    ctm_tier: str | None = None,
    vocabularies: Mapping[str, Sequence[str]] | None = None,
) -> Alignments:
    """Read alignments: a Parquet store, a TextGrid, CTM, TIMIT or MFA CSV file, or a folder of such files.

    Args:
        manifest: keep its utterances only, in its order; each that has no alignment is a failure. In a folder
            it also says which file belongs to which utterance.
        failures: takes what cannot be used; without it the first such thing is raised.
        sample_rate: samples per second that TIMIT's times count.
        tier_names: names of the word and phone tiers in TextGrids, without regard to case.
        ctm_tier: `phones` or `words`; by default as a CTM's name or its labels say.
        vocabularies: the labels allowed, by tier; by default those found, sorted.

    Returns:
        The tiers found; two tiers need not cover the same utterances.

    Raises:
        HacError: nothing could be read; or, without `failures`, something could not.
    """
    path = Path(path)
    log = _FirstFailure() if failures is None else failures
    if path.suffix.casefold() == ".parquet" and not path.is_dir():
        alignments = read_store(path, vocabularies)
    else:
        options = FileOptions(sample_rate, tier_names, ctm_tier, vocabularies or {})
        alignments = read_files(path, manifest, log, options)
    return alignments if manifest is None else _restrict(alignments, manifest, log)


class _FirstFailure(FailureLog):
    """Raises the first failure, for callers who keep no list."""

    def add(self, id: str, reason: str, detail: str) -> None:
        raise HacError(detail if id in detail else f"{id}: {detail}")


def _restrict(alignments: Alignments, manifest: Manifest, failures: FailureLog) -> Alignments:
    """The manifest's utterances, in its order, and a failure for each that no tier has."""
    tiers = {}
    for name, tier in alignments.tiers.items():
        has = frozenset(tier.ids)
        tiers[name] = tier.select(utterance.id for utterance in manifest.utterances if utterance.id in has)
    aligned = {id for tier in tiers.values() for id in tier.ids}
    failed = failures.ids
    for utterance in manifest.utterances:
        if utterance.id not in aligned and utterance.id not in failed:
            failures.add(utterance.id, "alignment-missing", "no alignment was found for this utterance")
    return Alignments(tiers, alignments.provenance)
