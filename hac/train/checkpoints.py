"""Checkpoints: atomic, rotating, without pickle; each one is a model folder of its own.

    RUN/checkpoints/step-00001000/
        config.json, model.safetensors, ...   the model, as `HacModel.from_pretrained` reads it
        trainer.safetensors                   heads, discriminators, moments of the optimizers, running means
        trainer.json                          step, best, what the run was configured with
        training.json                         the same for people: `hac info` shows it

A folder is written under a temporary name and renamed when it is whole. What a step draws at random depends on
seed and step alone, so no generator's state needs keeping: the step's number is enough.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hac.errors import HacError
from hac.files.atomic import NO_SPACE, write_text
from hac.files.parsing import load_json
from hac.train.config_sections import TeachersConfig
from hac.train.ema import Ema, averaged
from hac.train.generator import Generator
from hac.train.run_folder import FORMAT_VERSION, Progress, checkpoints, read_state, step_of
from hac.train.step import Networks

__all__ = ["Progress", "checkpoints", "load_checkpoint", "read_state", "rotate", "save_checkpoint", "step_of"]

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")
_TEACHES = ("name", "layer", "pooling", "student_pooling", "standardize", "units", "unit_directions")
"""What of a teacher's configuration decides what its head learns."""


def save_checkpoint(
    run: Path, networks: Networks, ema: Ema | None, progress: Progress, settings: Mapping[str, Any]
) -> Path:
    """Write a checkpoint and return its folder.

    Raises:
        HacError: the disk is full or the folder cannot be written; the sentence names the last good checkpoint.
    """
    target = run / "checkpoints" / f"step-{progress.step:08d}"
    with _folder(target, run) as folder:
        with averaged(ema, networks.generator.model):
            networks.generator.model.save_pretrained(folder)
        save_file(_trainer_tensors(networks, ema), folder / "trainer.safetensors")
        write_text(folder / "training.json", json.dumps(_facts(progress, settings), indent=1) + "\n")
        state = {"format_version": FORMAT_VERSION, "progress": asdict(progress), "settings": settings}
        write_text(folder / "trainer.json", json.dumps(state, indent=1, sort_keys=True) + "\n")
    return target


