"""A look at held-out utterances while training goes on, so that a collapse is seen early.

Light versions of what `hac-analyze` measures in full: phones at frame centres, one utterance after the other, no
intervals. They tell a run's direction; the numbers for a paper come from `hac-analyze`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hac.data.tiers import Tier
from hac.errors import Failure
from hac.judges.stoi import stoi
from hac.model.bottleneck import BottleneckOutput
from hac.model.inputs import fit_length
from hac.model.masked_convolutions import decode_latent
from hac.model.quantize import mean_square
from hac.train.config_sections import ValidationConfig
from hac.train.data.dataset import TrainBatch, UtteranceDataset
from hac.train.distillation import distil_lexical, retrieval_recall
from hac.train.generator import Generator
from hac.train.losses import MelSpectrogramLoss

Codes = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Validation:
    """Metrics by path, and the sounds of the first few utterances by name.

    Attributes:
        metrics: `validation/mel`, `validation/stoi`, `validation/<level>/...`, `validation/<stream>/pnmi`, ...
            `validation/<level>/stoi_without` is the STOI of what is decoded without a level to what all of them give: 1
            where the decoder does not need it. `validation/<level>/explained` is the share of Z's variance within
            utterances that the level's answer accounts for.
        sounds: float32 [n] by utterance id: the original and what the model makes of it.
        failures: utterances that could not be read, and so are in no metric.
    """

    metrics: Mapping[str, float]
    sounds: Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
    failures: tuple[Failure, ...] = ()


@torch.no_grad()
def validate(
    generator: Generator,
    dataset: UtteranceDataset,
    phones: Tier | None,
    mel: MelSpectrogramLoss,
    settings: ValidationConfig,
) -> Validation:
    """Encode, decode and compare `max_utterances` of a dataset, spread evenly over it, one by one."""
    was_training = generator.training
    generator.eval()
    sums = _Sums()
    codes: dict[str, Codes] = {}
    sounds: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
    vectors: list[tuple[Tensor, Tensor]] = []
    rate = dataset.sample_rate
    device = generator.model.device
    failures: list[Failure] = []
    for batch in _single(dataset, settings.max_utterances):
        if batch.failures:  # another stands in its place, which would count twice
            failures.append(batch.failures[0])
            continue
        on_device = batch.to(device)
        result = _one(generator, on_device, vectors, sums)
        original, decoded = batch.audio[0].numpy(), result.audio.cpu().numpy()
        if len(codes) < settings.dropped:
            for level, audio in _without_each(generator, result.bottleneck, batch.audio.shape[1]).items():
                sums.add(f"validation/{level}/stoi_without", stoi(decoded, audio.cpu().numpy(), rate).value)
        sums.add("validation/mel", float(mel(result.audio[None], on_device.audio)))
        sums.add("validation/stoi", stoi(original, decoded, rate).value)
        codes[batch.ids[0]] = result.codes
        if len(sounds) < settings.clips:
            sounds[batch.ids[0]] = (original, decoded)
    generator.train(was_training)
    metrics = sums.means() | {"validation/unreadable": float(len(failures))}
    if vectors:
        found, n_texts = retrieval_recall(torch.cat([s for s, _ in vectors]), torch.cat([t for _, t in vectors]))
        metrics["validation/lexical/recall_at_1"] = found / len(vectors)
        metrics["validation/lexical/recall_at_1_chance"] = 1 / n_texts
    if phones is not None:
        metrics |= light_pnmi(codes, phones, float(generator.model.config.frame_rate), settings.shifts)
    return Validation(metrics, sounds, tuple(failures))


def light_pnmi(codes: Mapping[str, Codes], phones: Tier, frame_rate: float, shifts: int) -> dict[str, float]:
    """PNMI of every stream with phones at frame centres, its null from circular shifts, and the corrected value.

    Args:
        codes: by utterance, by stream, int64 [t].
        shifts: shifts of the null; each utterance is turned by a random part of its length, a quarter to three.

    Returns:
        `validation/<stream>/pnmi`, `..._null` and `..._corrected`, for the streams of the utterances with phones;
        nothing where fewer than two phones meet a frame.
    """
    from sklearn.metrics import homogeneity_score

    position = {id: index for index, id in enumerate(phones.ids)}
    known = [id for id in codes if id in position]
    if not known:
        return {}
    streams = list(codes[known[0]])
    labels = [_at_centres(phones, position[id], len(codes[id][streams[0]]), frame_rate) for id in known]
    rng = np.random.default_rng(0)
    turns = [[int(len(row) * (0.25 + 0.5 * rng.random())) for row in labels] for _ in range(shifts)]
    spoken = np.concatenate(labels)
    there = spoken >= 0
    if len(np.unique(spoken[there])) < 2:
        return {}  # no entropy to explain
    metrics: dict[str, float] = {}
    for stream in streams:
        rows = [codes[id][stream] for id in known]
        value = float(homogeneity_score(spoken[there], np.concatenate(rows)[there]))
        turned = [np.concatenate([np.roll(row, n) for row, n in zip(rows, turn, strict=True)]) for turn in turns]
        null = float(np.mean([homogeneity_score(spoken[there], row[there]) for row in turned]))
        metrics[f"validation/{stream}/pnmi"] = value
        metrics[f"validation/{stream}/pnmi_null"] = null
        metrics[f"validation/{stream}/pnmi_corrected"] = (value - null) / (1 - null) if null < 1 else float("nan")
    return metrics


@dataclass(frozen=True, slots=True)
class _Result:
    audio: Tensor
    codes: Codes
    bottleneck: BottleneckOutput


def _one(generator: Generator, batch: TrainBatch, vectors: list[tuple[Tensor, Tensor]], sums: _Sums) -> _Result:
    """Encode and decode one utterance, and hear what its teachers say."""
    model = generator.model
    prepared = model.prepare(batch.audio)
    bottleneck = model.bottleneck_of(prepared)
    heads: Any = generator.heads
    if "phonetic" in heads and batch.speech_targets is not None and bool(batch.speech_taught.any()):
        distilled = heads["phonetic"].distil(bottleneck.levels["phonetic"], batch.speech_targets, batch.speech_taught)
        name = f"validation/phonetic/teacher_{distilled.measure}"
        sums.add(name, float(distilled.agreement), float(distilled.n))
    if "lexical" in heads and batch.text_targets is not None and bool(batch.text_taught.any()):
        student = heads["lexical"](bottleneck.levels["lexical"].quantized, prepared.mask)
        vectors.append((student, batch.text_targets))
        cosine = distil_lexical(student, batch.text_targets, batch.text_taught).agreement
        sums.add("validation/lexical/teacher_cosine", float(cosine))
    audio = _decoded(generator, bottleneck.latent, batch.audio.shape[1])
    variance = bottleneck.encoded.float().var(2).mean()
    for name, level in bottleneck.levels.items():
        unexplained = mean_square(level.quantized, bottleneck.encoded, None)
        sums.add(f"validation/{name}/explained", float(1 - unexplained / variance), bottleneck.encoded.shape[2])
    return _Result(audio, {name: rows[0].cpu().numpy() for name, rows in bottleneck.codes.items()}, bottleneck)


def _decoded(generator: Generator, latent: Tensor, n_samples: int) -> Tensor:
    """The sound [n_samples] of one utterance's latent [1, latent_dim, t]."""
    return fit_length(decode_latent(generator.model.decoder, latent), torch.tensor([n_samples], device=latent.device))[
        0
    ]


