"""What can be heard of each kind of run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.clips.choose import ClipSource, Rendering
from analysis.clips.schema import SoundKind
from analysis.clips.time_tiers import TimeLabels
from analysis.clips.word_hits import top_words
from hac.data.alignments.alignment import Alignments
from probes.tokens.interventions import ALONE, DROP, KEEP, ORIGINAL, SHUFFLE, SWAP

if TYPE_CHECKING:
    from analysis.inputs.corpus import Labels
    from analysis.interventions import run
    from analysis.interventions.plan import Condition
    from analysis.reconstruction.inputs import Material
    from analysis.words import run as words
    from hac.data.tokens.token_store import TokenStore

MOST_DEPTHS = 6
"""Of more conditions of a reconstruction, so many are heard: the first, the last and others evenly between."""
_KINDS: dict[str, tuple[str, SoundKind]] = {
    DROP: ("drop", "drop"),
    ALONE: ("only", "keep"),
    SHUFFLE: ("shuffle", "shuffle"),
    SWAP: ("swap", "swap"),
}
"""Intervention -> how its name begins, and its kind."""


def of_tokens(labels: Labels, tokens: TokenStore) -> ClipSource:
    """The recordings of utterances that have tokens, and labels where there are any."""
    labelled = {id for tier in labels.alignments.tiers.values() for id in tier.ids}
    ids = [id for id in tokens.ids if id in labelled]
    return ClipSource(labels.manifest, ids, TimeLabels(labels.alignments, tokens))


def of_words(labels: Labels, tokens: TokenStore, outcome: words.Outcome) -> ClipSource:
    """The same, and the detections of the best words."""
    return replace(of_tokens(labels, tokens), words=top_words(outcome))


def of_interventions(labels: Labels, tokens: TokenStore, outcome: run.Outcome) -> ClipSource:
    """The recordings, the plain reconstruction, and every level dropped, alone, shuffled or swapped."""
    partners = dict(zip(outcome.ids, outcome.partners, strict=False))
    renderings = [
        _rendering(condition, {row.id: manifest.audio_path(row) for row in manifest.utterances}, partners)
        for condition in outcome.conditions
        if condition.intervention != ORIGINAL
        for manifest in [outcome.audio[condition.name]]
    ]
    return ClipSource(labels.manifest, outcome.ids, TimeLabels(labels.alignments, tokens), renderings)


def _rendering(condition: Condition, files: Any, partners: dict[str, str]) -> Rendering:
    if condition.intervention == KEEP:
        return Rendering("reconstruction", "reconstruction", files)
    verb, kind = _KINDS[condition.intervention]
    return Rendering(f"{verb} {condition.level}", kind, files, partners if kind == "swap" else {})


def of_reconstructions(material: Material, alignments: Alignments) -> ClipSource:
    """The recordings and their reconstructions; with many numbers of quantizers, some of them."""
    conditions = material.conditions
    if len(conditions) == 1:
        renderings = [Rendering("reconstruction", "reconstruction", conditions[0].files)]
    else:
        picks = np.unique(np.linspace(0, len(conditions) - 1, min(MOST_DEPTHS, len(conditions))).round().astype(int))
        chosen = [conditions[i] for i in picks]
        renderings = [Rendering(f"reconstruction {one.name}", "reconstruction", one.files) for one in chosen]
    labels = TimeLabels(alignments, material.tokens)
    return ClipSource(material.manifest, material.manifest.ids, labels, renderings)
