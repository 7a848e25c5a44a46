"""Manifests: which utterances there are, where their audio lies, and what is known of each.

Two formats with the same rows, which the name's ending tells apart:

* `.jsonl`: one JSON object a line with the fields of `Utterance`. The first line may be a header instead,
  `{"hac_manifest": 1, "root": "/corpora/x"}`.
* `.parquet`: one row an utterance, columns as the fields; the header is the file's metadata `hac_manifest`.

The root is the folder that `path` and `alignment` are relative to; without a header it is the manifest's own
folder, and a relative root is taken from there. Nothing outside the root is ever opened: not by `..`, not by
an absolute path, not by a symbolic link. Other fields than these are allowed and dropped, unless one looks
like a misspelt field that is absent.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

from hac.data.timeline import US_PER_S, to_us
from hac.errors import HacError


@dataclass(frozen=True, slots=True)
class Utterance:
    """One row of a manifest.

    Attributes:
        id: unique within the manifest; any text.
        path: audio file, relative to the manifest's root, with forward slashes.
        duration: seconds, rounded to the microsecond.
        speaker: speaker label, or None where unknown.
        language: language code such as `en`, or None where unknown.
        alignment: alignment file (TextGrid, ...) relative to the root, or None.
        gender: of the speaker, `female`, `male` or what else the corpus says, or None where unknown.
    """

    id: str
    path: str
    duration: float
    speaker: str | None = None
    language: str | None = None
    text: str | None = None
    alignment: str | None = None
    gender: str | None = None

    def as_row(self) -> dict[str, str | float | None]:
        """The fields by name, in order (`dataclasses.asdict` copies deeply, ten times slower)."""
        return {name: getattr(self, name) for name in FIELDS}


FIELDS = tuple(field.name for field in fields(Utterance))
"""Names of the fields, in order."""


@dataclass(frozen=True)
class Manifest:
    """Utterances in order, and the folder their paths are relative to."""

    root: Path
    utterances: tuple[Utterance, ...]

    def __len__(self) -> int:
        """Count of utterances."""
        return len(self.utterances)

    @cached_property
    def by_id(self) -> Mapping[str, Utterance]:
        """Utterances by their ids."""
        return {utterance.id: utterance for utterance in self.utterances}

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids in order."""
        return tuple(utterance.id for utterance in self.utterances)

    @cached_property
    def durations_us(self) -> Mapping[str, int]:
        """Durations by id, in integer microseconds."""
        return {utterance.id: to_us(utterance.duration) for utterance in self.utterances}

    @property
    def duration_us(self) -> int:
        """Total duration, in microseconds, exactly."""
        return sum(self.durations_us.values())

    @property
    def hours(self) -> float:
        """Total duration in hours."""
        return self.duration_us / US_PER_S / 3600

    @cached_property
    def speakers(self) -> tuple[str, ...]:
        """Speaker labels in use, sorted; utterances without one are left out."""
        return tuple(sorted({u.speaker for u in self.utterances if u.speaker is not None}))

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Languages in use, sorted; utterances without one are left out."""
        return tuple(sorted({u.language for u in self.utterances if u.language is not None}))

    @cached_property
    def sha256(self) -> str:
        """Hex SHA-256 of the content for provenance: the rows sorted by id, whatever format and root."""
        digest = hashlib.sha256()
        for utterance in sorted(self.utterances, key=lambda u: u.id):
            row = utterance.as_row()
            if row["gender"] is None:  # it came later: what has none keeps the hash it had
                del row["gender"]
            text = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            digest.update(text.encode("utf-8", "surrogatepass") + b"\n")
        return digest.hexdigest()

    def subset(self, ids: Iterable[str]) -> Manifest:
        """The utterances with these ids, in the manifest's order.

        Raises:
            HacError: an id is not in the manifest.
        """
        wanted = set(ids)
        if unknown := sorted(wanted - self.by_id.keys()):
            more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
            raise HacError(f"utterance {unknown[0]!r}{more} not in the manifest of {len(self)} utterances")
        return Manifest(self.root, tuple(u for u in self.utterances if u.id in wanted))

    def audio_path(self, utterance: Utterance) -> Path:
        """Where the utterance's audio lies, checked to be inside the root even through symbolic links.

        Raises:
            HacError: the path leads out of the root.
        """
        path = self.root / utterance.path
        real = os.path.realpath(path)
        if os.path.commonpath([real, self._real_root]) != self._real_root:
            detail = f"path {utterance.path!r} leads out of the root {self.root}, to {real}"
            raise HacError(f"utterance {utterance.id!r}: {detail}; give a root that holds it, or drop the row")
        return path

    @cached_property
    def _real_root(self) -> str:
        return os.path.realpath(self.root)
