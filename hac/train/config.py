"""What a training run needs to know, as one YAML file.

Where the published description of HAC is silent (loss weights of the teachers, layer, pooling, schedule), the
value here is our default; the paper's own choice was not seen. Weights and schedule of the codec itself are
those of DAC.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hac.config import HacConfig
from hac.errors import HacError
from hac.yaml_files import check_key, merged, parse_changes, read_yaml


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Section):
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


class _TeacherConfig(_Section):
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
        loss: `cosine` per frame, `d-axis` or `t-axis` (SpeechTokenizer). The paper's choice was not seen.
        standardize: give every dimension of the target mean 0 and deviation 1 over the training set, so that a
            few large dimensions do not decide the cosine.
        resample: how teacher frames reach the codec's frame rate.
        weight: of the loss.
        shuffled: teach with the targets of another utterance: a control.
        targets: `cached` computes every target once and keeps it on disk; `live` computes it when it is needed.
        cache: folder of the targets; None is a folder in the user's cache.
        device: where the teacher computes; None is where the model trains.
    """

    name: str = "hubert"
    layer: int | Literal["average"] | None = None
    loss: Literal["cosine", "d-axis", "t-axis"] = "cosine"
    standardize: bool = True
    resample: Literal["linear", "nearest"] = "linear"
    weight: float = Field(default=10.0, ge=0)
    targets: Literal["cached", "live"] = "cached"


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


class TeachersConfig(_Section):
    """The two teachers; None removes one."""

    speech: SpeechTeacherConfig | None = SpeechTeacherConfig()
    text: TextTeacherConfig | None = TextTeacherConfig()


class LossesConfig(_Section):
    """Weights of the codec's own losses, as DAC has them, and the window they are computed on.

    Attributes:
        mel: multi-scale log-mel distance.
        waveform: L1 of the samples.
        adversarial: least-squares adversarial loss of the generator.
        feature_matching: distance of the discriminators' features.
        commitment: pulls the encoder to the codes.
        codebook: pulls the codes to the encoder.
        window_s: seconds that are decoded of every utterance; the losses of sound act there.
    """

    mel: float = Field(default=15.0, ge=0)
    waveform: float = Field(default=0.0, ge=0)
    adversarial: float = Field(default=1.0, ge=0)
    feature_matching: float = Field(default=2.0, ge=0)
    commitment: float = Field(default=0.25, ge=0)
    codebook: float = Field(default=1.0, ge=0)
    window_s: float = Field(default=0.38, gt=0)


class DiscriminatorConfig(_Section):
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


class OptimizerConfig(_Section):
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
    betas: tuple[float, float] = (0.8, 0.99)
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


class ValidationConfig(_Section):
    """What is looked at on the way.

    Attributes:
        every: steps between two validations.
        clips: utterances whose sound and spectrogram are logged.
        max_utterances: utterances validated on, spread evenly over the held-out ones.
        shifts: circular shifts that make the null of the PNMI.
    """

    every: int = Field(default=1000, ge=1)
    clips: int = Field(default=4, ge=0)
    max_utterances: int = Field(default=200, ge=1)
    shifts: int = Field(default=5, ge=1)


class CheckpointConfig(_Section):
    """What is kept.

    Attributes:
        every: steps between two checkpoints.
        keep: latest checkpoints that stay; the best one stays besides.
        best: the validation metric that tells the best checkpoint.
        mode: whether its best value is the smallest (`min`) or the largest (`max`).
    """

    every: int = Field(default=1000, ge=1)
    keep: int = Field(default=3, ge=1)
    best: str = "validation/mel"
    mode: Literal["min", "max"] = "min"


