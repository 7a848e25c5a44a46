"""The files of `listen/`: held in memory within a budget, then written so that a reader finds all or nothing new."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from analysis.clips.schema import FOLDER, NAME, Clip, Clips, Detection
from hac.files.atomic import atomic_path, write_text

_OURS = re.compile(r"[0-9a-f]{32}\.(ogg|png)")


@dataclass
class ClipStore:
    """Sounds and images to keep.

    Attributes:
        budget_bytes: what they may take.
        files: bytes by name, relative to the run's folder.
    """

    budget_bytes: int
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def total_bytes(self) -> int:
        """What they take; equal bytes are one file."""
        return sum(map(len, self.files.values()))

    def take(self, contents: Iterable[tuple[bytes, str]], within: int | None = None) -> list[str] | None:
        """Keep these contents all together; None, and nothing kept, where they do not fit.

        Args:
            contents: bytes and ending (`ogg`, `png`).
            within: what all files may take so far; None: the budget.

        Returns:
            The names, in order.
        """
        named = [(f"{FOLDER}/{hashlib.sha256(content).hexdigest()[:32]}.{end}", content) for content, end in contents]
        new = {name: content for name, content in named if name not in self.files}
        room = self.budget_bytes if within is None else within
        if self.total_bytes + sum(map(len, new.values())) > room:
            return None
        self.files |= new
        return [name for name, _ in named]

    def write(self, folder: Path, clips: Sequence[Clip], detections: Sequence[Detection]) -> list[Path]:
        """Write files, then `clips.json`, then remove what an earlier run left; returns what was written."""
        written = []
        for name, content in self.files.items():
            with atomic_path(folder / name) as temporary:
                temporary.write_bytes(content)
            written.append(folder / name)
        kept = Clips(
            budget_bytes=self.budget_bytes,
            total_bytes=self.total_bytes,
            clips=tuple(clips),
            detections=tuple(detections),
        )
        write_text(folder / NAME, json.dumps(kept.model_dump(), ensure_ascii=False, allow_nan=False) + "\n")
        _remove_others(folder, set(self.files))
        return [*written, folder / NAME]


def discard(folder: Path) -> None:
    """Remove the clips of an earlier run, which are not this one's; files of others stay."""
    (folder / NAME).unlink(missing_ok=True)
    _remove_others(folder, set())
    with suppress(OSError):  # not there, or somebody else's file is in it
        (folder / FOLDER).rmdir()


def _remove_others(folder: Path, keep: set[str]) -> None:
    for path in sorted((folder / FOLDER).glob("*")):
        if _OURS.fullmatch(path.name) and f"{FOLDER}/{path.name}" not in keep:
            path.unlink(missing_ok=True)
