"""What a probe answers, and what probes share."""

from __future__ import annotations

from importlib import import_module, metadata
from typing import Any, NamedTuple

import numpy as np

RATE = 16_000
"""Hz of the sound that parts are tried on."""


class Found(NamedTuple):
    """What a probe found: a version, and a word on it."""

    version: str
    detail: str = ""


class Missing(Exception):
    """There is no such part."""


def importable(module: str, distribution: str) -> tuple[Any, str]:
    """A module and its distribution's version.

    Raises:
        Missing: it is not installed. Any other error is its own: it is installed and does not work.
    """
    try:
        loaded = import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.split(".")[0]:
            raise
        raise Missing(f"the package {distribution} is not installed") from error
    return loaded, metadata.version(distribution)


def is_there(distribution: str) -> None:
    """Look for an installed package without importing it.

    Raises:
        Missing: it is not installed.
    """
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError as error:
        raise Missing(f"the package {distribution} is not installed") from error


def tone(rate: int) -> Any:
    """One second, float64 [rate], of a tone whose loudness changes four times a second, as speech has it."""
    time = np.arange(rate) / rate
    return 0.3 * np.sin(2 * np.pi * 300 * time) * (1 + np.sin(2 * np.pi * 4 * time))
