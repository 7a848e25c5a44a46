"""Manifests: which utterances there are, where their audio lies, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Utterance:
    """One row of a manifest.

    Attributes:
        id: unique within the manifest; any text.
        path: audio file, relative to the manifest's root, with forward slashes.
        duration: seconds, rounded to the microsecond.
        speaker: speaker label, or None where unknown.
        language: language code such as `en`, or None where unknown.
        text: transcript, or None.
        alignment: alignment file (TextGrid, ...) relative to the root, or None.
    """

    id: str
    path: str
    duration: float
    speaker: str | None = None
    language: str | None = None
    text: str | None = None
    alignment: str | None = None


@dataclass(frozen=True)
class Manifest:
    """Utterances in order, and the folder their paths are relative to."""

    root: Path
    utterances: tuple[Utterance, ...]
