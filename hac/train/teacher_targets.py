"""Targets of a run's teachers: loaded, computed or found in their caches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from hac.console import progress as progress_bar
from hac.data.manifest.manifest import Manifest
from hac.errors import FailureLog
from hac.model.config import HacConfig
from hac.teachers.base import Targets
from hac.train.config import TrainConfig
from hac.train.data.corpus_split import Corpus


@dataclass(frozen=True)
class Teachers:
    """Targets of the training and of the held-out utterances; None without that teacher.

    The held-out targets are never shuffled: a control is held to the truth.
    """

    speech: Any = None
    speech_true: Any = None
    text: Any = None
    text_true: Any = None


def load_teachers(
    config: TrainConfig,
    model: HacConfig,
    corpus: Corpus,
    device: torch.device,
    failures: FailureLog,
    log_line: Callable[[str], None],
) -> Teachers:
    """Targets of both teachers, computed or found in their caches."""
    manifest = corpus.both
    speech = _speech_targets(config, model, manifest, device, failures, log_line)
    text = _text_targets(config, manifest, device, failures, log_line)
    return Teachers(
        _maybe_shuffled(speech, config.teachers.speech, config.seed),
        speech,
        _maybe_shuffled(text, config.teachers.text, config.seed),
        text,
    )


def _speech_targets(
    config: TrainConfig,
    model: HacConfig,
    manifest: Manifest,
    device: torch.device,
    failures: FailureLog,
    log_line: Callable[[str], None],
) -> Targets | None:
    wanted = config.teachers.speech
    if wanted is None:
        return None
    from hac.teachers import load_speech_teacher
    from hac.teachers.targets.speech_targets import LiveSpeechTargets, speech_targets

    where = wanted.device or str(device)
    teacher = load_speech_teacher(wanted.name, wanted.where, wanted.layer, wanted.revision, where, wanted.window_s)
    if wanted.targets == "live":
        return LiveSpeechTargets(
            manifest,
            teacher,
            sample_rate=model.sample_rate,
            hop_length=model.hop_length,
            failures=failures,
            resample=wanted.resample,
        )
    with progress_bar(f"targets of {teacher.name}", len(manifest)) as advance:
        return speech_targets(
            manifest,
            teacher,
            sample_rate=model.sample_rate,
            hop_length=model.hop_length,
            cache=wanted.cache,
            failures=failures,
            resample=wanted.resample,
            advance=advance,
            announce=log_line,
        )


def _text_targets(
    config: TrainConfig, manifest: Manifest, device: torch.device, failures: FailureLog, log_line: Callable[[str], None]
) -> Targets | None:
    wanted = config.teachers.text
    if wanted is None:
        return None
    from hac.teachers import load_text_teacher
    from hac.teachers.targets.text_targets import text_targets

    teacher = load_text_teacher(
        wanted.name, wanted.where, wanted.pooling, wanted.revision, wanted.device or str(device)
    )
    with progress_bar(f"targets of {teacher.name}", len(manifest)) as advance:
        targets = text_targets(
            manifest, teacher, cache=wanted.cache, failures=failures, advance=advance, announce=log_line
        )
    if len(targets.ids) < len(manifest):
        log_line(
            f"{len(manifest) - len(targets.ids)} of {len(manifest)} utterances have no transcript: no lexical target"
        )
    return targets


def _maybe_shuffled(targets: Any, wanted: Any, seed: int) -> Any:
    if targets is None or not wanted.shuffled:
        return targets
    from hac.teachers.targets.controls import ShuffledTargets

    return ShuffledTargets(targets, seed)
