"""Utterances as training examples: audio, and what the teachers say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hac.data.audio.audio import AudioError, read_utterance
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.timeline import frames_to_hold
from hac.errors import Failure, HacError, failure_of
from hac.teachers.base import Targets
from hac.train.config_sections import DataConfig
from hac.train.data.augment import set_level, shift_phase

_TRIES = 20
"""Utterances tried in a row before a run gives up: a corpus that is gone, not one bad file."""


@dataclass(frozen=True, slots=True)
class Example:
    """One utterance ready to be batched; samples float32 [n], targets as `Targets` gives them or None."""

    id: str
    samples: NDArray[np.float32]
    speech_target: NDArray[Any] | None
    text_target: NDArray[Any] | None
    window: float
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainBatch:
    """A padded batch.

    Attributes:
        audio: float32 [b, n], zero beyond the end of an item.
        exists: bool [b, n], True at the samples that exist.
        speech_targets: [b, t, d], zero where there is none; None without a speech teacher.
        speech_taught: bool [b, t], True at the frames that have a target.
        text_targets: [b, d], zero where there is none; None without a text teacher.
        text_taught: bool [b].
        windows: float64 [b] in [0, 1): where in each item the decoder's window lies.
        failures: utterances that could not be read; another stands in the place of each.
    """

    ids: tuple[str, ...]
    audio: Tensor
    exists: Tensor
    speech_targets: Tensor | None
    speech_taught: Tensor
    text_targets: Tensor | None
    text_taught: Tensor
    windows: Tensor
    failures: tuple[Failure, ...] = ()

    def __len__(self) -> int:
        """Utterances in the batch."""
        return len(self.ids)

    def to(self, device: torch.device) -> TrainBatch:
        """The same batch on another device."""
        moved = {
            name: value.to(device, non_blocking=True)
            for name in ("audio", "exists", "speech_targets", "speech_taught", "text_targets", "text_taught")
            if (value := getattr(self, name)) is not None
        }
        return replace(self, **moved)


@dataclass(frozen=True)
class UtteranceDataset:
    """Training examples by (step, utterance number).

    The step is part of the index, so that augmentation and windows depend on it and on the utterance alone, not on
    which process or worker reads them.

    Attributes:
        manifest: the utterances, in the order of their numbers.
        sample_rate: Hz of the model.
        hop_length: samples per frame of the model.
        seed: of augmentation and windows.
        speech: targets of the speech teacher.
        text: targets of the text teacher.
        augmented: whether level and phase are changed.
    """

    manifest: Manifest
    data: DataConfig
    sample_rate: int
    hop_length: int
    seed: int
    speech: Targets | None = None
    text: Targets | None = None
    augmented: bool = True

    def batch(self, step: int, indices: Sequence[int]) -> TrainBatch:
        """Read and pad some utterances."""
        return self.collate([self.example(step, index) for index in indices])

    def example(self, step: int, index: int) -> Example:
        """Read one utterance; where that fails, the next one of the manifest that can be read.

        Raises:
            HacError: `_TRIES` utterances in a row cannot be read.
        """
        failures: list[Failure] = []
        for shift in range(_TRIES):
            number = (index + shift) % len(self.manifest)
            utterance = self.manifest.utterances[number]
            rng = np.random.default_rng([self.seed, step, number])
            try:
                samples = self._read(utterance)
                return self._example(utterance.id, samples, rng, failures)
            except HacError as error:  # live targets can fail as well as audio
                failures.append(failure_of(utterance.id, error, "target"))
        raise HacError(f"{_TRIES} utterances in a row cannot be read; the last: {failures[-1].detail}")

    def _read(self, utterance: Utterance) -> NDArray[np.float32]:
        """Samples of an utterance, which may last a little less than its manifest says, but never below `min_s`."""
        samples = read_utterance(self.manifest, utterance, self.sample_rate).samples
        needed = frames_to_hold(self.data.min_s, Fraction(self.sample_rate, self.hop_length))
        if -(-len(samples) // self.hop_length) < needed:
            detail = f"lasts {len(samples) / self.sample_rate:.3f} s, below data.min_s = {self.data.min_s:g}"
            raise AudioError(self.manifest.audio_path(utterance), "audio-duration", detail)
        return samples

    def _example(
        self, id: str, samples: NDArray[np.float32], rng: np.random.Generator, failures: list[Failure]
    ) -> Example:
        window = rng.random()
        return Example(
            id,
            self._augment(samples, rng) if self.augmented else samples,
            self.speech[id] if self.speech is not None and id in self.speech else None,
            self.text[id] if self.text is not None and id in self.text else None,
            window,
            tuple(failures),
        )

    def _augment(self, samples: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        if self.data.shift_phase:
            samples = shift_phase(samples, rng.uniform(-np.pi, np.pi))
        if self.data.level_db is not None:
            samples = set_level(samples, rng.uniform(*self.data.level_db))
        return samples

    def collate(self, examples: Sequence[Example]) -> TrainBatch:
        """Pad examples to a batch."""
        lengths = torch.tensor([len(example.samples) for example in examples])
        audio = _stacked([example.samples for example in examples], np.float32)
        n_frames = -(-int(lengths.max()) // self.hop_length)
        taught = torch.zeros(len(examples), n_frames, dtype=torch.bool)
        targets = None
        if self.speech is not None:
            targets = torch.zeros(len(examples), n_frames, self.speech.dim, dtype=torch.float16)
            for row, example in enumerate(examples):
                if example.speech_target is not None:
                    known = torch.from_numpy(np.array(example.speech_target[:n_frames]))
                    # a decoder's padding may make targets and audio differ by a frame
                    own = min(len(known), -(-len(example.samples) // self.hop_length))
                    targets[row, :own] = known[:own]
                    taught[row, :own] = True
        texts = None
        if self.text is not None:
            blank = np.zeros(self.text.dim, np.float32)
            texts = torch.from_numpy(
                np.stack([blank if e.text_target is None else np.asarray(e.text_target, np.float32) for e in examples])
            )
        return TrainBatch(
            tuple(example.id for example in examples),
            audio,
            torch.arange(audio.shape[1]) < lengths[:, None],
            targets,
            taught,
            texts,
            torch.tensor([example.text_target is not None for example in examples]),
            torch.tensor([example.window for example in examples], dtype=torch.float64),
            tuple(failure for example in examples for failure in example.failures),
        )


def _stacked(rows: Sequence[NDArray[Any]], dtype: Any) -> Tensor:
    width = max(len(row) for row in rows)
    stacked = np.zeros((len(rows), width), dtype)
    for i, row in enumerate(rows):
        stacked[i, : len(row)] = row
    return torch.from_numpy(stacked)
