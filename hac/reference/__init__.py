"""The trained models that come with the package: small, for a look and for tests; docs/results.md says what they do.

`reference` is the model with both teachers; `reference-NAME` is one of its ablations, named as in `configs/ablation`.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

NAME, FULL = "reference", "full"
TEACHER_UNITS = "teacher-units.parquet"


def reference_models() -> tuple[str, ...]:
    """Names of the models that are here, the full one first."""
    return tuple(sorted(_folders()))


def reference_folder(name: str) -> Path | None:
    """The folder of a model that comes with the package; None where the name is none of theirs."""
    return _folders().get(name)


def teacher_units() -> Path:
    """Token file of the demo's speech: k-means units of the speech teacher, which `scripts/reference` made.

    The teacher's weights come with no package, so its units do. Whose audio they belong to stands in the provenance,
    `audio_sha256`, by utterance.
    """
    return Path(str(files(__name__))) / TEACHER_UNITS


def _folders() -> dict[str, Path]:
    found = (path for path in Path(str(files(__name__))).iterdir() if (path / "config.json").is_file())
    return {NAME if path.name == FULL else f"{NAME}-{path.name}": path for path in found}
