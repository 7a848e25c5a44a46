"""All that a training run needs, small: real speech, made-up teachers, a model and discriminators of a few weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
import torch

from hac.data.alignments.alignment import Alignments, tier_from_rows, write_alignments
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.files.yaml_config import merged
from hac.model.hac_model import HacModel
from hac.train.config import TrainConfig, build_train_config, model_config
from hac.train.data.dataset import Example, TrainBatch, UtteranceDataset
from hac.train.discriminator import Discriminator
from hac.train.generator import Generator
from hac.train.losses import MelSpectrogramLoss
from hac.train.step import Networks, train_step
from tests.corpora import speech
from tests.hac.tiny_hac import TINY

RATE = 16_000
HOP = 320
DURATIONS_S = (0.6, 1.5, 0.83, 1.21, 0.7, 1.0, 1.37, 0.95)
TEXTS = (
    "it was the best of times",
    "it was the worst of times",
    "it was the age of wisdom",
    "it was the age of foolishness",
    "it was the season of light",
    "it was the season of darkness",
    "it was the spring of hope",
    "it was the winter of despair",
)
PHONES = ("sil", "AA1", "B", "S", "IY0", "N")

TRAIN: dict[str, Any] = {
    # the widest stride first, for speed; no dropout of any kind, so that two computations can be compared
    "model": TINY | {"downsampling_ratios": (8, 5, 4, 2), "quantizer_dropout": 0.0, "transformer_dropout": 0.0},
    "data": {"train": "train.jsonl", "min_s": 0.3, "max_s": 2.0, "batch_s": 5.0, "validation_share": 0.25},
    "teachers": {"speech": None, "text": None},
    "losses": {"window_s": 0.1},
    "discriminator": {"periods": [2, 3], "fft_sizes": [256], "period_channels": [4, 8], "band_channels": 4},
    "optimizer": {"learning_rate": 1e-3},
    "validation": {"every": 2, "clips": 1, "max_utterances": 2, "shifts": 2},
    "checkpoint": {"every": 2, "keep": 2},
    "steps": 4,
}
"""A whole training configuration but for where the speech is; without teachers."""

BOTH_TEACHERS: dict[str, Any] = {"teachers": {"speech": {"name": "fake"}, "text": {"name": "fake"}}}


def tiny_corpus(folder: Path, n: int = 8, n_speakers: int = 2) -> Path:
    """Write n utterances of real speech with texts and phones: manifest.jsonl, audio, alignments.parquet.

    The phones are made up; they cover each utterance from end to end.

    Returns:
        The manifest.
    """
    rng = np.random.default_rng(0)
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    rows, utterances = [], []
    for i, (duration, text) in enumerate(zip(DURATIONS_S[:n], TEXTS[:n], strict=True)):
        id = f"utt-{i}"
        sf.write(folder / "audio" / f"{id}.wav", speech(duration, 1.6 * i), RATE)
        cuts = np.sort(rng.choice(np.arange(2, int(duration * 100) - 2), 8, replace=False)) * 10_000
        edges = [0, *cuts.tolist(), round(duration * 1e6)]
        labels = rng.integers(0, len(PHONES), len(edges) - 1)
        rows += [(id, PHONES[p], a, b) for p, a, b in zip(labels, edges[:-1], edges[1:], strict=True)]
        utterances.append(Utterance(id, f"audio/{id}.wav", duration, f"speaker-{i % n_speakers}", "en", text))
    write_manifest(Manifest(folder, tuple(utterances)), folder / "manifest.jsonl")
    write_alignments(Alignments({"phones": tier_from_rows("phones", rows)}, {}), folder / "alignments.parquet")
    return folder / "manifest.jsonl"


def tiny_config(*changes: Mapping[str, Any]) -> TrainConfig:
    """`TRAIN` with changes laid over it, one after the other."""
    values: Mapping[str, Any] = TRAIN
    for change in changes:
        values = merged(values, change)
    return build_train_config(values, "tiny")


class FakeTargets(dict[str, Any]):
    """Targets by utterance id, as a teacher would give them."""

    @property
    def dim(self) -> int:
        return int(next(iter(self.values())).shape[-1])

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self)

    def content(self, id: str) -> str:
        return id


def fake_speech_targets(lengths: Mapping[str, int], dim: int = 6, seed: int = 0) -> FakeTargets:
    """Random targets [t, dim] in half precision for utterances of some samples."""
    rng = np.random.default_rng(seed)
    return FakeTargets({id: rng.standard_normal((-(-n // HOP), dim)).astype(np.float16) for id, n in lengths.items()})


def fake_text_targets(ids: Sequence[str], dim: int = 5, seed: int = 1) -> FakeTargets:
    """Random targets [dim] of unit norm."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((len(ids), dim)).astype(np.float32)
    return FakeTargets(dict(zip(ids, rows / np.linalg.norm(rows, axis=1, keepdims=True), strict=True)))


