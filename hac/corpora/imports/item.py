"""What every corpus layout shares: the item it finds, and how files and texts are looked up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hac.errors import FailureLog, HacError
from hac.files.text import read_text

SUFFIXES = (".flac", ".wav", ".mp3", ".ogg", ".opus")
"""Endings of audio files, in lower case."""


@dataclass(frozen=True, slots=True)
class Item:
    """One utterance as a corpus describes it, before its audio was looked at.

    Attributes:
        id: as the corpus gives it.
        path: the audio file, perhaps a longer recording.
        speaker, language, text: None where unknown.
        alignment: alignment file, or None.
        start_s, stop_s: the part of the recording; the whole by default.
        channel: index of the channel where the corpus names one.
        gender: of the speaker, see `gender_of`; None where unknown.
    """

    id: str
    path: Path
    speaker: str | None = None
    language: str | None = None
    text: str | None = None
    alignment: Path | None = None
    start_s: float = 0.0
    stop_s: float | None = None
    channel: int | None = None
    gender: str | None = None

    @property
    def is_part(self) -> bool:
        """Whether the utterance is less than its file: a part in time, or one channel."""
        return self.start_s > 0 or self.stop_s is not None or self.channel not in (None, 0)


@dataclass(frozen=True, slots=True)
class Options:
    """What the user says beside the corpus.

    Attributes:
        language: language where the corpus gives none.
        audio_root: folder that audio must lie in, and that relative paths start from.
        speaker_folders: whether the folder of a file names its speaker, in the plain layout.
    """

    language: str | None = None
    audio_root: Path | None = None
    speaker_folders: bool = True


@dataclass(frozen=True, slots=True)
class Layout:
    """A corpus layout.

    Attributes:
        name: as the command line gives it.
        shape: what is expected in the folder, in words.
        find: the items in it; what cannot be used is logged.
    """

    name: str
    shape: str
    detect: Callable[[Path], bool]
    find: Callable[[Path, Options, FailureLog], Iterator[Item]]


_GENDERS = {
    **dict.fromkeys(("f", "female", "woman", "female_feminine"), "female"),
    **dict.fromkeys(("m", "male", "man", "male_masculine"), "male"),
    **dict.fromkeys(("", "-", "unknown", "do_not_wish_to_say"), None),
}


def gender_of(text: str | None) -> str | None:
    """What a corpus says of a speaker's gender: `female` or `male` in one spelling, its own word, None for nothing."""
    said = (text or "").strip().lower()
    return _GENDERS.get(said, said or None)


def unique_items(items: Iterable[Item], failures: FailureLog) -> list[Item]:
    """The items whose ids were not seen before; the others are failures."""
    kept: dict[str, Item] = {}
    for item in items:
        if item.id in kept:
            detail = f"{item.path} has the id of {kept[item.id].path}; ids must be unique"
            failures.add(item.id, "duplicate-id", detail)
        else:
            kept[item.id] = item
    return list(kept.values())


def files(folder: Path, *endings: str, depth: int | None = None) -> Iterator[Path]:
    """Files under a folder whose names end so (in lower case), sorted; links to folders are not followed.

    Args:
        folder: where to start; nothing is found in what is no folder.
        endings: of names, in lower case.
        depth: how many folders down to go, so that looking for a table need not list a million clips.
    """
    top = len(folder.parts)
    for parent, folders, names in os.walk(folder):
        deeper = depth is None or len(Path(parent).parts) - top < depth
        folders[:] = sorted(name for name in folders if deeper and not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name.lower().endswith(endings):
                yield Path(parent, name)


def is_file(path: Path) -> bool:
    """Whether a file is there; a name from a corpus may be one that no file can have (too long, a null byte)."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def resolve(name: str, *folders: Path | None) -> Path:
    """A relative or absolute file name, looked for from these folders in turn; where none has it, from the first."""
    candidates = [folder / name for folder in folders if folder is not None]
    return next((path for path in candidates if is_file(path)), candidates[0])


def audio_beside(folder: Path, stem: str) -> Path | None:
    """The audio file of that stem in a folder, whatever its ending."""
    for suffix in SUFFIXES:
        path = folder / f"{stem}{suffix}"
        if is_file(path):
            return path
    return None


def numbered_lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of a text file that are not blank, each with its place in words: `FILE: line 3`."""
    for number, line in enumerate(read_text(path, "a table of the corpus").split("\n"), start=1):
        if line.strip():
            yield f"{path}: line {number}", line.rstrip("\r")


def lines_of_table(path: Path, failures: FailureLog) -> list[str]:
    """The lines of a table that may be missing; one that cannot be read is a failure, and as good as missing."""
    if not is_file(path):
        return []
    try:
        return [line for _, line in numbered_lines(path)]
    except HacError as error:
        failures.add(path.name, "text-encoding", str(error))
        return []


def keyed_lines(path: Path, separator: str | None = None) -> dict[str, str]:
    """Lines of `KEY VALUE` as a dictionary; a value may be empty."""
    pairs = (line.strip().split(separator, 1) for _, line in numbered_lines(path))
    return {pair[0]: pair[1].strip() if len(pair) > 1 else "" for pair in pairs}
