"""Train a probe on all folds but one, score it on that one: what it gets right and what it loses, by utterance.

The penalty is chosen inside the training part, its own folds held out in turn: from the strongest on, each fit begins
where the last one ended, and stops at the first that does worse on what was held out. Probes that learn nothing (the
nulls) stop at once. Nothing of the scored fold is seen before it is scored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probes.classifiers.folds import shuffled
from probes.classifiers.linear import ROUGH_TOLERANCE, Features, Probe, fit

Labels = NDArray[np.int32]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PENALTIES = (0.0001, 0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Values of C that are tried, strongest penalty first."""
BLOCK = 1 << 16
"""Frames that are scored at a time."""


@dataclass(frozen=True)
class Task:
    """What is to be classified.

    Attributes:
        labels: int32 [n_frames], -1 where a frame has none.
        is_trainable: bool [n_frames], the frames that probes may be trained on.
        utterance: int64 [n_frames], ascending.
        fold: int64 [n_frames].
        n_folds: count of folds, at least 2.
    """

    labels: Labels
    n_classes: int
    is_trainable: NDArray[np.bool_]
    utterance: Ints
    n_utterances: int
    fold: Ints
    n_folds: int


@dataclass(frozen=True)
class HeldOut:
    """Sums over the scored frames of each utterance; they add, and are divided once.

    Attributes:
        n, hits: int64 [n_utterances, n_classes], frames of each class, and those that were predicted right.
        predicted: int64 [n_utterances, n_classes], frames that were predicted to be of the class.
        loss: float64 [n_utterances], sum of -log p(label), nats.
        penalties: C chosen in each fold.
        unconverged: fits on whole training parts that ended before the optimum.
    """

    n: Ints
    hits: Ints
    predicted: Ints
    loss: Floats
    penalties: tuple[float, ...]
    unconverged: int = 0


def cross_fit(
    features: Features,
    task: Task,
    shuffle: int | None = None,
    seed: int = 0,
    penalties: Sequence[float] | None = None,
) -> HeldOut:
    """Score a probe on every fold.

    Args:
        features: of all frames.
        shuffle: number of a null draw: the training labels are exchanged between utterances (where each has one
            label only) or runs, those that are scored stay; None: as they are.
        seed: of the null draws.
        penalties: C of each fold; None: chosen inside the training part.
    """
    one_label = _one_label(task)
    out = _Sums(task)
    for k in range(task.n_folds):
        labels = np.where(task.fold == k, -1, task.labels).astype(np.int32)
        if shuffle is not None:
            rng = np.random.default_rng([seed, shuffle, k])
            labels = shuffled(labels, task.utterance, rng, one_label)
        probe, c = _trained(features, task, labels, k, None if penalties is None else penalties[k])
        scored = np.flatnonzero((task.fold == k) & (task.labels >= 0))
        for start in range(0, len(scored), BLOCK):
            block = scored[start : start + BLOCK]
            part = features.take(block)
            log_p = probe.log_probabilities(part)
            out.add(block, log_p if part.of_frame is None else log_p[part.of_frame])
        out.penalties.append(c)
        out.unconverged += not probe.converged
    return out.held_out()


def cross_fit_priors(task: Task) -> HeldOut:
    """Score what knows no features: the shares of the classes in the training part, the most frequent one predicted."""
    out = _Sums(task)
    for k in range(task.n_folds):
        trained = task.labels[(task.fold != k) & (task.labels >= 0) & task.is_trainable]
        counts = np.bincount(trained, minlength=task.n_classes)
        scored = np.flatnonzero((task.fold == k) & (task.labels >= 0))
        with np.errstate(divide="ignore"):
            log_p = np.log(counts / max(1, counts.sum())).astype(np.float32)
        out.add(scored, np.broadcast_to(log_p, (len(scored), task.n_classes)))
    return out.held_out()


def _one_label(task: Task) -> bool:
    """Whether no utterance has two labels."""
    there = task.labels >= 0
    label, utterance = task.labels[there], task.utterance[there]
    return not bool(np.any((label[1:] != label[:-1]) & (utterance[1:] == utterance[:-1])))


