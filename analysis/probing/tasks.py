"""What each probe is asked: classes, folds and frames of a factor, or why there can be no probe of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hac.data.tokens.token_store import Stream
from probes.classifiers.crossfit import Task
from probes.classifiers.folds import MIN_FRAMES, Classes, assign_folds, thinned, usable_classes
from probes.leakage.factors import Factor, label_frames

SPEAKERS, UTTERANCES = "held-out speakers", "held-out utterances"
SPEAKER = "speaker"
"""The factor whose probes cannot be scored on other speakers."""


@dataclass(frozen=True)
class ProbeProtocol:
    """How probes are trained and scored.

    Attributes:
        max_frames: frames that training is thinned to, of all folds together.
        n_folds: folds of groups; fewer where there are fewer groups.
        n_shuffles: null draws: probes trained on shuffled labels.
        n_given_nulls: null draws of what a stream adds to the others.
        given: whether that is asked at all, the dearest part.
        max_classes: classes of a factor, the most frequent ones.
        seed: of nulls and draws.
    """

    max_frames: int = 20_000
    n_folds: int = 3
    n_shuffles: int = 5
    n_given_nulls: int = 2
    given: bool = True
    max_classes: int = 200
    seed: int = 0


@dataclass(frozen=True)
class Voices:
    """Who speaks each utterance, and in what language; None where unknown."""

    ids: tuple[str, ...]
    speakers: tuple[str | None, ...]
    languages: tuple[str | None, ...]


@dataclass(frozen=True)
class Asked:
    """A task, or none, and what a reader must know of it."""

    factor: str
    task: Task | None
    split: str
    note: str


def ask(factor: Factor, stream: Stream, voices: Voices, protocol: ProbeProtocol) -> Asked:
    """The task of telling a factor from frames that lie as those of the stream do.

    Args:
        factor: of the same utterances as the stream.
        stream: for its frames only.
        voices: of the same utterances.
        protocol: see `ProbeProtocol`.
    """
    split, groups, strata, note = _split(factor, voices)
    labels = label_frames(factor, stream)
    named = [f"{stratum}\t{group}" for stratum, group in zip(strata, groups, strict=True)]
    group = np.unique(named, return_inverse=True)[1].astype(np.int64)
    n_groups = int(group.max(initial=-1)) + 1
    n_folds = min(protocol.n_folds, n_groups)
    utterance = np.repeat(np.arange(len(stream.lengths)), stream.lengths).astype(np.int64)
    unit = split.removeprefix("held-out ")
    if n_folds < 2:
        return Asked(factor.name, None, split, f"{n_groups} of {unit}, and a probe must be scored on others")
    fold = assign_folds(groups, strata, n_folds)[utterance]
    trainable = thinned(voices.ids, stream.lengths, labels >= 0, protocol.max_frames)
    classes = usable_classes(labels, trainable, fold, group[utterance], n_folds, protocol.max_classes)
    about = _about(classes, unit)
    if len(classes.kept) < 2:
        return Asked(factor.name, None, split, about)
    task = Task(
        labels=classes.labels,
        n_classes=len(classes.kept),
        is_trainable=trainable & (classes.labels >= 0),
        utterance=utterance,
        n_utterances=len(stream.lengths),
        fold=fold,
        n_folds=n_folds,
    )
    return Asked(factor.name, task, split, "; ".join(part for part in (split, note, about) if part))


def _split(factor: Factor, voices: Voices) -> tuple[str, Sequence[str], Sequence[str], str]:
    """How frames are held out: name, group and stratum of each utterance, and a remark."""
    languages = [language or "" for language in voices.languages]
    speakers = [speaker or "" for speaker in voices.speakers]
    if factor.name == SPEAKER:
        return UTTERANCES, voices.ids, _values(factor), ""
    # every fold gets some of each label, where a speaker has but one: no speaker may stand in two folds
    of = _values(factor) if factor.permuted and factor.permuted.startswith("speakers") else languages
    if len({*zip(languages, speakers, strict=True)} - {(language, "") for language in languages}) < 2:
        note = "fewer than two known speakers, so the probe knows nothing of other speakers"
        return UTTERANCES, voices.ids, of, note
    # one speaker of two languages is two
    names = [f"{language}\t{speaker}" for language, speaker in zip(languages, speakers, strict=True)]
    return SPEAKERS, names, of, ""


def _values(factor: Factor) -> list[str]:
    """The label of each utterance of an utterance factor, empty where undefined."""
    tier = factor.tier
    values = [""] * len(tier.ids)
    for utterance, label in zip(tier.utterance_index().tolist(), tier.labels.tolist(), strict=True):
        values[utterance] = tier.vocabulary[label] if label >= 0 else ""
    return values


def _about(classes: Classes, unit: str) -> str:
    """Which classes are probed."""
    if not classes.n_found:
        return "no frame has a label"
    if classes.n_found == 1:
        return "constant: only one class occurs"
    rule = f"at least {MIN_FRAMES} training frames outside every fold, in 2 {unit}"
    if len(classes.kept) < 2:
        return f"of {classes.n_found} classes fewer than two have {rule}: too many classes for the examples"
    if len(classes.kept) == classes.n_found:
        return f"{classes.n_found} classes"
    return f"{len(classes.kept)} of {classes.n_found} classes ({classes.covered:.1%} of the frames) have {rule}"
