"""The sections of a training configuration; their defaults are DAC's, and ours where HAC's description is silent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_Decay = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A section: no unknown keys, no changes, no number that is infinite or none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataConfig(Section):
    """Which speech, and how it is cut into batches.

    Attributes:
        train: manifests to train on.
        validation: manifests that are never trained on; None holds out `validation_share` of the speakers (of
            the utterances, where there are fewer than 5 speakers) of `train`.
        validation_share: share held out where `validation` is None.
        alignments: alignment stores of the validation utterances, for the PNMI of each validation.
        min_s: shorter utterances are left out; never less than the decoder's window.
        max_s: longer utterances are left out: an utterance is encoded whole, so this bounds memory.
        batch_s: seconds of audio in one global batch, padding included, over all processes.
        workers: processes that read audio ahead, per training process; 0 reads in the training process.
        level_db: each utterance is scaled to a level (dB RMS of full scale) drawn from this range; None leaves it.
        shift_phase: rotate the phase of each utterance by a random angle, as DAC does.
    """

    train: tuple[str, ...] = ()
    validation: tuple[str, ...] | None = None
    validation_share: float = Field(default=0.05, gt=0, lt=1)
    alignments: tuple[str, ...] = ()
    min_s: float = Field(default=0.5, gt=0)
    max_s: float = Field(default=20.0, gt=0)
    batch_s: float = Field(default=60.0, gt=0)
    workers: int = Field(default=0, ge=0)
    level_db: tuple[float, float] | None = (-30.0, -18.0)
    shift_phase: bool = True

    @field_validator("train", "validation", "alignments", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class _TeacherConfig(Section):
    where: str | None = None
    revision: str | None = None
    weight: float = Field(default=1.0, ge=0)
    shuffled: bool = False
    cache: Path | None = None
    device: str | None = None


class SpeechTeacherConfig(_TeacherConfig):
    """The teacher of the phonetic level.

    Attributes:
        name: a teacher known by name (`hubert`, ...) or an entry point `hac.teachers`.
        where: folder or hub id, where it is not the name's own.
        revision: of a hub id.
        layer: layer index, or `average` of all; None is the name's own.
        loss: `cosine` per frame, `d-axis` or `t-axis` (SpeechTokenizer), or `units`, the cross-entropy to the k-means
            units of the teacher's frames (`hac.teachers.units`), fitted on the training speech. The paper's choice was
            not seen.
        units: how many there are, where the loss is of `units`.
        unit_directions: dimensions of the projection that they live in; 0 is none.
        standardize: give every dimension of the target mean 0 and deviation 1 over the training set, so that a
            few large dimensions do not decide the cosine.
        window_s: Whisper only: pad utterances to a multiple of this many seconds; None pads to 30 s, as it was
            trained. Shorter is quicker and costs a little: see `hac.teachers.registry.WHISPER_WINDOW_S`.
        resample: how teacher frames reach the codec's frame rate.
        weight: of the loss; 60, or 5 where it is of `units`.
        shuffled: teach with the targets of another utterance: a control.
        targets: `cached` computes every target once and keeps it on disk; `live` computes it when it is needed.
        cache: folder of the targets; None is a folder in the user's cache.
        device: where the teacher computes; None is where the model trains.
    """

    name: str = "hubert"
    layer: int | Literal["average"] | None = None
    loss: Literal["cosine", "d-axis", "t-axis", "units"] = "cosine"
    units: int = Field(default=500, ge=2)
    unit_directions: int = Field(default=64, ge=0)
    standardize: bool = True
    window_s: float | None = Field(default=10.0, gt=0)
    resample: Literal["linear", "nearest"] = "linear"
    weight: float = Field(default=60.0, ge=0)
    targets: Literal["cached", "live"] = "cached"

    @model_validator(mode="before")
    @classmethod
    def _weight_of_units(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("loss") == "units":
            return {"weight": 5.0, **values}
        return values


class TextTeacherConfig(_TeacherConfig):
    """The teacher of the lexical level.

    Attributes:
        name: a teacher known by name (`labse`, ...) or an entry point `hac.teachers`.
        where: folder or hub id, where it is not the name's own.
        revision: of a hub id.
        pooling: how the text encoder's states become one vector; None is the name's own.
        student_pooling: how the lexical frames become one vector: `mean` or `attention`.
        loss: `cosine` (1 - cos) or `l1`. The paper's choice was not seen.
        weight: of the loss.
        shuffled: teach with the text of another utterance: a control.
        cache: folder of the targets; None is a folder in the user's cache.
        device: where the teacher computes; None is where the model trains.
    """

    name: str = "labse"
    pooling: Literal["pooler", "cls", "mean"] | None = None
    student_pooling: Literal["mean", "attention"] = "mean"
    loss: Literal["cosine", "l1"] = "cosine"
    weight: float = Field(default=10.0, ge=0)


class TeachersConfig(Section):
    """The two teachers; None removes one."""

    speech: SpeechTeacherConfig | None = SpeechTeacherConfig()
    text: TextTeacherConfig | None = TextTeacherConfig()


class LossesConfig(Section):
    """Weights of the codec's own losses, as DAC has them, and the window they are computed on.

    Attributes:
        mel: multi-scale log-mel distance.
        waveform: L1 of the samples.
        adversarial: least-squares adversarial loss of the generator.
        feature_matching: distance of the discriminators' features.
        commitment: pulls the encoder to the codes.
        codebook: pulls the codes to the encoder.
        alignment: pulls the phonetic level's answer to Z, so that it explains what it can of it; Z as the target
            is taken as given. Where it explains little, `model.acoustic_input: residual` leaves the acoustic
            level everything, and nothing is factorized.
        window_s: seconds of each window that is decoded; the losses of sound act there.
        windows: windows decoded of every utterance, spread over it from a random start; they may overlap.
    """

    mel: float = Field(default=15.0, ge=0)
    waveform: float = Field(default=0.0, ge=0)
    adversarial: float = Field(default=1.0, ge=0)
    feature_matching: float = Field(default=2.0, ge=0)
    commitment: float = Field(default=0.25, ge=0)
    codebook: float = Field(default=1.0, ge=0)
    alignment: float = Field(default=0.0, ge=0)
    window_s: float = Field(default=0.38, gt=0)
    windows: int = Field(default=1, ge=1)


class DiscriminatorConfig(Section):
    """DAC's discriminators: multi-period, and multi-band complex STFT.

    Attributes:
        start_step: first step at which they take part.
        periods: of the multi-period discriminators, in samples.
        fft_sizes: of the STFT discriminators.
        period_channels: channels of the layers of a multi-period discriminator.
        band_channels: channels of the layers of an STFT discriminator.
    """

    start_step: int = Field(default=0, ge=0)
    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    fft_sizes: tuple[int, ...] = (2048, 1024, 512)
    period_channels: tuple[int, ...] = (32, 128, 512, 1024, 1024)
    band_channels: int = Field(default=32, ge=1)


class OptimizerConfig(Section):
    """AdamW for the generator and for the discriminators.

    Attributes:
        learning_rate: at its highest.
        betas: decay rates of the moments.
        weight_decay: of AdamW.
        warmup_steps: steps over which the rate rises from 0.
        schedule: `exponential` (times `decay` every step), `cosine` (to 0 at the last step) or `constant`.
        decay: of `exponential`.
        clip_generator: largest norm of the generator's gradient.
        clip_discriminator: largest norm of the discriminators' gradient.
    """

    learning_rate: float = Field(default=1e-4, gt=0)
    betas: tuple[_Decay, _Decay] = (0.8, 0.99)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup_steps: int = Field(default=0, ge=0)
    schedule: Literal["exponential", "cosine", "constant"] = "exponential"
    decay: float = Field(default=0.999996, gt=0, le=1)
    clip_generator: float = Field(default=1e3, gt=0)
    clip_discriminator: float = Field(default=10.0, gt=0)

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of step `step` (from 0) of `steps`."""
        warmth = min(1.0, (step + 1) / (self.warmup_steps + 1))
        if self.schedule == "exponential":
            return self.learning_rate * warmth * self.decay**step
        if self.schedule == "cosine":
            return self.learning_rate * warmth * 0.5 * (1 + math.cos(math.pi * step / max(steps, 1)))
        return self.learning_rate * warmth


