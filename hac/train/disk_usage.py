"""What a training will take on disk, by its configuration; nothing is trained, no teacher is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch

from hac.data.manifest.manifest import Manifest
from hac.errors import HacError
from hac.hub import open_checkpoint
from hac.model.config import HacConfig
from hac.model.hac_model import HacModel
from hac.teachers.registry import SPEECH
from hac.teachers.targets.speech_targets import projected_bytes
from hac.train.config import TrainConfig
from hac.train.step import make_discriminator

_SINGLE = 4
"""Bytes of a number in single precision."""
_HEADER = 120
"""Bytes that a tensor takes in the header of its file, about."""


@dataclass(frozen=True)
class TargetSize:
    """What a speech teacher's targets take in bytes (None: it cannot be looked at); trainings of one key share them."""

    key: str
    n_bytes: int | None
    reason: str = ""


def checkpoint_bytes(config: TrainConfig, model: HacConfig) -> int:
    """Bytes of one checkpoint, within a per cent or so: weights, two moments each, the discriminators' too.

    The heads of the teachers are left out.
    """
    # shapes alone: no weights are drawn
    with torch.device("meta"):
        model_tensors = list(HacModel(model).parameters())
        critic = make_discriminator(config)
    critics = [] if critic is None else list(critic.parameters())
    copies = 3 + (config.ema is not None)
    numbers = copies * sum(t.numel() for t in model_tensors) + 3 * sum(t.numel() for t in critics)
    # weights, two moments, and the counter of steps
    return _SINGLE * numbers + _HEADER * (4 * len(critics) + (copies + 1) * len(model_tensors))


def checkpoints_kept(config: TrainConfig) -> int:
    """Checkpoints that a finished run holds, at most."""
    made = -(-config.steps // config.checkpoint.every)
    # the best one stays besides; it may be one of the last
    return made if config.checkpoint.keep == "all" else min(made + 1, config.checkpoint.keep + 1)


def target_size(config: TrainConfig, model: HacConfig, manifest: Manifest) -> TargetSize | None:
    """What the speech teacher's targets of a corpus take in the cache; None without a teacher, or with live targets.

    Targets of text are a vector an utterance: nothing beside these.
    """
    teacher = config.teachers.speech
    if teacher is None or teacher.targets == "live":
        return None
    place = (teacher.name, teacher.where, teacher.layer, teacher.revision, teacher.window_s, teacher.resample)
    rate = Fraction(model.sample_rate, model.hop_length)
    key = repr((*place, str(teacher.cache), str(rate), manifest.sha256))
    if teacher.name not in SPEECH:
        return TargetSize(key, None, f"the teacher {teacher.name} comes from another package")
    try:
        known = open_checkpoint(teacher.where or SPEECH[teacher.name].where, teacher.revision).config
    except HacError as error:
        return TargetSize(key, None, str(error))
    dim = known.get("hidden_size") or known.get("d_model")
    if not isinstance(dim, int):
        return TargetSize(key, None, f"the teacher {teacher.name} does not say its number of features")
    return TargetSize(key, projected_bytes(manifest, dim, rate))
