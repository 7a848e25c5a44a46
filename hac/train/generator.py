"""What is trained against the discriminators: the codec and the heads by which its teachers reach it.

Whole utterances are encoded and quantized, and the teachers act there. Only a random window of the latents is
decoded, and the losses of sound act on it (as VITS trains its decoder): the dear part costs what DAC's short
crops cost, and the teachers see whole sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hac.data.timeline import frames_to_hold
from hac.errors import HacError
from hac.model.hac_model import HacModel
from hac.model.masked_convolutions import decode_latent
from hac.model.quantize import Quantized, mean_square
from hac.teachers.units import FrameUnits
from hac.train.config import TrainConfig
from hac.train.data.dataset import TrainBatch
from hac.train.distillation import Distilled, LexicalHead, PhoneticHead, UnitHead, distil_lexical


@dataclass(frozen=True, slots=True)
class GeneratorOutput:
    """What the generator makes of a batch.

    Attributes:
        estimate: [w * b, n], the decoded windows: the first of each of the b utterances, then the second, ...
        reference: [w * b, n], the sound of those windows.
        commitment_loss: scalar, mean over frames, summed over codebooks.
        codebook_loss: scalar, mean over frames, summed over codebooks.
        alignment_loss: scalar, mean over frames and channels of (Z - P)^2, P the phonetic level's answer and Z taken as
            given; None without that level.
        phonetic: what the speech teacher says; None without one.
        lexical: what the text teacher says; None without one.
        n_frames: frames that exist in the batch.
    """

    estimate: Tensor
    reference: Tensor
    commitment_loss: Tensor
    codebook_loss: Tensor
    alignment_loss: Tensor | None
    phonetic: Distilled | None
    lexical: Distilled | None
    n_frames: Tensor


class Generator(nn.Module):
    """The model with its heads.

    Args:
        speech: dimensions of the speech teacher, or its units where they are what is taught; None without one.
        text_dim: dimensions of the text teacher; None without one.

    Raises:
        HacError: a teacher whose level the model lacks.
    """

    def __init__(
        self, model: HacModel, config: TrainConfig, speech: int | FrameUnits | None, text_dim: int | None
    ) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.heads = nn.ModuleDict()
        if speech is not None:
            _require(model, "phonetic", "speech")
            self.heads["phonetic"] = _phonetic_head(model, config, speech)
        if text_dim is not None:
            _require(model, "lexical", "text")
            pooling = config.teachers.text.student_pooling if config.teachers.text else "mean"
            self.heads["lexical"] = LexicalHead(model.config.latent_dim, text_dim, pooling)
        self.window_frames = frames_to_hold(config.losses.window_s, model.config.frame_rate)

    def forward(self, batch: TrainBatch) -> GeneratorOutput:
        """Encode, quantize, distil; decode a window."""
        prepared = self.model.prepare(batch.audio, batch.exists)
        bottleneck = self.model.bottleneck_of(prepared)
        quantized = {name: level.quantized for name, level in bottleneck.levels.items()}
        hop, n_windows = self.model.config.hop_length, self.config.losses.windows
        # evenly spread from a random place on, in circles
        drawn = [(batch.windows + window / n_windows) % 1 for window in range(n_windows)]
        starts = [self._starts(prepared.mask, places) for places in drawn]
        latents = torch.cat([_windows(bottleneck.latent, rows, self.window_frames) for rows in starts])
        estimate = decode_latent(self.model.decoder, latents)
        sounds = [_windows(prepared.samples, rows * hop, self.window_frames * hop) for rows in starts]
        reference = torch.cat(sounds)[:, 0, : estimate.shape[-1]]
        return GeneratorOutput(
            estimate=estimate,
            reference=reference,
            commitment_loss=bottleneck.commitment_loss,
            codebook_loss=bottleneck.codebook_loss,
            alignment_loss=(
                mean_square(quantized["phonetic"], bottleneck.encoded.detach(), prepared.mask)
                if "phonetic" in quantized
                else None
            ),
            phonetic=self._distil_phonetic(bottleneck.levels, batch),
            lexical=self._distil_lexical(quantized, batch, prepared.mask),
            n_frames=prepared.mask.sum(),
        )

    def _distil_phonetic(self, levels: Mapping[str, Quantized], batch: TrainBatch) -> Distilled | None:
        if "phonetic" not in self.heads:
            return None
        assert batch.speech_targets is not None
        head: Any = self.heads["phonetic"]
        distilled: Distilled = head.distil(levels["phonetic"], batch.speech_targets, batch.speech_taught)
        return distilled

    def _distil_lexical(self, quantized: dict[str, Tensor], batch: TrainBatch, mask: Tensor) -> Distilled | None:
        if "lexical" not in self.heads:
            return None
        assert batch.text_targets is not None and self.config.teachers.text is not None
        student = self.heads["lexical"](quantized["lexical"], mask)
        return distil_lexical(student, batch.text_targets, batch.text_taught, self.config.teachers.text.loss)

    def _starts(self, mask: Tensor, windows: Tensor) -> Tensor:
        """First frame of each item's window; every window lies wholly inside its item."""
        room = (mask.sum(1).cpu() - self.window_frames + 1).clamp(min=1)
        return (windows.cpu() * room).long()


def _windows(rows: Tensor, starts: Tensor, width: int) -> Tensor:
    """[b, c, t] to [b, c, width], each item from its own start."""
    return torch.stack([row[:, start : start + width] for row, start in zip(rows, starts.tolist(), strict=True)])


def _phonetic_head(model: HacModel, config: TrainConfig, speech: int | FrameUnits) -> nn.Module:
    shape = model.config
    if isinstance(speech, FrameUnits):
        return UnitHead(shape.latent_dim, shape.transformer_dim, speech)
    assert config.teachers.speech is not None and config.teachers.speech.loss != "units"
    return PhoneticHead(shape.latent_dim, speech, config.teachers.speech.loss)


def _require(model: HacModel, level: str, teacher: str) -> None:
    if level not in model.config.levels:
        raise HacError(
            f"the {teacher} teacher teaches the {level} level, which this model does not have; set "
            f"teachers.{teacher}=null or switch the level on"
        )
