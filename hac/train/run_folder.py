"""What stands in a run's folder: finished checkpoints and how far each is; read without torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hac.errors import HacError
from hac.files.parsing import load_json

FORMAT_VERSION = 1
_NAME = re.compile(r"step-(\d{8,})")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: steps done.
        best_step: step of the best checkpoint so far; None before the first validation.
        best_value: its metric.
        audio_s: seconds of audio trained on.
        wall_s: seconds spent in steps.
    """

    step: int = 0
    best_step: int | None = None
    best_value: float | None = None
    audio_s: float = 0.0
    wall_s: float = 0.0


def checkpoints(run: Path) -> list[Path]:
    """Finished checkpoints of a run, oldest first."""
    folder = run / "checkpoints"
    found = [path for path in folder.glob("step-*") if _NAME.fullmatch(path.name) and (path / "trainer.json").is_file()]
    return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    """The number of steps that a checkpoint's name tells."""
    return int(checkpoint.name.removeprefix("step-"))


def read_state(folder: Path) -> tuple[Progress, dict[str, Any]]:
    """Progress and settings of a checkpoint.

    Raises:
        HacError: damaged, or of a newer format.
    """
    try:
        state = load_json((folder / "trainer.json").read_text(encoding="utf-8"))
        version = int(state["format_version"])
        if version > FORMAT_VERSION:
            raise HacError(
                f"{folder}: the checkpoint has trainer format {version} and this hac reads up to {FORMAT_VERSION}; "
                "install a newer hac-codec"
            )
        return _progress(state["progress"]), dict(state["settings"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise HacError(
            f"{folder}: trainer.json is damaged ({error}); remove the folder to go on from the checkpoint before it"
        ) from error


def _progress(found: dict[str, Any]) -> Progress:
    """Progress from JSON; a number that is none is a TypeError."""
    progress = Progress(**found)
    for name in ("step", "best_step"):
        if type(value := getattr(progress, name)) is not int and not (value is None and name == "best_step"):
            raise TypeError(f"{name} is {value!r:.40}")
    for name in ("best_value", "audio_s", "wall_s"):
        value = getattr(progress, name)
        if type(value) not in (int, float) and not (value is None and name == "best_value"):
            raise TypeError(f"{name} is {value!r:.40}")
    return progress


def chosen_checkpoint(run: Path, which: Literal["last", "best"]) -> Path:
    """The last checkpoint of a run, or the best one by `checkpoint.best`.

    Raises:
        HacError: the run has none, or no validation told a best one.
    """
    finished = checkpoints(run)
    if not finished:
        raise HacError(f"{run}: has no finished checkpoint; expected a folder that hac train wrote")
    if which == "last":
        return finished[-1]
    best = read_state(finished[-1])[0].best_step
    found = next((path for path in finished if step_of(path) == best), None)
    if found is None:
        raise HacError(f"{run}: no validation told a best checkpoint; lower validation.every, or take the last one")
    return found