def _trained(
    features: Features, task: Task, labels: Labels, scored_fold: int, given: float | None
) -> tuple[Probe, float]:
    """The probe of the whole training part under the penalty that is given or its inner folds chose, and that."""
    trainable = (labels >= 0) & task.is_trainable
    places = np.flatnonzero(trainable)
    if given is not None:
        return fit(features.take(places), labels[places], task.n_classes, given), given
    inner = [_Inner(features, task, labels, trainable, j) for j in range(task.n_folds) if j != scored_fold]
    # two folds leave nothing to hold out inside the one that is trained on: its utterances are parted instead
    if len(inner) < 2:
        halves = task.utterance % 2
        inner = [_Inner(features, task, labels, trainable, j, halves) for j in (0, 1)]
    c = _chosen(inner, PENALTIES)
    return fit(features.take(places), labels[places], task.n_classes, c, inner[0].probe), c


def _chosen(inner: Sequence[_Inner], penalties: Sequence[float]) -> float:
    """The first C after which the held-out loss of all inner folds together goes up."""
    best, least = penalties[0], math.inf
    for c in penalties:
        loss = sum(part.loss(c) for part in inner)
        if not loss < least:
            break
        best, least = c, loss
        for part in inner:
            part.keep()
    return best


class _Inner:
    """One inner fold: trained on the rest of the training part, scored on itself."""

    def __init__(
        self,
        features: Features,
        task: Task,
        labels: Labels,
        trainable: NDArray[np.bool_],
        fold: int,
        fold_of: Ints | None = None,
    ) -> None:
        inside = (task.fold if fold_of is None else fold_of) == fold
        trained, held = np.flatnonzero(trainable & ~inside), np.flatnonzero(trainable & inside)
        seen = np.bincount(labels[trained], minlength=task.n_classes) > 0
        held = held[seen[labels[held]]]  # a class that only this fold has says nothing of the penalty
        self._trained, self._held = features.take(trained), features.take(held)
        self._labels, self._held_labels = labels[trained], labels[held]
        self._n_classes = task.n_classes
        self._tried: Probe | None = None
        self.probe: Probe | None = None

    def loss(self, c: float) -> float:
        """Sum of -log p over what is held out."""
        if not len(self._labels):
            return math.inf
        self._tried = fit(self._trained, self._labels, self._n_classes, c, self.probe, ROUGH_TOLERANCE)
        log_p = self._tried.log_probabilities(self._held)
        rows = np.arange(len(self._held_labels)) if self._held.of_frame is None else self._held.of_frame
        return -float(log_p[rows, self._held_labels].sum(dtype=np.float64))

    def keep(self) -> None:
        """Go on from the probe that was tried last."""
        self.probe = self._tried


class _Sums:
    """Collects the scores of the folds."""

    def __init__(self, task: Task) -> None:
        self._task = task
        shape = task.n_utterances, task.n_classes
        self._n, self._hits, self._predicted = (np.zeros(shape, np.int64) for _ in range(3))
        self._loss = np.zeros(task.n_utterances)
        self.penalties: list[float] = []
        self.unconverged = 0

    def add(self, frames: Ints, log_p: NDArray[np.float32]) -> None:
        """Count some frames with the probabilities [m, n_classes] that they got."""
        labels, utterance = self._task.labels[frames], self._task.utterance[frames]
        predicted = log_p.argmax(axis=1)
        right = predicted == labels
        for table, rows, columns in (
            (self._n, utterance, labels),
            (self._predicted, utterance, predicted),
            (self._hits, utterance[right], labels[right]),
        ):
            np.add.at(table, (rows, columns), 1)
        lost = -log_p[np.arange(len(frames)), labels].astype(np.float64)
        self._loss += np.bincount(utterance, lost, minlength=len(self._loss))

    def held_out(self) -> HeldOut:
        """The sums so far."""
        return HeldOut(self._n, self._hits, self._predicted, self._loss, tuple(self.penalties), self.unconverged)
