"""How much of the phones a linear classifier still finds in audio that something was done to.

A linear classifier (linear discriminant analysis, Fisher 1936; scikit-learn) learns the phone of each 10 ms frame from
log-mel energies with context of the *original* recordings, and predicts the phones of audio of utterances that it never
learned from. What it still gets right in decoded audio is phone content that was kept. It needs no recognizer, so it
works in any language that has alignments.

Only its predictions are used, never its probabilities: those are wrong on audio unlike what it learned from, while a
prediction that goes with the phone is information on it, whatever the probability beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import kaldi_native_fbank as knf
import numpy as np
from numpy.typing import NDArray

from hac.data.alignments.alignment import Tier
from hac.data.timeline import US_PER_S
from hac.features.kaldi import kaldi_frames, set_grid
from probes.utterance_keys import utterance_keys

SAMPLE_RATE = 16_000
"""Hz, expected of the audio."""
FRAME_RATE = Fraction(100)
FRAME_US = US_PER_S // 100
N_MELS = 40
CONTEXT = (-9, -6, -3, 0, 3, 6, 9)
"""Frames beside its own that a frame is judged by: 180 ms, about two phones."""
N_FOLDS = 5
RAREST = 20
"""Phones with fewer frames than this are not learned, and so never predicted."""
TRAIN_S = 1200
"""Seconds of recordings that a classifier learns from at most: more moves nothing, as it has 41 numbers a feature."""


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-mel energies float32 [t, N_MELS], frame i centred at (i + 1/2) 10 ms; the utterance's mean taken off.

    Without the mean, neither loudness nor the colour of a channel plays a part.

    Args:
        samples: float32 [n] at `SAMPLE_RATE`, full scale 1.
    """
    options = knf.FbankOptions()
    set_grid(options, SAMPLE_RATE, 25.0, 10.0)
    options.mel_opts.num_bins = N_MELS
    options.mel_opts.low_freq = 60.0
    options.mel_opts.high_freq = 7600.0
    energies = kaldi_frames(options, samples * np.float32(32768))
    # a floor of one step of 16 bits, so that digital silence is no further away than quiet
    energies = np.maximum(energies, np.float32(0))
    return np.asarray(energies - energies.mean(axis=0) if len(energies) else energies, np.float32)


def with_context(energies: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each frame beside those around it, float32 [t, N_MELS * len(CONTEXT)]; the edges repeat."""
    n = len(energies)
    places = np.clip(np.arange(n)[:, None] + np.array(CONTEXT), 0, max(n - 1, 0))
    return np.asarray(energies[places].reshape(n, N_MELS * len(CONTEXT)), np.float32)


def frame_labels(phones: Tier, utterance: int) -> NDArray[np.int32]:
    """Label at the centre of each 10 ms of an utterance, int32 [t]; phones must be a partition of it."""
    rows = slice(phones.bounds[utterance], phones.bounds[utterance + 1])
    ends = phones.offset_us[rows]
    centres = np.arange(FRAME_US // 2, int(ends[-1]) if len(ends) else 0, FRAME_US)
    return np.asarray(phones.labels[rows][np.searchsorted(ends, centres, side="right")], np.int32)


@dataclass(frozen=True)
class Folds:
    """Which classifier never learned from which utterance; of a `speaker` or an `utterance`, none is on both sides."""

    of: Mapping[str, int]
    unit: str


def speaker_folds(ids: Sequence[str], speakers: Sequence[str | None], n_folds: int = N_FOLDS) -> Folds:
    """Assign utterances to folds: by speaker where every fold can have one, else by utterance; by hash of the names."""
    known = sorted({speaker for speaker in speakers if speaker is not None})
    by_speaker = len(known) >= n_folds and None not in speakers
    names = known if by_speaker else sorted(ids)
    order = np.argsort(utterance_keys(names), kind="stable")
    fold = {names[place]: rank % n_folds for rank, place in enumerate(order.tolist())}
    units = speakers if by_speaker else ids
    of = {id: fold[unit] for id, unit in zip(ids, units, strict=True) if unit is not None}
    return Folds(of, "speaker" if by_speaker else "utterance")


@dataclass(frozen=True)
class PhoneClassifier:
    """A trained classifier: linear in the features.

    Attributes:
        weights: float64 [n_features, n_classes].
        biases: float64 [n_classes].
        labels: int32 [n_classes], the label that each class stands for.
    """

    weights: NDArray[np.float64]
    biases: NDArray[np.float64]
    labels: NDArray[np.int32]

    def predict(self, samples: NDArray[np.float32]) -> NDArray[np.int32]:
        """The likeliest label of each 10 ms of audio, int32 [t]."""
        features = with_context(log_mel(samples)).astype(np.float64)
        return np.asarray(self.labels[(features @ self.weights + self.biases).argmax(axis=1)], np.int32)


def train_classifier(features: NDArray[np.float32], labels: NDArray[np.int32]) -> PhoneClassifier | None:
    """A classifier of frames [n, n_features] with labels [n]; None where fewer than two labels have `RAREST` frames."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    counts = np.bincount(labels) if len(labels) else np.zeros(1, np.int64)
    enough = np.isin(labels, np.flatnonzero(counts >= RAREST))
    if len(np.unique(labels[enough])) < 2:
        return None
    # shrunken covariances: neighbouring bands and frames say nearly the same, and rare phones have few frames
    model: Any = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=1e-3)
    model.fit(features[enough].astype(np.float64), labels[enough])
    coefficients, biases = np.asarray(model.coef_), np.asarray(model.intercept_)
    if len(model.classes_) == 2:
        # scikit-learn gives two classes one discriminant between them
        coefficients, biases = np.stack([0 * coefficients[0], coefficients[0]]), np.array([0.0, biases[0]])
    return PhoneClassifier(coefficients.T.copy(), biases, model.classes_.astype(np.int32))
