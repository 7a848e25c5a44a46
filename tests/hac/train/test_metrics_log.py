"""What a run writes of itself, and what of it stays when the run is resumed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hac.train import metrics_log
from hac.train.metrics_log import Journal
from tests.hac.speech import speech


@pytest.fixture
def plain(monkeypatch):
    """No TensorBoard, as where it is not installed."""
    monkeypatch.setattr(metrics_log, "_board", lambda folder, step: None)


def rows(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def write(run, steps, first=0):
    log = Journal(run, first, 16_000)
    for step in steps:
        log.numbers(step, {"mel": step / 2})
    log.close()


def test_numbers_are_one_line_a_step(tmp_path, plain):
    log = Journal(tmp_path, 0, 16_000)
    log.numbers(1, {"mel": 0.1 + 0.2, "stoi": float("nan"), "norm": float("inf")})
    # readable at once, while the run goes on
    assert rows(tmp_path) == [{"step": 1, "mel": 0.1 + 0.2, "stoi": None, "norm": None}]
    log.sound(1, "utt", np.zeros(10, np.float32))
    log.close()
    assert not log.has_tensorboard and not (tmp_path / "tensorboard").exists()


def test_later_lines_are_dropped_when_a_run_goes_on(tmp_path, plain):
    write(tmp_path, range(1, 8))
    write(tmp_path, range(5, 7), first=4)
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    write(undisturbed, range(1, 7))
    assert (tmp_path / "metrics.jsonl").read_bytes() == (undisturbed / "metrics.jsonl").read_bytes()
    assert [row["step"] for row in rows(tmp_path)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("end", ['{"step": 3, "me', '{"step": 3', "[3]", "{}", '"step"', '{"step": "3"}', "\x00\x00"])
def test_a_line_that_was_cut_is_dropped(tmp_path, plain, end):
    write(tmp_path, [1, 2])
    with (tmp_path / "metrics.jsonl").open("a") as stream:
        stream.write(end)
    write(tmp_path, [3], first=2)
    assert rows(tmp_path) == [{"step": step, "mel": step / 2} for step in (1, 2, 3)]


def test_a_fresh_start_forgets_an_older_log(tmp_path, plain):
    write(tmp_path, [1, 2, 3])
    write(tmp_path, [1], first=0)
    assert [row["step"] for row in rows(tmp_path)] == [1]


def test_tensorboard_gets_numbers_sounds_and_pictures(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = Journal(tmp_path, 0, 16_000)
    assert log.has_tensorboard
    log.numbers(3, {"mel": 0.5, "validation/stoi": float("nan")})
    log.sound(3, "utt/original", speech(0.5))
    log.close()
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("mel")] == [(3, 0.5)]
    (audio,) = events.Audio("audio/utt/original")
    assert (audio.step, audio.sample_rate, audio.length_frames) == (3, 16_000, 8000)
    (picture,) = events.Images("spectrogram/utt/original")
    assert picture.height == 257 and picture.width == -(-8001 // 128)


def test_a_spectrogram_shows_a_tone_where_it_is():
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 16_000).astype(np.float32)
    picture = metrics_log._spectrogram(tone)
    assert picture.dtype == np.uint8
    assert picture[::-1, 20].argmax() == 32 and picture.max() == 255  # 1000 Hz, rows of 31.25 Hz from below
    assert not metrics_log._spectrogram(np.zeros(600, np.float32)).any()
