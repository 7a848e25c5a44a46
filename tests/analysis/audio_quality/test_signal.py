"""Rows of pairs: those of the probe, each pair of contents once."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile as sf
from threadpoolctl import threadpool_limits

from analysis.audio_quality.signal import Pair, SignalSettings, measure, signal_ratios
from probes.signal import signal_metrics
from tests.analysis.reconstruction.worlds import RATE, corpus_with


def audio(path: Path) -> np.ndarray:
    return sf.read(path, dtype="float32")[0]


def test_rows_are_those_of_the_probe(tmp_path: Path) -> None:
    manifest = corpus_with(tmp_path, {"a": 0.3})
    pairs = [Pair(manifest.audio_path(u), tmp_path / "a" / f"{u.id}.wav") for u in manifest.utterances]
    settings = SignalSettings(RATE, ("stoi", "mel_distance"), "cut-to-shorter")
    rows = measure(pairs, settings, tmp_path / "m")
    for pair, row in zip(pairs, rows, strict=True):
        with threadpool_limits(1):  # as a process measures: sums over bands depend on the number of threads
            scores = signal_metrics.signal_scores(audio(pair.reference), audio(pair.estimate), RATE, settings.metrics)
        assert row["scores"] == {name: [score.value, score.reason] for name, score in scores.items()}
    assert measure(pairs[::-1], settings, tmp_path / "m") == rows[::-1]
    assert math.isnan(signal_ratios([None], ["stoi"])["stoi"].value())


def test_a_copy_under_another_name_is_one_pair(tmp_path: Path) -> None:
    manifest = corpus_with(tmp_path, {"a": 0.3}, n=1)
    pair = Pair(manifest.audio_path(manifest.utterances[0]), tmp_path / "a" / "utt-0.wav")
    copy = tmp_path / "copy.wav"
    copy.write_bytes(pair.estimate.read_bytes())
    settings = SignalSettings(RATE, ("si_sdr",), "cut-to-shorter")
    rows = measure([pair, replace(pair, estimate=copy)], settings, tmp_path / "m")
    assert rows[0] == rows[1]
    assert len(json.loads(next((tmp_path / "m").glob("*.json")).read_text())) == 1