def tiny_dataset(
    manifest: Manifest | None = None, config: TrainConfig | None = None, **options: Any
) -> UtteranceDataset:
    """A dataset of the tiny model's rate and hop."""
    config = config or tiny_config()
    return UtteranceDataset(manifest or Manifest(Path(), ()), config.data, RATE, HOP, config.seed, **options)


def tiny_examples(seconds: Sequence[float], taught: bool = True) -> list[Example]:
    """Utterances of real speech with made-up targets; of every four taught ones, one has no text and one no speech."""
    lengths = {f"utt-{i}": round(s * RATE) for i, s in enumerate(seconds)}
    frames, texts = fake_speech_targets(lengths), fake_text_targets(list(lengths))
    windows = np.random.default_rng(2).random(len(seconds))
    return [
        Example(
            id,
            speech(n / RATE, 1.6 * i),
            frames[id] if taught and i % 4 != 2 else None,
            texts[id] if taught and i % 4 != 1 else None,
            float(windows[i]),
        )
        for i, (id, n) in enumerate(lengths.items())
    ]


def tiny_batch(examples: Sequence[Example]) -> TrainBatch:
    """Those utterances as one batch, with both kinds of targets."""
    targets = {"speech": fake_speech_targets({"-": 1}), "text": fake_text_targets(["-"])}
    return tiny_dataset(**targets).collate(examples)


class Recorder(torch.optim.Optimizer):
    """Keeps the gradients it is given, and moves nothing."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": 0.0})
        self.gradients: list[torch.Tensor] | None = None

    def step(self, closure: Any = None) -> None:
        self.gradients = [p.grad.clone() for group in self.param_groups for p in group["params"]]


def adam(parameters: Any) -> torch.optim.Optimizer:
    """The optimizer of a real run."""
    return torch.optim.AdamW(parameters, lr=1e-3, betas=(0.8, 0.99), fused=True)


def tiny_networks(config: TrainConfig, seed: int = 0, optimizer: Any = Recorder) -> Networks:
    """Fresh networks, with the heads that the configuration's teachers need (6 and 5 dimensions)."""
    torch.manual_seed(seed)
    teachers, model = config.teachers, HacModel(model_config(config))
    generator = Generator(model, config, 6 if teachers.speech else None, 5 if teachers.text else None).train()
    discriminator = Discriminator(config.discriminator) if config.adversarial else None
    return Networks(
        generator,
        discriminator,
        optimizer(generator.parameters()),
        None if discriminator is None else optimizer(discriminator.parameters()),
        MelSpectrogramLoss(RATE, (256, 512), (20, 40)),
    )


def tiny_step(networks: Networks, parts: Sequence[TrainBatch], config: TrainConfig, step: int = 0) -> dict[str, float]:
    """One training step in single precision."""
    return train_step(networks, parts, config, step, nullcontext)
