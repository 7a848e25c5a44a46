"""The linear classifier: labels at frame centres, folds that never mix, planted phones found, and nothing in noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from hac.data.alignments.alignment import tier_from_rows
from probes.classifiers.phone_probe import (
    CONTEXT,
    N_MELS,
    SAMPLE_RATE,
    frame_labels,
    log_mel,
    speaker_folds,
    train_classifier,
    with_context,
)
from tests.oracles import Interval
from tests.strategies import partitions


@given(rows=partitions())
def test_the_label_of_a_frame_is_that_at_its_centre(rows: tuple[Interval, ...]) -> None:
    tier = tier_from_rows("phones", [("u", str(label), start, end) for label, start, end in rows], ids=["u"])
    expected = []
    for i in range(rows[-1][2] // 10_000 + 1 if rows else 0):
        expected += [label for label, start, end in rows if start <= 10_000 * i + 5000 < end]
    assert [tier.vocabulary[i] for i in frame_labels(tier, 0)] == expected


def tone(hz: float, n: int) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(n) / SAMPLE_RATE)).astype(np.float32)


def test_frames_are_centred_and_neither_loudness_nor_silence_matters() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 16_000).astype(np.float32)
    sound = np.concatenate([tone(300, 8000), tone(2000, 8000)]) + noise
    energies = log_mel(sound)
    assert energies.shape == (100, N_MELS)
    assert abs(int(np.argmax(np.abs(np.diff(energies, axis=0)).sum(axis=1))) - 49) <= 1
    assert np.allclose(log_mel(sound * 0.5), energies, atol=0.2)
    assert log_mel(np.zeros(0, np.float32)).shape == (0, N_MELS)
    assert np.array_equal(log_mel(np.zeros(1600, np.float32)), np.zeros((10, N_MELS)))


def test_context_lies_beside_each_frame_and_repeats_at_the_edges() -> None:
    energies = np.random.default_rng(0).normal(size=(20, N_MELS)).astype(np.float32)
    made = with_context(energies).reshape(20, len(CONTEXT), N_MELS)
    for t in range(20):
        for k, step in enumerate(CONTEXT):
            assert np.array_equal(made[t, k], energies[min(max(t + step, 0), 19)])


def test_planted_phones_are_found_and_those_too_rare_never_guessed() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.integers(0, 3, 60), 8).astype(np.int32)
    sound = np.concatenate([tone((300, 900, 2500)[label], 160) for label in labels])
    sound += rng.normal(0, 0.01, len(sound)).astype(np.float32)
    features = with_context(log_mel(sound))
    rare = labels.copy()
    rare[:5] = 7
    classifier = train_classifier(features, rare)
    assert classifier is not None
    predictions = classifier.predict(sound)
    assert np.mean(predictions == labels) > 0.9
    assert set(predictions.tolist()) <= {0, 1, 2}


@pytest.mark.parametrize("n_labels", [1, 2])
def test_two_phones_are_enough_and_one_is_not(n_labels: int) -> None:
    labels = np.repeat(np.arange(100) % n_labels, 5).astype(np.int32)
    sound = np.concatenate([tone((300, 2500)[label], 160) for label in labels])
    classifier = train_classifier(with_context(log_mel(sound)), labels)
    if n_labels == 1:
        assert classifier is None
    else:
        assert classifier is not None
        assert np.mean(classifier.predict(sound) == labels) > 0.9


def test_folds_hold_speakers_together_where_there_are_enough() -> None:
    ids = [f"utt-{i:02d}" for i in range(40)]
    few = speaker_folds(ids, ["anna", "ben"] * 20)
    assert few.unit == "utterance"
    assert sorted(np.bincount(list(few.of.values()))) == [8] * 5
    speakers = [f"s{i % 8}" for i in range(40)]
    many = speaker_folds(ids, speakers)
    assert many.unit == "speaker"
    for speaker in set(speakers):
        assert len({many.of[id] for id, s in zip(ids, speakers, strict=True) if s == speaker}) == 1
    assert speaker_folds(ids, [None, *speakers[1:]]).unit == "utterance"
    assert speaker_folds(ids[::-1], speakers[::-1]) == many
