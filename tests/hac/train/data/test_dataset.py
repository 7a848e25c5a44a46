"""Training examples and their batches."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
import soundfile as sf
import torch

from hac.data.audio.audio import read_utterance
from hac.data.manifest.formats import read_manifest
from hac.errors import HacError
from hac.train.data.dataset import Example
from tests.hac.tiny_hac import one_thread
from tests.hac.train.tiny_run import (
    DURATIONS_S,
    HOP,
    RATE,
    FakeTargets,
    fake_speech_targets,
    fake_text_targets,
    tiny_config,
    tiny_corpus,
    tiny_dataset,
)

__all__ = ["one_thread"]  # a fixture that runs by itself


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return read_manifest(tiny_corpus(tmp_path_factory.mktemp("corpus")))


def lengths(manifest):
    return {u.id: round(u.duration * RATE) for u in manifest.utterances}


def taught(manifest, **options):
    """A dataset with targets of both teachers."""
    return tiny_dataset(
        manifest, speech=fake_speech_targets(lengths(manifest)), text=fake_text_targets(manifest.ids), **options
    )


def test_items_are_padded_with_zeros(manifest):
    plain = tiny_dataset(manifest, augmented=False)
    batch = plain.batch(0, [0, 1, 4])
    assert batch.ids == ("utt-0", "utt-1", "utt-4") and len(batch) == 3
    assert batch.audio.dtype == torch.float32 and batch.audio.shape == (3, round(1.5 * RATE))
    assert batch.exists.sum(1).tolist() == [round(DURATIONS_S[i] * RATE) for i in (0, 1, 4)]
    for row, i in enumerate((0, 1, 4)):
        samples = read_utterance(manifest, manifest.utterances[i], RATE).samples
        assert np.array_equal(batch.audio[row][batch.exists[row]].numpy(), samples)
        assert not batch.audio[row][~batch.exists[row]].any()
        assert batch.exists[row, : len(samples)].all()  # existing samples come first
    assert batch.speech_targets is None and not batch.speech_taught.any()
    assert batch.text_targets is None and not batch.text_taught.any()
    assert batch.failures == ()


def test_augmentation_changes_level_and_phase(manifest):
    config = tiny_config({"data": {"level_db": [-21.0, -20.0]}})
    samples = tiny_dataset(manifest, config).batch(0, [1]).audio[0].numpy()
    original = tiny_dataset(manifest, augmented=False).batch(0, [1]).audio[0].numpy()
    assert -21.01 < 10 * np.log10(np.mean(samples**2)) < -19.99
    assert np.abs(np.corrcoef(samples, original)[0, 1]) < 0.999
    for untouched in (tiny_config({"data": {"level_db": None, "shift_phase": False}}),):
        assert np.array_equal(tiny_dataset(manifest, untouched).batch(0, [1]).audio[0].numpy(), original)


def test_an_example_is_the_same_whatever_batch_it_is_in(manifest):
    dataset = taught(manifest)
    together, alone = dataset.batch(7, [3, 0, 2]), dataset.batch(7, [2])
    exists = together.exists[2]
    assert torch.equal(together.audio[2][exists], alone.audio[0])
    assert together.windows[2] == alone.windows[0]
    frames = alone.speech_targets.shape[1]
    assert torch.equal(together.speech_targets[2, :frames], alone.speech_targets[0])
    assert torch.equal(together.text_targets[2], alone.text_targets[0])
    again = taught(manifest).batch(7, [2])
    assert torch.equal(again.audio, alone.audio) and torch.equal(again.windows, alone.windows)


def test_chance_depends_on_step_utterance_and_seed(manifest):
    dataset = tiny_dataset(manifest)
    windows = torch.cat([dataset.batch(step, range(8)).windows for step in range(6)])
    assert windows.dtype == torch.float64
    assert len(set(windows.tolist())) == 48 and windows.min() >= 0 and windows.max() < 1
    assert windows.min() < 0.2 and windows.max() > 0.8
    assert not torch.equal(dataset.batch(0, [0]).audio, dataset.batch(1, [0]).audio)
    other = dataclasses.replace(dataset, seed=1)
    assert not torch.equal(dataset.batch(0, [0]).windows, other.batch(0, [0]).windows)


def test_targets_are_cut_padded_and_masked(manifest):
    own = {id: -(-n // HOP) for id, n in lengths(manifest).items()}
    rng = np.random.default_rng(0)
    targets = FakeTargets(
        {id: rng.standard_normal((own[id] + more, 6)).astype(np.float16) for id, more in (("utt-0", 2), ("utt-1", -1))}
    )
    texts = fake_text_targets(["utt-1"])
    for rows in targets.values():
        rows.flags.writeable = False  # as a memory map has them
    batch = tiny_dataset(manifest, speech=targets, text=texts).batch(0, [0, 1, 2])
    n = own["utt-1"]
    assert batch.speech_targets.shape == (3, n, 6) and batch.speech_targets.dtype == torch.float16
    assert batch.speech_taught.sum(1).tolist() == [own["utt-0"], n - 1, 0]
    for row, id in enumerate(("utt-0", "utt-1")):
        mask = batch.speech_taught[row]
        assert mask[: int(mask.sum())].all()
        assert np.array_equal(batch.speech_targets[row][mask].numpy(), targets[id][: int(mask.sum())])
    assert not batch.speech_targets[~batch.speech_taught].any()
    assert batch.text_taught.tolist() == [False, True, False]
    assert batch.text_targets.dtype == torch.float32
    assert np.array_equal(batch.text_targets[1].numpy(), texts["utt-1"]) and not batch.text_targets[[0, 2]].any()


def test_targets_longer_than_the_batch(manifest):
    rows = np.ones((500, 6), np.float16)
    batch = tiny_dataset(manifest, speech=FakeTargets({"utt-0": rows})).batch(0, [0])
    assert batch.speech_targets.shape == (1, 30, 6) and batch.speech_taught.all()


def test_what_cannot_be_read_is_replaced_by_the_next_and_listed(tmp_path):
    manifest = read_manifest(tiny_corpus(tmp_path))
    (tmp_path / "audio" / "utt-6.wav").unlink()
    (tmp_path / "audio" / "utt-7.wav").write_bytes(b"no audio at all")
    dataset = tiny_dataset(manifest)
    batch = dataset.batch(3, [6, 7, 1])
    # after the last comes the first
    assert batch.ids == ("utt-0", "utt-0", "utt-1")
    assert [(f.id, f.reason) for f in batch.failures] == [
        ("utt-6", "audio-missing"),
        ("utt-7", "audio-unreadable"),
        ("utt-7", "audio-unreadable"),
    ]
    assert all(f.detail for f in batch.failures)
    replaced = batch.audio[0][batch.exists[0]]
    assert torch.equal(replaced, dataset.batch(3, [0]).audio[0])


def test_audio_a_little_shorter_than_its_manifest_says_never_falls_below_the_window(tmp_path):
    manifest = read_manifest(tiny_corpus(tmp_path))
    # one frame of 320 samples is missing, then only a part of the last one
    for name, n in (("utt-0", 9_600 - 640 - 1), ("utt-4", 11_200 - 1599)):
        samples, rate = sf.read(tmp_path / "audio" / f"{name}.wav", dtype="float32")
        sf.write(tmp_path / "audio" / f"{name}.wav", samples[:n], rate)
    config = tiny_config({"data": {"min_s": 0.58}})
    dataset = tiny_dataset(manifest, config)
    assert manifest.utterances[0].duration == 0.6  # within the tolerance of the manifest, not of the window
    batch = dataset.batch(0, [0, 4])
    assert batch.ids == ("utt-1", "utt-4")
    (failure,) = batch.failures
    assert (failure.id, failure.reason) == ("utt-0", "audio-duration")
    assert "lasts 0.560 s, below data.min_s = 0.58" in failure.detail


def test_a_target_that_fails_is_treated_like_audio_that_fails(manifest):
    class Live(FakeTargets):
        def __getitem__(self, id):
            if id == "utt-1":
                raise HacError("the teacher refused it")
            return super().__getitem__(id)

    dataset = tiny_dataset(manifest, speech=Live(fake_speech_targets(lengths(manifest))))
    batch = dataset.batch(0, [0, 1])
    assert batch.ids == ("utt-0", "utt-2") and batch.speech_taught[1].any()
    assert [(f.id, f.detail) for f in batch.failures] == [("utt-1", "the teacher refused it")]
    # who stands in draws what it would have drawn in its own place
    assert batch.windows[1] == dataset.batch(0, [2]).windows[0]


def test_a_corpus_that_is_gone_stops_the_run(tmp_path):
    manifest = read_manifest(tiny_corpus(tmp_path))
    shutil.rmtree(tmp_path / "audio")
    with pytest.raises(HacError, match=r"20 utterances in a row cannot be read; the last: .*no such"):
        tiny_dataset(manifest).batch(0, [0])


def test_a_batch_moves_whole():
    batch = tiny_dataset(text=fake_text_targets(["a"])).collate(
        [Example("a", np.ones(400, np.float32), None, None, 0.5)]
    )
    moved = batch.to(torch.device("meta"))
    assert moved.ids == ("a",) and moved.speech_targets is None
    for name in ("audio", "exists", "speech_taught", "text_targets", "text_taught"):
        assert getattr(moved, name).device.type == "meta"
        assert getattr(batch, name).device.type == "cpu"
    assert batch.speech_taught.shape == (1, 2)  # whole frames, the last one begun
