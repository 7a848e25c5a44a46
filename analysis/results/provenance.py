"""Where a number comes from: inputs with hashes, options, versions, seed, command line."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from hac.files.atomic import sha256_file

PACKAGES = (
    "hac-codec",
    "numpy",
    "scipy",
    "numba",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "soxr",
    "soundfile",
    "torch",
    "transformers",
)


def provenance(
    inputs: Mapping[str, Any],
    options: Mapping[str, Any],
    tokenizer: Mapping[str, Any],
    alignment: Mapping[str, Any],
) -> dict[str, Any]:
    """What a reader needs to make the numbers again."""
    return {
        "inputs": dict(inputs),
        "options": dict(options),
        "tokenizer": dict(tokenizer),
        "alignment": dict(alignment),
        "versions": versions(),
        "run": {"argv": sys.argv[1:], "machine": platform.machine(), "system": platform.system()},
    }


def input_facts(files: Mapping[str, Path | None]) -> dict[str, Any]:
    """Path and hash of each input that is a file, by its role; folders and what was not given are left out."""
    return {
        role: {"path": str(path), "sha256": sha256_file(path)}
        for role, path in files.items()
        if path is not None and path.is_file()
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages whose numbers enter the results; absent ones are left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
