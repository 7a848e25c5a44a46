"""`listen/clips.json`: the sounds that a run kept, read within a budget. Nothing is decoded or computed here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from analysis.clips.schema import FOLDER, NAME, VERSION
from hac.errors import HacError
from hac.files.atomic import real
from hac.files.parsing import load_json
from hac.files.validation import complaint

SOUNDS = {b"OggS": "audio/ogg", b"fLaC": "audio/flac", b"RIFF": "audio/wav"}
"""Kinds of sound, by their first bytes."""
PNG = b"\x89PNG"


class Part(BaseModel):
    """A part of the file: unknown keys are left alone, for versions to come."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SoundEntry(Part):
    """One sound of a clip; files are named from the run's folder."""

    name: str
    kind: str
    file: str
    duration_s: float
    spectrogram: str | None = None


class TierEntry(Part):
    """Labels along the time of a clip: onset and offset in s, and the label."""

    name: str
    kind: str
    intervals: list[tuple[float, float, str | int]]


class ClipEntry(Part):
    """An utterance."""

    utterance: str
    speaker: str | None = None
    language: str | None = None
    text: str | None = None
    duration_s: float
    sounds: list[SoundEntry]
    tiers: list[TierEntry] = []


class HitEntry(Part):
    """A place where a code fires."""

    utterance: str
    onset_s: float
    offset_s: float
    correct: bool
    file: str
    duration_s: float


class DetectionEntry(Part):
    """A word and its code."""

    stream: str
    code: int
    word: str
    f1: float | None = None
    hits: list[HitEntry]


class ClipFile(Part):
    """A whole file."""

    schema_version: Literal[1]
    clips: list[ClipEntry] = []
    detections: list[DetectionEntry] = []


def read_clips(folder: Path) -> ClipFile | None:
    """The clips that a run kept, None where it kept none.

    Raises:
        HacError: the file is damaged, or of a newer version.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        data = load_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HacError(f"{path}: cannot be read as JSON ({error}); run the analysis again") from error
    if isinstance(data, dict) and isinstance(data.get("schema_version"), int) and data["schema_version"] > VERSION:
        raise HacError(
            f"{path}: has format version {data['schema_version']}, this program reads up to {VERSION}; "
            "upgrade hac-codec"
        )
    try:
        return ClipFile.model_validate(data)
    except ValidationError as error:
        raise HacError(f"{path}: {complaint(error)}; expected the clips that hac-analyze keeps") from error


class Media:
    """Sounds and pictures of the page, each once, within a budget of bytes.

    Args:
        budget: bytes that sounds may take, as they are in their files.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.used = 0
        self.left_out = 0
        self.files: dict[str, tuple[str, bytes]] = {}

    def sound(self, folder: Path, name: str) -> str:
        """Take up a sound; returns its name in the page, empty where the budget has no room for it.

        Raises:
            HacError: it is missing, lies elsewhere, or is no sound.
        """
        path = inside(folder, name)
        content = path.read_bytes()
        key = f"m{hashlib.sha256(content).hexdigest()[:20]}"
        if key in self.files:
            return key
        size = len(content)
        if self.used + size > self.budget:
            self.left_out += 1
            return ""
        if content[:4] not in SOUNDS:
            raise HacError(f"{path}: is neither OGG, FLAC nor WAV; run the analysis again")
        self.used += size
        self.files[key] = (SOUNDS[content[:4]], content)
        return key

    def picture(self, folder: Path, name: str | None) -> str:
        """Take up a spectrogram; returns its name in the page, empty where there is none.

        Raises:
            HacError: it is missing, lies elsewhere, or is no PNG.
        """
        if name is None:
            return ""
        path = inside(folder, name)
        content = path.read_bytes()
        if content[:4] != PNG:
            raise HacError(f"{path}: is no PNG; run the analysis again")
        key = f"p{hashlib.sha256(content).hexdigest()[:20]}"
        self.files[key] = ("image/png", content)
        return key


def inside(folder: Path, name: str) -> Path:
    """A file of a run, by its name in `clips.json`.

    Raises:
        HacError: it is missing, or does not lie in the run's folder.
    """
    root = real(folder / FOLDER)
    try:
        path = real(folder / name)
    except ValueError:  # half a surrogate pair, or a null byte
        path = folder
    if not path.is_relative_to(root):
        raise HacError(
            f"{folder / NAME}: names {name!r:.80}, which is not in the run's folder {FOLDER}/; it is not read"
        )
    if not path.is_file():
        raise HacError(f"{path}: is missing, and {NAME} names it; run the analysis again")
    return path
