"""What a checkpoint is, told from its config and the headers of its weights; of a HAC model nothing is loaded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from hac.coding.decoders import checkpoint_place
from hac.data.tokens.stream_options import StreamSpec
from hac.errors import HacError
from hac.hub import Checkpoint, model_folder, open_checkpoint, read_json

TRAINING = "training.json"
"""What the trainer leaves beside the weights."""

_OPTIONS = (
    "acoustic_input",
    "lexical_input",
    "combination",
    "downsampling_ratios",
    "latent_dim",
    "codebook_dim",
    "level_codebook_dim",
    "normalize_codes",
    "transformer_dim",
    "phonetic_layers",
    "lexical_layers",
    "exact_upsampling",
)
"""The attributes of `HacConfig` that tell one HAC model from another, beside its streams."""

_PARTS = {
    "encoder": "encoder",
    "decoder": "decoder",
    "bottleneck.acoustic": "acoustic quantizers",
    "bottleneck.phonetic": "phonetic quantizer",
    "bottleneck.lexical": "lexical quantizer",
    "bottleneck.phonetic_transformer": "phonetic transformer",
    "bottleneck.lexical_transformer": "lexical transformer",
    "bottleneck.combine": "combination",
}
_BUFFERS = ("codebook.usage", "codebook.n_updates")
"""Tensors of a HAC checkpoint that are no parameters."""


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """What is known of a checkpoint.

    Attributes:
        name: as the user gave it.
        model_type: `hac`, `dac`, ... or the kind of a fitted tokenizer.
        sample_rate: Hz.
        weights_sha256: hash of the weights, None where there are no safetensors.
        parameters: by part; empty where the kind is not a HAC model.
        options: what else tells models of this kind apart.
        format_version: of a HAC checkpoint.
        training: content of `training.json`, or None.
    """

    name: str
    model_type: str
    sample_rate: int
    streams: tuple[StreamSpec, ...]
    weights_sha256: str | None
    parameters: Mapping[str, int]
    options: Mapping[str, Any]
    format_version: int | None = None
    training: Mapping[str, Any] | None = None

    @property
    def kbps(self) -> dict[str, float]:
        """Nominal kilobits per second by level."""
        levels = dict.fromkeys((level_of(spec) for spec in self.streams), 0.0)
        for spec in self.streams:
            levels[level_of(spec)] += spec.kbps
        return levels

    @property
    def frame_rate(self) -> Fraction | None:
        """Frames per second, where all streams share one rate."""
        rates = {spec.frame_rate for spec in self.streams}
        return rates.pop() if len(rates) == 1 else None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON; rates are exact fractions as text."""
        return {
            "name": self.name,
            "model_type": self.model_type,
            "format_version": self.format_version,
            "sample_rate": self.sample_rate,
            "frame_rate": None if self.frame_rate is None else str(self.frame_rate),
            "levels": list(self.kbps),
            "streams": [
                {
                    "name": spec.name,
                    "level": level_of(spec),
                    "codebook_size": spec.codebook_size,
                    "frame_rate": str(spec.frame_rate),
                    "kbps": spec.kbps,
                }
                for spec in self.streams
            ],
            "kbps": {"total": sum(self.kbps.values()), **self.kbps},
            "parameters": {"total": sum(self.parameters.values()), **self.parameters} if self.parameters else None,
            "options": dict(self.options),
            "weights_sha256": self.weights_sha256,
            "training": self.training,
        }


def level_of(spec: StreamSpec) -> str:
    """The level that a stream belongs to: `acoustic` for `acoustic.3`."""
    return spec.name.split(".")[0]


def describe(name: str) -> CheckpointInfo:
    """Describe a checkpoint (folder, hub id or `kind:where`): a HAC model from its files, any other by loading it.

    Raises:
        HacError: no such checkpoint, weights missing, pickled or damaged, or a newer format.
    """
    where, revision = _place(name)
    if where is not None:
        folder, _ = model_folder(where, revision)
        config = folder / "config.json"
        if config.is_file() and read_json(config).get("model_type") == "hac":
            return _describe_hac(name, open_checkpoint(where, revision))
    return _describe_tokenizer(name)


def count_parameters(weights: Iterable[Path]) -> dict[str, int]:
    """Parameters of a HAC checkpoint by part, from the headers of its safetensors files.

    Raises:
        HacError: a file is no safetensors file, or is cut off.
    """
    from safetensors import SafetensorError, safe_open

    counts: dict[str, int] = {}
    for path in weights:
        try:
            with safe_open(path, framework="np") as file:
                shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise HacError(f"{path}: no safetensors file, or a damaged one ({error}); copy it again") from error
        for name, shape in shapes.items():
            if not name.endswith(_BUFFERS):
                part = _part(name)
                counts[part] = counts.get(part, 0) + math.prod(shape)
    return {part: counts[part] for part in (*_PARTS.values(), "other") if part in counts}


def _place(name: str) -> tuple[str | None, str | None]:
    """Folder or hub id of a model, and revision; no folder for the kinds that are no such model."""
    try:
        return checkpoint_place(name)
    except HacError:
        return None, None


def _describe_hac(name: str, checkpoint: Checkpoint) -> CheckpointInfo:
    from hac.model.config import HacConfig

    config = HacConfig.of_checkpoint(checkpoint.config, name)
    training = checkpoint.folder / TRAINING
    return CheckpointInfo(
        name,
        "hac",
        config.sample_rate,
        tuple(StreamSpec(stream, size, config.frame_rate) for stream, size in config.codebook_sizes.items()),
        checkpoint.sha256(),
        count_parameters(checkpoint.weights),
        {option: getattr(config, option) for option in _OPTIONS},
        config.format_version,
        read_json(training) if training.is_file() else None,
    )


def _describe_tokenizer(name: str) -> CheckpointInfo:
    from hac.tokenizers.registry import load_tokenizer

    tokenizer = load_tokenizer(name)
    provenance = dict(tokenizer.provenance)
    kind = provenance.get("model_type") or provenance.get("kind") or name.partition(":")[0]
    weights = provenance.pop("weights_sha256", None)
    options = {key: value for key, value in provenance.items() if isinstance(value, str | int | float)}
    return CheckpointInfo(name, str(kind), tokenizer.sample_rate, tokenizer.streams, weights, {}, options)


def _part(tensor: str) -> str:
    """The part of the model that a tensor belongs to."""
    words = tensor.split(".")
    key = words[0] if words[0] != "bottleneck" else ".".join(words[:2])
    return _PARTS.get(key, "other")