def load_checkpoint(folder: Path, networks: Networks, ema: Ema | None) -> None:
    """Put a checkpoint's weights and moments into networks that are shaped like those it was saved from.

    Raises:
        HacError: damaged, or of another shape.
    """
    try:
        model = load_file(folder / "model.safetensors")
        trainer = load_file(folder / "trainer.safetensors")
    except (OSError, SafetensorError) as error:
        raise HacError(
            f"{folder}: cannot be read ({error}); remove the folder to go on from the checkpoint before it"
        ) from error
    try:
        if ema is not None:
            ema.load(networks.generator.model, model)
            model = model | _below(trainer, "model.")
        _load(networks.generator.model, model)
        _load(networks.generator.heads, _below(trainer, "heads."))
        _load_moments(networks.generator, networks.generator_optimizer, _below(trainer, "generator_optimizer."))
        if networks.discriminator is not None and networks.discriminator_optimizer is not None:
            _load(networks.discriminator, _below(trainer, "discriminator."))
            _load_moments(
                networks.discriminator, networks.discriminator_optimizer, _below(trainer, "discriminator_optimizer.")
            )
    except (RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise HacError(f"{folder}: does not fit the configuration ({reason}); give another -o") from error


def load_heads(folder: Path, generator: Generator, teachers: TeachersConfig) -> list[str]:
    """Put the heads of another run's checkpoint into a generator, where the same teacher taught them; returns levels.

    A checkpoint that was published without the state of its training has none.
    """
    try:
        settings = load_json((folder / "trainer.json").read_text(encoding="utf-8"))["settings"]["teachers"]
        heads = _below(load_file(folder / "trainer.safetensors"), "heads.")
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return []
    taken = []
    for level, kind in (("phonetic", "speech"), ("lexical", "text")):
        wanted = getattr(teachers, kind)
        if level not in generator.heads or not isinstance(settings.get(kind), dict):
            continue
        if any(settings[kind].get(key) != getattr(wanted, key, None) for key in _TEACHES):
            continue
        head, tensors = generator.heads[level], _below(heads, f"{level}.")
        if {name: value.shape for name, value in head.state_dict().items()} == {n: t.shape for n, t in tensors.items()}:
            _load(head, tensors)
            taken.append(level)
    return taken


def rotate(run: Path, keep: int | Literal["all"], best_step: int | None) -> None:
    """Remove all but the last `keep` checkpoints and the best one (`all` removes none), and what a killed run left."""
    for leftover in (run / "checkpoints").glob(_temporary(Path("step-*")).name):
        shutil.rmtree(leftover)
    for folder in [] if keep == "all" else checkpoints(run)[:-keep]:
        if best_step is None or step_of(folder) != best_step:
            # renamed first: one that is half removed must not pass for a checkpoint
            shutil.rmtree(folder.rename(_temporary(folder)))


def _temporary(checkpoint: Path) -> Path:
    """The name of a checkpoint that is not whole: not yet, or not any more."""
    return checkpoint.with_name(f".{checkpoint.name}.part")


def _facts(progress: Progress, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a person wants to know of a model's training; `hac info` shows it."""
    teachers = settings.get("teachers", {})
    return {
        "steps": progress.step,
        "audio_hours": round(progress.audio_s / 3600, 4),
        "seed": settings.get("seed"),
        **{f"{kind}_teacher": (teachers.get(kind) or {}).get("name") for kind in ("speech", "text")},
        "settings": settings,
    }


def _trainer_tensors(networks: Networks, ema: Ema | None) -> dict[str, Tensor]:
    tensors = {f"heads.{name}": value for name, value in networks.generator.heads.state_dict().items()}
    tensors |= _moments(networks.generator, networks.generator_optimizer, "generator_optimizer.")
    if networks.discriminator is not None and networks.discriminator_optimizer is not None:
        tensors |= {f"discriminator.{name}": value for name, value in networks.discriminator.state_dict().items()}
        tensors |= _moments(networks.discriminator, networks.discriminator_optimizer, "discriminator_optimizer.")
    if ema is not None:
        # the model's own file holds the running mean; the weights that go on learning stand here
        tensors |= {f"model.{name}": value for name, value in networks.generator.model.named_parameters()}
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def _moments(network: nn.Module, optimizer: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    """AdamW's moments by parameter name."""
    return {
        f"{prefix}{name}.{moment}": torch.as_tensor(optimizer.state[parameter][moment])
        for name, parameter in network.named_parameters()
        if parameter in optimizer.state
        for moment in _MOMENTS
    }


def _load_moments(network: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    for name, parameter in network.named_parameters():
        if f"{name}.step" in tensors:
            found = {moment: tensors[f"{name}.{moment}"] for moment in _MOMENTS}
            # as AdamW keeps them: the counter single, on the CPU unless fused on a GPU
            optimizer.state[parameter] = {
                moment: value.to(parameter.device) if moment != "step" or parameter.is_cuda else value
                for moment, value in found.items()
            }


def _load(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    network.load_state_dict(dict(tensors), strict=True)


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


@contextmanager
def _folder(target: Path, run: Path) -> Iterator[Path]:
    """A temporary folder beside `target`, renamed to it when all went well."""
    temporary = _temporary(target)
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        for path in temporary.iterdir():
            with path.open("rb") as stream:  # on the disk, so that a rename is never ahead of a file's content
                os.fsync(stream.fileno())
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
    except (OSError, SafetensorError, HacError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise HacError(f"{target}: cannot be written ({_reason(error)}); {last_good(run)}") from error


def last_good(run: Path) -> str:
    """Half a sentence that names the checkpoint to go on from."""
    finished = checkpoints(run)
    return (
        f"the last good checkpoint is {finished[-1]}, and the same command goes on from it"
        if finished
        else "there is no earlier checkpoint"
    )


def _reason(error: Exception) -> str:
    full = (isinstance(error, OSError) and error.errno in NO_SPACE) or "No space left" in str(error)
    return "no space left on the disk" if full else " ".join(str(error).split())
