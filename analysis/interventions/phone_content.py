"""Phone content: what a linear classifier, trained on the recordings, still gets right in audio made of tokens.

Frames of silence are not counted: that there is a pause is heard without any phone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import parallel
from analysis.inputs.corpus import Labels
from analysis.results.ratios import Ratios, Sample, ratios
from analysis.statistics.information import information, pnmi_tables
from analysis.statistics.jackknife import without_each
from hac.data.alignments.alignment import PHONES, partition
from hac.data.audio.audio import AudioError, read_audio
from hac.data.manifest.manifest import Manifest
from hac.data.phones.policy import SILENCE, load_policy
from hac.data.ragged import bounds_of, utterance_of
from hac.data.timeline import US_PER_S
from probes.classifiers.phone_probe import (
    FRAME_RATE,
    SAMPLE_RATE,
    TRAIN_S,
    Folds,
    PhoneClassifier,
    frame_labels,
    log_mel,
    speaker_folds,
    train_classifier,
    with_context,
)
from probes.nulls.circular_shift import Rings
from probes.utterance_keys import utterance_keys

Ints = NDArray[np.int32]
NO_LABELS = "no alignments"
UNTRAINED = "too little aligned speech to learn two phones from"
NO_FRAMES = "no-phones"
"""Why an utterance has no phone content: it is not aligned, or could not be read."""


@dataclass(frozen=True)
class PhoneClassifiers:
    """Trained classifiers, and what they are asked about.

    Attributes:
        vocabulary: names of the labels.
        labels: label of each 10 ms by utterance, of those that are tested.
        folds: which classifier never learned from which utterance.
        by_fold: the classifier of each fold.
        policy: name of the phone policy.
        train_s: seconds of recordings that the classifiers learned from, all folds together.
    """

    vocabulary: tuple[str, ...]
    labels: Mapping[str, Ints]
    folds: Folds
    by_fold: tuple[PhoneClassifier, ...]
    policy: str
    train_s: float

    def describe(self) -> dict[str, Any]:
        """The protocol, for results."""
        return {
            "classifier": "linear discriminant analysis of log-mel energies with context, trained on the recordings",
            "folds": f"{len(self.by_fold)}, no {self.folds.unit} on both sides",
            "phone_policy": self.policy,
            "labels": len(self.vocabulary),
            "train_s": round(self.train_s, 3),
            "frames": "the centre of each 10 ms; frames labelled silence are not counted",
        }


def train_phone_classifiers(
    labels: Labels, manifest: Manifest, ids: Sequence[str], policy_name: str, jobs: int
) -> PhoneClassifiers | str:
    """Classifiers for some utterances, trained on the recordings of all that are aligned; or why there are none.

    Args:
        labels: the alignments.
        manifest: of the whole corpus.
        ids: the utterances to be tested.
        policy_name: a shipped phone policy, `auto`, or a YAML file.
        jobs: processes.
    """
    if PHONES not in labels.alignments.tiers:
        return NO_LABELS
    tier = labels.alignments.tier(PHONES)
    pool = _pool(manifest, set(tier.ids), ids)
    if not set(pool) & set(ids):
        return NO_LABELS
    policy = load_policy(policy_name, tier.vocabulary)
    phones, _ = partition(tier.select(pool), manifest.durations_us, policy)
    framed = {id: frame_labels(phones, u) for u, id in enumerate(phones.ids)}
    folds = speaker_folds(pool, [manifest.by_id[id].speaker for id in pool])
    tasks = [(manifest.audio_path(manifest.by_id[id]),) for id in pool]
    energies = parallel.run(_energies, tasks, jobs=jobs, what="phones of the recordings")
    classifiers = _by_fold(dict(zip(pool, energies, strict=True)), framed, folds)
    if classifiers is None:
        return UNTRAINED
    seconds = sum(manifest.durations_us[id] for id in pool) / US_PER_S
    return PhoneClassifiers(
        phones.vocabulary, {id: framed[id] for id in ids if id in framed}, folds, classifiers, policy.name, seconds
    )


def _pool(manifest: Manifest, aligned: set[str], ids: Sequence[str]) -> list[str]:
    """The utterances to learn from, sorted: those to be tested and, in an order by hash, others up to `TRAIN_S`."""
    tested = [id for id in ids if id in aligned]
    others = sorted(set(manifest.ids) & aligned - set(ids))
    keys = utterance_keys(others)
    spent = sum(manifest.durations_us[id] for id in tested)
    pool = list(tested)
    for _, id in sorted(zip(keys.tolist(), others, strict=True)):
        if spent >= TRAIN_S * US_PER_S:
            break
        spent += manifest.durations_us[id]
        pool.append(id)
    return sorted(pool)


def _by_fold(
    energies: Mapping[str, NDArray[np.float32]], framed: Mapping[str, Ints], folds: Folds
) -> tuple[PhoneClassifier, ...] | None:
    """The classifier of each fold, trained on the others; None where one cannot be."""
    tasks = []
    for fold in range(max(folds.of.values()) + 1):
        learned = [id for id in energies if folds.of[id] != fold]
        n_frames = [min(len(framed[id]), len(energies[id])) for id in learned]
        pairs = zip(learned, n_frames, strict=True)
        tasks.append((energies, framed, tuple(pairs)))
    classifiers = parallel.run(_train, tasks, jobs=1, what="learning phones")
    trained = tuple(each for each in classifiers if each is not None)
    return trained if trained and len(trained) == len(classifiers) else None


def _train(
    energies: Mapping[str, NDArray[np.float32]], framed: Mapping[str, Ints], learned: Sequence[tuple[str, int]]
) -> PhoneClassifier | None:
    if not learned:
        return None
    features = np.concatenate([with_context(energies[id])[:n] for id, n in learned])
    return train_classifier(features, np.concatenate([framed[id][:n] for id, n in learned]))


def _energies(path: Path) -> NDArray[np.float32]:
    """Log-mel energies of a recording; none of one that cannot be read."""
    try:
        return log_mel(read_audio(path, SAMPLE_RATE).samples)
    except AudioError:
        return log_mel(np.zeros(0, np.float32))


@dataclass(frozen=True)
class PhonePredictions:
    """What was predicted of the phones of every utterance, frame by frame.

    Attributes:
        bounds: int64 [n_utterances + 1], frames of each utterance; none where there is nothing to predict.
        labels: int32 [n_frames].
        predictions: int32 [n_frames].
        n_labels: size of the vocabulary.
        silence: the label that is not counted.
    """

    bounds: NDArray[np.int64]
    labels: Ints
    predictions: Ints
    n_labels: int
    silence: int

    def shifted(self, rings: Rings, draw: int, seed: int) -> PhonePredictions:
        """The predictions shifted circularly against the labels, each speaker's utterances end to end: a null draw.

        Args:
            rings: of the utterances.
            draw: 0 for the predictions as they are, 1.. for null draws.
            seed: of the shifts.
        """
        return replace(self, predictions=rings.shifted(self.predictions, self.bounds, FRAME_RATE, draw, seed))

    def accuracy(self) -> Ratios:
        """Frames predicted right over frames of phones."""
        speech = (self.labels != self.silence).astype(np.float64)
        right = speech * (self.predictions == self.labels)
        n = self._by_utterance(speech)
        undefined = np.where(n > 0, n, np.nan)
        reasons = [NO_FRAMES if not amount else "" for amount in n.tolist()]
        return ratios(np.where(n > 0, self._by_utterance(right), np.nan), undefined, reasons)

    def pnmi(self, sample: Sample) -> tuple[float, NDArray[np.float64]]:
        """I(phone; prediction) / H(phone) of a part of the corpus, and without each of its clusters."""
        cluster = np.full(len(self.bounds) - 1, -1, np.int64)
        cluster[sample.picks] = sample.clusters.of_row
        of_frame = np.repeat(cluster, np.diff(self.bounds))
        counted = (of_frame >= 0) & (self.labels != self.silence)
        n = self.n_labels
        cell = (of_frame[counted] * n + self.predictions[counted]) * n + self.labels[counted]
        tables = np.bincount(cell, minlength=sample.clusters.n * n * n).reshape(sample.clusters.n, n, n)
        value = information(tables.sum(axis=0).T).pnmi
        return value, pnmi_tables(without_each(tables).astype(np.float64))

    def _by_utterance(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over the frames of each utterance."""
        return np.bincount(utterance_of(self.bounds), values, minlength=len(self.bounds) - 1).astype(np.float64)