def _without_each(generator: Generator, bottleneck: BottleneckOutput, n_samples: int) -> dict[str, Tensor]:
    """One utterance decoded without each of its levels in turn; nothing where there is but one."""
    levels = tuple(bottleneck.levels)
    if len(levels) < 2:
        return {}
    model = generator.model
    latents = {
        name: model.bottleneck.from_codes(bottleneck.codes, [level for level in levels if level != name])
        for name in levels
    }
    return {name: _decoded(generator, latent, n_samples) for name, latent in latents.items()}


class _Sums:
    """Weighted means by name; what is undefined is left out and counted."""

    def __init__(self) -> None:
        self._totals: dict[str, float] = {}
        self._weights: dict[str, float] = {}
        self._undefined: dict[str, int] = {}

    def add(self, name: str, value: float, weight: float = 1.0) -> None:
        if not np.isfinite(value):
            self._undefined[name] = self._undefined.get(name, 0) + 1
            return
        self._totals[name] = self._totals.get(name, 0.0) + weight * value
        self._weights[name] = self._weights.get(name, 0.0) + weight

    def means(self) -> dict[str, float]:
        means = {name: total / self._weights[name] for name, total in self._totals.items()}
        return means | {f"{name}_undefined": float(count) for name, count in self._undefined.items()}


def _single(dataset: UtteranceDataset, limit: int) -> Iterator[TrainBatch]:
    """Utterances spread evenly over the dataset, as batches of one."""
    n = len(dataset.manifest)
    chosen: Sequence[int] = np.unique(np.linspace(0, n - 1, min(limit, n)).round().astype(int)).tolist()
    for index in chosen:
        yield dataset.batch(0, [index])


def _at_centres(tier: Tier, index: int, n_frames: int, frame_rate: float) -> NDArray[np.int64]:
    """Label of one utterance at each frame's centre, int64 [n_frames]; -1 where there is none."""
    rows = slice(int(tier.bounds[index]), int(tier.bounds[index + 1]))
    if rows.start == rows.stop:
        return np.full(n_frames, -1, dtype=np.int64)
    centres = ((np.arange(n_frames) + 0.5) * 1e6 / frame_rate).astype(np.int64)
    found = np.maximum(np.searchsorted(tier.onset_us[rows], centres, side="right") - 1, 0)
    inside = (tier.onset_us[rows][found] <= centres) & (centres < tier.offset_us[rows][found])
    return np.where(inside, tier.labels[rows][found], -1).astype(np.int64)
