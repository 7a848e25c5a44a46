"""The trained models that come with the package: small, for a look and for tests; docs/results.md says what they do.

`reference` is the model with both teachers; `reference-NAME` is one of its ablations, named as in `configs/ablation`.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

NAME, FULL = "reference", "full"


def reference_models() -> tuple[str, ...]:
    """Names of the models that are here, the full one first."""
    folder = Path(str(files(__name__)))
    found = [path.name for path in folder.iterdir() if (path / "config.json").is_file()]
    return tuple(sorted(NAME if name == FULL else f"{NAME}-{name}" for name in found))


def reference_folder(name: str) -> Path | None:
    """The folder of a model that comes with the package; None where the name is none of theirs."""
    if name not in reference_models():
        return None
    return Path(str(files(__name__))) / (FULL if name == NAME else name.removeprefix(f"{NAME}-"))
