"""What a training run needs to know, as one YAML file.

Where the published description of HAC is silent (loss weights of the teachers, layer, pooling, schedule), the
value here is our default; the paper's own choice was not seen. Weights and schedule of the codec itself are
those of DAC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from hac.errors import HacError
from hac.files.validation import complaint
from hac.files.yaml_config import check_key, merged, parse_changes, read_yaml, relative_to_file
from hac.model.config import HacConfig
from hac.train.config_sections import (
    CheckpointConfig,
    DataConfig,
    DiscriminatorConfig,
    LossesConfig,
    OptimizerConfig,
    Section,
    TeachersConfig,
    ValidationConfig,
)


class TrainConfig(Section):
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
        kind, _, where = "dac:-".partition(":") if self.warm_start is None else self.warm_start.partition(":")
        if kind not in ("dac", "hac") or not where:
            raise ValueError(f"warm_start is {self.warm_start!r}; expected dac:WHERE or hac:WHERE")
        if self.data.level_db is not None and self.data.level_db[0] > self.data.level_db[1]:
            raise ValueError(f"data.level_db is {list(self.data.level_db)}; expected the lower level first")
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


def read_train_config(
    path: Path, changes: Sequence[str] = (), over: Sequence[tuple[Mapping[str, Any], Path]] = ()
) -> TrainConfig:
    """Read a training configuration.

    Args:
        path: YAML; `base: other.yaml` includes a file first; `model` names a model configuration (a path
            relative to the file it stands in) or holds its attributes.
        changes: `KEY.KEY=VALUE` each, over everything else.
        over: mappings that override the file, one after the other, each with the folder that its paths are relative to.

    Raises:
        HacError: no such file, an unknown key (the nearest one is named), or a bad value.
    """
    values = read_yaml(path, "training configuration", _localize_model)
    # one by one: a model's file is known for what it is before the next change adds to it
    for layer, folder in (*over, *((parse_changes([change]), Path()) for change in changes)):
        values = merged(values, _localize_model(dict(layer), folder))
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
        raise HacError(f"{where}: {complaint(error)}") from error
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
        values["model"] = (
            {**model, "base": str(relative_to_file(folder, base))} if isinstance(base, str) else dict(model)
        )
    return values


def _check_keys(values: Mapping[str, Any], section: type[BaseModel], where: str, prefix: str) -> None:
    """Refuse unknown keys in all sections, each with the nearest known one of its section."""
    for key, value in values.items():
        check_key(str(key), section.model_fields, f"{where}: {prefix.rstrip('.')}" if prefix else where)
        inner = _section_of(section.model_fields[key].annotation)
        if inner is not None and isinstance(value, Mapping):
            _check_keys(value, inner, where, f"{prefix}{key}.")


def _section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds, also where it may be None."""
    candidates = (annotation, *get_args(annotation))
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
