"""One alignment file or a folder of them, matched with the utterances of a manifest.

A file belongs to the utterance whose `alignment` names it; else whose id is its path below the folder without
the suffix, or whose audio path is; else whose id is its stem. Without a manifest the id is the stem. A bad
file of many is a counted failure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from hac.data.alignments.ctm_timit_mfa import CSV_HEADER, read_ctm, read_mfa_csv, read_timit
from hac.data.alignments.text import AlignmentFileError, FileTiers, Interval
from hac.data.alignments.textgrid import TIER_NAMES, read_textgrid
from hac.data.manifest.manifest import Manifest
from hac.data.tiers import PHONES, WORDS, Alignments, Row, tier_from_rows, unknown_label
from hac.errors import Failure, FailureLog, HacError
from hac.files.atomic import real

_TIMIT = {".phn": PHONES, ".wrd": WORDS}
SUFFIXES = (".textgrid", ".ctm", *_TIMIT, ".csv")
"""Suffixes of alignment files, without regard to case."""


@dataclass(frozen=True)
class FileOptions:
    """How alignment files are read.

    Attributes:
        sample_rate: samples per second that TIMIT's times count.
        tier_names: names of the tiers in TextGrids.
        ctm_tier: `phones` or `words`; by default as a CTM's name or its labels say.
        vocabularies: the labels allowed, by tier; by default those found.
    """

    sample_rate: int = 16_000
    tier_names: Mapping[str, Sequence[str]] = field(default_factory=lambda: TIER_NAMES)
    ctm_tier: str | None = None
    vocabularies: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read_files(path: Path, manifest: Manifest | None, failures: FailureLog, options: FileOptions) -> Alignments:
    """Read a file, or all alignment files below a folder: the manifest's utterances, or all found, sorted by id.

    Raises:
        HacError: there is no alignment file, or none could be read.
    """
    before = len(failures)
    files = _alignment_files(path)
    wanted = None if manifest is None else tuple(utterance.id for utterance in manifest.utterances)
    collected = _Collected(failures, options.vocabularies, wanted)
    matched, unmatched = _match(files, path, manifest, failures)
    formats: Counter[str] = Counter()
    for file, id in matched:
        formats[file.suffix.casefold().removeprefix(".")] += 1
        try:
            _read(file, id, options, collected)
        except AlignmentFileError as error:
            failures.add(id, error.reason, str(error))
    if not collected.rows:
        raise _nothing_usable(path, files, manifest, failures.items[before:])
    provenance = {
        "formats": dict(sorted(formats.items())),
        "files": len(matched),
        "files_unmatched": unmatched,
    }
    return collected.alignments(provenance)


def _nothing_usable(path: Path, files: list[Path], manifest: Manifest | None, failed: Sequence[Failure]) -> HacError:
    if failed:
        return HacError(f"{path}: none of its {len(files)} alignment files could be used: {failed[0].detail}")
    if manifest is None or not manifest.utterances:
        return HacError(f"{path}: its {len(files)} alignment files hold no utterance that is wanted")
    return HacError(
        f"{path}: none of its {len(files)} alignment files, such as {files[0].name}, belongs to an utterance of the "
        f"manifest, such as {manifest.utterances[0].id!r}; name them alike or fill the manifest's `alignment` column"
    )


@dataclass
class _Collected:
    """Rows by tier and wanted utterance; one with a label outside its tier's vocabulary is a failure."""

    failures: FailureLog
    vocabularies: Mapping[str, Sequence[str]]
    wanted: tuple[str, ...] | None
    rows: dict[str, dict[str, list[Row]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._allowed = {tier: frozenset(names) for tier, names in self.vocabularies.items()}
        self._wanted = None if self.wanted is None else frozenset(self.wanted)

    def wants(self, id: str) -> bool:
        return self._wanted is None or id in self._wanted

    def add(self, id: str, tier: str, intervals: Sequence[Interval]) -> None:
        allowed = self._allowed.get(tier)
        unknown = None if allowed is None else next((i for i in intervals if i[0] not in allowed), None)
        if unknown is not None and allowed is not None:
            error = unknown_label(tier, unknown[0], id, len(allowed))
            self.failures.add(id, "alignment-unknown-label", str(error))
            return
        rows = self.rows.setdefault(tier, {})
        if id in rows:
            self.failures.add(id, "alignment-duplicate", f"its {tier} are found twice; the first are kept")
            return
        rows[id] = [(id, *interval) for interval in intervals]

    def alignments(self, provenance: Mapping[str, Any]) -> Alignments:
        tiers = {}
        for name, by_id in sorted(self.rows.items()):
            ids = sorted(by_id) if self.wanted is None else [id for id in self.wanted if id in by_id]
            rows = (row for id in ids for row in by_id[id])
            tiers[name] = tier_from_rows(name, rows, self.vocabularies.get(name), ids)
        return Alignments(tiers, provenance)


def _read(file: Path, id: str, options: FileOptions, collected: _Collected) -> None:
    """Collect what one file holds.

    Raises:
        AlignmentFileError: nothing in it can be used.
    """
    suffix = file.suffix.casefold()
    if suffix == ".ctm":
        tier, utterances, bad = read_ctm(file, options.ctm_tier)
        for bad_id, error in bad:
            if collected.wants(bad_id):
                collected.failures.add(bad_id, error.reason, str(error))
        for found, intervals in utterances.items():
            if collected.wants(found):
                collected.add(found, tier, intervals)
        return
    if suffix in _TIMIT:
        tiers: FileTiers = {_TIMIT[suffix]: read_timit(file, options.sample_rate)}
    elif suffix == ".csv":
        tiers = read_mfa_csv(file)
    else:
        tiers = read_textgrid(file, options.tier_names)
    for tier, intervals in tiers.items():
        collected.add(id, tier, intervals)


def _alignment_files(path: Path) -> list[Path]:
    if path.is_file():
        if path.suffix.casefold() not in SUFFIXES:
            raise HacError(
                f"{path}: no alignment format has the suffix {path.suffix!r}; expected a .parquet store, "
                f"{', '.join(SUFFIXES)}"
            )
        return [path]
    if not path.is_dir():
        raise HacError(f"{path}: no such file or folder; expected alignments")
    files = sorted(file for file in path.rglob("*") if file.suffix.casefold() in SUFFIXES and file.is_file())
    files = [file for file in files if file.suffix.casefold() != ".csv" or _is_mfa_csv(file)]
    if not files:
        raise HacError(
            f"{path}: the folder holds no alignments; expected files ending in {', '.join(SUFFIXES)}, "
            "or name a .parquet store"
        )
    return files


def _is_mfa_csv(file: Path) -> bool:
    """Folders of corpora hold other tables too, which are none of our business."""
    try:
        with file.open("rb") as stream:
            header = stream.readline(1000)
    except OSError:
        return True  # its reader will say why it cannot be read
    return all(name.encode() in header for name in CSV_HEADER)


def _match(
    files: list[Path], path: Path, manifest: Manifest | None, failures: FailureLog
) -> tuple[list[tuple[Path, str]], int]:
    """Each file that is wanted with its utterance's id, and the count of those that are not."""
    folder = path if path.is_dir() else path.parent
    root = real(folder)
    index = _Index.of(manifest) if manifest is not None else None
    matched = []
    for file in files:
        if not real(file).is_relative_to(root):
            failures.add(file.name, "alignment-outside", f"a link that leads out of {folder}; copy the file")
            continue
        if not _is_text(file.stem):
            failures.add(ascii(file.name), "alignment-name", "the file's name is not valid UTF-8; rename it")
            continue
        id = file.stem if index is None else index.find(file, folder)
        if file.suffix.casefold() == ".ctm":
            id = file.stem  # a CTM names its utterances inside
        if id is not None:
            matched.append((file, id))
    if index is None:
        _refuse_same_stems(matched)
    return matched, len(files) - len(matched)


def _is_text(name: str) -> bool:
    """A file name that is not UTF-8 reaches Python as surrogates, which no store can hold."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _refuse_same_stems(matched: list[tuple[Path, str]]) -> None:
    seen: dict[tuple[str, str], Path] = {}
    for file, id in matched:
        suffix = file.suffix.casefold()
        kind = suffix if suffix in (*_TIMIT, ".ctm") else "whole"
        if (id, kind) in seen:
            raise HacError(
                f"{file} and {seen[id, kind]} have the same name, so that their utterance is in doubt; "
                "give a manifest whose ids or `alignment` column tell them apart"
            )
        seen[id, kind] = file


def _key(file: Path) -> Path:
    """TIMIT's `.phn` and `.wrd` go together, whichever of them a manifest names."""
    return file.with_suffix("") if file.suffix.casefold() in _TIMIT else file


@dataclass(frozen=True)
class _Index:
    """Ways to find an utterance's id by its alignment file."""

    by_file: Mapping[Path, str]
    by_audio: Mapping[PurePosixPath, str]
    ids: frozenset[str]

    @classmethod
    def of(cls, manifest: Manifest) -> _Index:
        root = manifest.root
        named = [utterance for utterance in manifest.utterances if utterance.alignment is not None]
        return cls(
            {_key(real(root / str(utterance.alignment))): utterance.id for utterance in named},
            {PurePosixPath(utterance.path).with_suffix(""): utterance.id for utterance in manifest.utterances},
            frozenset(utterance.id for utterance in manifest.utterances),
        )

    def find(self, file: Path, folder: Path) -> str | None:
        below = PurePosixPath(file.relative_to(folder).as_posix()).with_suffix("")
        key = _key(real(file))
        if key in self.by_file:
            return self.by_file[key]
        if str(below) in self.ids:
            return str(below)
        return self.by_audio.get(below) or (file.stem if file.stem in self.ids else None)