def predict_all(
    classifiers: PhoneClassifiers, ids: Sequence[str], files: Mapping[str, Path], jobs: int, what: str
) -> PhonePredictions:
    """Predict the phones of every utterance in one condition.

    Args:
        classifiers: the classifiers.
        ids: the utterances.
        files: audio by utterance; those without any have no frames.
        jobs: processes.
        what: shown beside the progress bar.
    """
    asked = [id for id in ids if id in files and id in classifiers.labels]
    tasks = [(classifiers.by_fold[classifiers.folds.of[id]], files[id]) for id in asked]
    made = dict(zip(asked, parallel.run(_predict, tasks, jobs=jobs, what=what), strict=True))
    nothing = np.zeros(0, np.int32)
    pairs = [(classifiers.labels.get(id, nothing), made.get(id, nothing)) for id in ids]
    lengths = [min(len(labels), len(predictions)) for labels, predictions in pairs]
    return PhonePredictions(
        bounds_of(lengths),
        np.concatenate([labels[:n] for (labels, _), n in zip(pairs, lengths, strict=True)]),
        np.concatenate([predictions[:n] for (_, predictions), n in zip(pairs, lengths, strict=True)]),
        len(classifiers.vocabulary),
        classifiers.vocabulary.index(SILENCE),
    )


def _predict(classifier: PhoneClassifier, path: Path) -> Ints:
    try:
        return classifier.predict(read_audio(path, SAMPLE_RATE).samples)
    except AudioError:
        return np.zeros(0, np.int32)