class TrainConfig(_Section):
    """A training run.

    Attributes:
        model: attributes of `HacConfig`; `base` names a model configuration that they change.
        warm_start: `dac:WHERE` (a published DAC as encoder, decoder and acoustic codebooks) or `hac:WHERE`.
        seed: fixes weights, batches, windows and augmentation.
        steps: optimizer steps of the whole run.
        accumulate: parts that a process cuts its share of a batch into, to save memory.
        precision: `float32` or `bf16` (mixed).
        ema: decay of the running mean of the weights, which is then what is validated and saved; None: none.
    """

    model: Mapping[str, Any]
    data: DataConfig = DataConfig()
    teachers: TeachersConfig = TeachersConfig()
    losses: LossesConfig = LossesConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    validation: ValidationConfig = ValidationConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    warm_start: str | None = None
    seed: int = Field(default=0, ge=0)
    steps: int = Field(default=400_000, ge=1)
    accumulate: int = Field(default=1, ge=1)
    precision: Literal["float32", "bf16"] = "float32"
    ema: float | None = Field(default=None, gt=0, lt=1)

    @model_validator(mode="after")
    def _check_whole(self) -> TrainConfig:
        if not self.data.train:
            raise ValueError("no speech to train on; give a manifest: --set data.train=train.jsonl")
        kind = (self.warm_start or "dac:").partition(":")[0]
        if kind not in ("dac", "hac"):
            raise ValueError(f"warm_start is {self.warm_start!r}; expected dac:WHERE or hac:WHERE")
        if self.data.min_s > self.data.max_s:
            raise ValueError(f"data.min_s = {self.data.min_s} is above data.max_s = {self.data.max_s}")
        if self.data.min_s < self.losses.window_s:
            raise ValueError(
                f"data.min_s = {self.data.min_s} is shorter than losses.window_s = {self.losses.window_s}; every "
                "utterance must fill the window"
            )
        return self

    @property
    def adversarial(self) -> bool:
        """Whether discriminators take part at all."""
        return self.losses.adversarial > 0 or self.losses.feature_matching > 0


def read_train_config(path: Path, changes: Sequence[str] = ()) -> TrainConfig:
    """Read a training configuration.

    Args:
        path: YAML; `base: other.yaml` includes a file first; `model` names a model configuration (a path
            relative to the file it stands in) or holds its attributes.
        changes: `KEY.KEY=VALUE` each, laid over the file.

    Raises:
        HacError: no such file, an unknown key (the nearest one is named), or a bad value.
    """
    values = merged(
        read_yaml(path, "training configuration", _localize_model), _localize_model(parse_changes(changes), Path())
    )
    return build_train_config(values, str(path))


def build_train_config(values: Mapping[str, Any], where: str) -> TrainConfig:
    """A training configuration from nested mappings; `where` opens each complaint.

    Raises:
        HacError: an unknown key (the nearest one is named), or a bad value.
    """
    _check_keys(values, TrainConfig, where, "")
    try:
        config = TrainConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        # what a whole section lacks needs no copy of the section
        found = "" if isinstance(first["input"], Mapping) else f", found {first['input']!r:.80}"
        message = first["msg"].removeprefix("Value error, ")
        raise HacError(f"{where}: {name + ': ' if name else ''}{message}{found}") from error
    return config


def model_config(config: TrainConfig) -> HacConfig:
    """The model's configuration, with the levels' own loss weights taken from the training configuration.

    Raises:
        HacError: no such base file, an unknown key, or a bad value.
    """
    values = dict(config.model)
    base = values.pop("base", None)
    if base is not None:
        values = {**read_yaml(Path(base), "model configuration"), **values}
    weights = {
        "commitment_loss_weight": config.losses.commitment,
        "codebook_loss_weight": config.losses.codebook,
    }
    return HacConfig.from_values({**values, **weights}, str(base or "model"))


def _localize_model(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """`model: FILE` becomes a mapping with a base, and every base of it an absolute path."""
    model = values.get("model")
    if isinstance(model, str):
        model = {"base": model}
    if isinstance(model, Mapping):
        base = model.get("base")
        values["model"] = {**model, "base": str((folder / base).resolve())} if isinstance(base, str) else dict(model)
    return values


def _check_keys(values: Mapping[str, Any], section: type[BaseModel], where: str, prefix: str) -> None:
    """Refuse unknown keys in all sections, each with the nearest known one of its section."""
    for key, value in values.items():
        check_key(str(key), section.model_fields, f"{where}: {prefix}" if prefix else where)
        inner = _section_of(section.model_fields[key].annotation)
        if inner is not None and isinstance(value, Mapping):
            _check_keys(value, inner, where, f"{prefix}{key}.")


def _section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds, also where it may be None."""
    candidates = (annotation, *get_args(annotation))
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
