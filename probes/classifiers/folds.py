"""What a probe is trained on and what it is scored on.

Groups (speakers, or utterances where the factor is the speaker) are assigned to folds; a probe is trained on all folds
but one and scored on that one, so every frame is scored once by a probe that was not trained on its group. Neighbouring
frames are nearly the same, so a held-out frame of a known group would be no test at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probes.utterance_keys import utterance_keys

Labels = NDArray[np.int32]
Ints = NDArray[np.int64]

MIN_FRAMES = 20
"""A class with fewer training frames than this, in any fold, is left out: nothing could be learnt of it."""
MAX_CLASSES = 200
"""At most so many classes, the most frequent ones: a probe has a weight for each feature and class."""


def assign_folds(groups: Sequence[str], strata: Sequence[str], n_folds: int) -> Ints:
    """The fold of each utterance: int64 [n_utterances].

    Groups of a stratum go to the folds in turn, in an order that is a function of their names alone, so that each
    stratum (a language, or a class that is the same in a whole group) is in as many folds as it has groups.

    Args:
        groups: group of each utterance; groups of two strata are two groups.
        strata: stratum of each utterance.
    """
    members: dict[str, set[str]] = defaultdict(set)
    for stratum, group in zip(strata, groups, strict=True):
        members[stratum].add(group)
    fold: dict[tuple[str, str], int] = {}
    for stratum in sorted(members):
        names = sorted(members[stratum])
        keys = utterance_keys([f"{stratum}\t{name}" for name in names]).tolist()
        for _, name in sorted(zip(keys, names, strict=True)):
            fold[stratum, name] = len(fold) % n_folds
    return np.array([fold[stratum, group] for stratum, group in zip(strata, groups, strict=True)], np.int64)


def thinned(ids: Sequence[str], lengths: Ints, is_labelled: NDArray[np.bool_], max_frames: int) -> NDArray[np.bool_]:
    """Which frames may be trained on, at most about `max_frames`: bool [n_frames].

    Every s-th frame of each utterance, from a place by a hash of the utterance's id: no utterance is lost, and
    the frames that are left out are the most like those that stay.

    Args:
        lengths: int64 [n_utterances], frames of each.
        is_labelled: bool [n_frames], frames of the factor.
        max_frames: frames wanted; s is the least that gives no more.
    """
    step = max(1, -(-int(is_labelled.sum()) // max_frames))
    phase = (utterance_keys(ids) % np.uint64(step)).astype(np.int64)
    begins = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    place = np.arange(int(lengths.sum())) - np.repeat(begins, lengths)
    return np.asarray(is_labelled & (place % step == np.repeat(phase, lengths)))


@dataclass(frozen=True)
class Classes:
    """The classes that a probe can tell apart, and the frames that have them.

    Attributes:
        kept: int64 [n_classes], old label of each new one, ascending.
        labels: int32 [n_frames], new label or -1.
        covered: share of the labelled frames whose class is kept; NaN without labelled frames.
        n_found: classes that occur.
    """

    kept: Ints
    labels: Labels
    covered: float
    n_found: int


def usable_classes(
    labels: Labels,
    is_trainable: NDArray[np.bool_],
    fold: Ints,
    group: Ints,
    n_folds: int,
    max_classes: int = MAX_CLASSES,
) -> Classes:
    """Leave out rare classes: those without `MIN_FRAMES` trainable frames in 2 groups of the training part of a fold.

    One group is enough in the training part of the fold that holds the class's other group.

    Args:
        labels: int32 [n_frames], -1 where undefined.
        is_trainable: bool [n_frames], from `thinned`.
        fold: int64 [n_frames].
        group: int64 [n_frames], which group each frame is of.
        max_classes: only the most frequent, ties to the smaller label.
    """
    labelled = labels >= 0
    n_labels = int(labels.max(initial=-1)) + 1
    frames = np.bincount(labels[labelled], minlength=n_labels)
    groups = np.bincount(np.unique(np.stack([labels[labelled], group[labelled]]), axis=1)[0], minlength=n_labels)
    enough = groups >= 2
    for k in range(n_folds):
        seen = labels[labelled & is_trainable & (fold != k)]
        enough &= np.bincount(seen, minlength=n_labels) >= MIN_FRAMES
    kept = np.flatnonzero(enough)
    if len(kept) > max_classes:
        kept = np.sort(kept[np.argsort(-frames[kept], kind="stable")[:max_classes]])
    table = np.full(n_labels + 1, -1, np.int32)
    table[kept] = np.arange(len(kept))
    total = int(frames.sum())
    covered = float(frames[kept].sum() / total) if total else float("nan")
    return Classes(kept, table[labels], covered, int(np.count_nonzero(frames)))


def shuffled(labels: Labels, utterance: Ints, rng: np.random.Generator, by_utterance: bool) -> Labels:
    """Labels exchanged between utterances, or runs of equal labels in another order: what is left is chance.

    Runs go with their lengths, so the classes stay as frequent as they are, and as long.

    Args:
        labels: int32 [n_frames], -1 where undefined, which stays so.
        utterance: int64 [n_frames], ascending.
        by_utterance: whether an utterance has one label, which goes to another utterance whole.
    """
    places = np.flatnonzero(labels >= 0)
    if not len(places):
        return labels.copy()
    value, of = labels[places], utterance[places]
    new = np.ones(len(places), np.bool_)
    new[1:] = of[1:] != of[:-1]
    if not by_utterance:
        new[1:] |= (value[1:] != value[:-1]) | (np.diff(places) > 1)
    starts = np.flatnonzero(new)
    lengths, order = np.diff(starts, append=len(places)), rng.permutation(len(starts))
    permuted = labels.copy()
    permuted[places] = np.repeat(value[starts][order], lengths if by_utterance else lengths[order])
    return permuted
