"""Which utterances a run trains on and which it is validated on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hac.data.alignments.alignment import PHONES, Tier, read_alignments, tier_from_rows
from hac.data.manifest.formats import read_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import FailureLog, HacError
from hac.train.config_sections import DataConfig

FEW_SPEAKERS = 5
"""Below so many speakers, utterances are held out instead of whole speakers."""


@dataclass(frozen=True)
class Corpus:
    """The two parts of a run's speech, and the phones of the second one where they are known."""

    train: Manifest
    validation: Manifest
    phones: Tier | None
    held_out: str

    @property
    def both(self) -> Manifest:
        """All utterances, for what is computed once."""
        return join([self.train, self.validation])


def load_corpus(data: DataConfig, seed: int, failures: FailureLog) -> Corpus:
    """Read the manifests, leave out what is too short or too long, and hold out the validation part.

    Raises:
        HacError: a manifest is missing or broken, nothing is left to train on or to validate, an utterance stands in
            both parts, or in two alignment stores.
    """
    train = _usable(_read(data.train, failures), data, failures)
    if data.validation is None:
        train, validation, held_out = _hold_out(train, data.validation_share, seed)
    else:
        validation = _usable(_read(data.validation, failures), data, failures)
        held_out = "manifest"
        shared = sorted(set(train.ids) & set(validation.ids))
        if shared:
            raise HacError(
                f"{len(shared)} utterances are in data.train and in data.validation, the first is {shared[0]!r}; "
                "take them out of one"
            )
    if not len(train) or not len(validation):
        part = "train on" if not len(train) else "validate on"
        raise HacError(
            f"no utterance between data.min_s = {data.min_s:g} and data.max_s = {data.max_s:g} s is left to {part}"
        )
    return Corpus(train, validation, _phones(data.alignments, validation), held_out)


def join(manifests: Sequence[Manifest]) -> Manifest:
    """Several manifests as one, whose root holds all of theirs.

    Raises:
        HacError: two of them use the same id, or a path leads out of its own root.
    """
    if len(manifests) == 1:
        return manifests[0]
    root = Path(os.path.commonpath([manifest.root.resolve() for manifest in manifests]))
    rows: dict[str, Utterance] = {}
    for manifest in manifests:
        for utterance in manifest.utterances:
            if utterance.id in rows:
                raise HacError(
                    f"utterance {utterance.id!r} stands in two manifests, under {manifest.root} and elsewhere; give "
                    "each utterance an id of its own"
                )
            path = os.path.relpath(os.path.realpath(manifest.audio_path(utterance)), root)
            rows[utterance.id] = replace(utterance, path=Path(path).as_posix(), alignment=None)
    return Manifest(root, tuple(rows.values()))


def _read(paths: Sequence[str], failures: FailureLog) -> Manifest:
    return join([read_manifest(Path(path), failures=failures) for path in paths])


def _usable(manifest: Manifest, data: DataConfig, failures: FailureLog) -> Manifest:
    """Without the utterances that no batch can hold; each is counted."""
    kept = []
    # a choice of the configuration, no fault of the corpus: counted even under --strict
    lenient = FailureLog()
    for utterance in manifest.utterances:
        if utterance.duration < data.min_s:
            lenient.add(utterance.id, "too-short", f"lasts {utterance.duration:g} s, below data.min_s = {data.min_s:g}")
        elif utterance.duration > data.max_s:
            lenient.add(utterance.id, "too-long", f"lasts {utterance.duration:g} s, above data.max_s = {data.max_s:g}")
        else:
            kept.append(utterance)
    failures.items.extend(lenient)
    return Manifest(manifest.root, tuple(kept))


def _hold_out(manifest: Manifest, share: float, seed: int) -> tuple[Manifest, Manifest, str]:
    """Train and validation parts: whole speakers where there are enough, else utterances."""
    rng = np.random.default_rng(seed)
    by_speaker = len(manifest.speakers) >= FEW_SPEAKERS and all(u.speaker is not None for u in manifest.utterances)
    units = list(manifest.speakers) if by_speaker else sorted(manifest.ids)
    n_held = min(max(1, round(share * len(units))), max(len(units) - 1, 0))
    held = {units[i] for i in rng.permutation(len(units))[:n_held]}
    inside = [(u.speaker if by_speaker else u.id) in held for u in manifest.utterances]
    parts = [
        Manifest(
            manifest.root, tuple(u for u, is_held in zip(manifest.utterances, inside, strict=True) if is_held == x)
        )
        for x in (False, True)
    ]
    return parts[0], parts[1], "speakers" if by_speaker else "utterances"


def _phones(paths: Sequence[str], validation: Manifest) -> Tier | None:
    """The phones of the validation utterances out of all stores, as one tier."""
    rows = []
    wanted, found = set(validation.ids), set[str]()
    for path in paths:
        tier = read_alignments(Path(path)).tier(PHONES)
        ids = [id for id in tier.ids if id in wanted]
        if twice := sorted(found.intersection(ids)):
            raise HacError(f"{path}: utterance {twice[0]!r} stands in two of data.alignments; take it out of one")
        found.update(ids)
        rows += tier.select(ids).rows()
    return tier_from_rows(PHONES, rows) if rows else None