class ValidationConfig(Section):
    """What is looked at on the way.

    Attributes:
        every: steps between two validations.
        clips: utterances whose sound and spectrogram are logged.
        max_utterances: utterances validated on, spread evenly over the held-out ones.
        shifts: circular shifts that make the null of the PNMI.
        dropped: utterances that are decoded without each level in turn, to see whether the decoder needs it.
    """

    every: int = Field(default=1000, ge=1)
    clips: int = Field(default=4, ge=0)
    max_utterances: int = Field(default=200, ge=1)
    shifts: int = Field(default=5, ge=1)
    dropped: int = Field(default=20, ge=0)


class CheckpointConfig(Section):
    """What is kept.

    Attributes:
        every: steps between two checkpoints.
        keep: latest checkpoints that stay; the best one stays besides. `all`: every one, for `hac-analyze history`.
        best: the validation metric that tells the best checkpoint.
        mode: whether its best value is the smallest (`min`) or the largest (`max`).
    """

    every: int = Field(default=1000, ge=1)
    keep: int | Literal["all"] = 3
    best: str = "validation/mel"
    mode: Literal["min", "max"] = "min"

    @field_validator("keep", mode="before")
    @classmethod
    def _some_or_all(cls, value: Any) -> Any:
        if value == "all" or (type(value) is int and value >= 1):
            return value
        raise ValueError("expected a whole number of at least 1, or all")
