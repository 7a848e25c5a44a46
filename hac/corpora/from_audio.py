"""What a user points at, as a manifest in memory: a manifest, a folder of audio, or audio files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from hac.console import progress
from hac.corpora.imports.folder import LAYOUT
from hac.corpora.imports.item import SUFFIXES, Options, unique_items
from hac.data.audio.audio import audio_info
from hac.data.manifest.formats import read_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.timeline import US_PER_S
from hac.errors import FailureLog, HacError, failure_of


def open_corpus(inputs: Sequence[Path], failures: FailureLog) -> Manifest:
    """The utterances that some paths mean.

    Args:
        inputs: one manifest (`.jsonl`, `.parquet`), one folder of audio, or audio files. In a folder, ids are
            those that `hac corpus import folder` gives. The id of a file is its name without the ending, or
            where two files would get the same id, its path below the folder that holds them all.
        failures: where rows and files that cannot be used are noted; they are left out.

    Raises:
        HacError: nothing there, another kind of file, kinds mixed, or nothing that can be used.
    """
    paths = [Path(path) for path in inputs]
    if not paths:
        raise HacError("no input was given; expected a manifest, a folder of audio, or audio files")
    folders = [path for path in paths if path.is_dir()]
    manifests = [path for path in paths if path.suffix.lower() in (".jsonl", ".parquet") and path not in folders]
    if len(paths) > 1 and (folders or manifests):
        raise HacError(
            f"{(folders + manifests)[0]}: is one of {len(paths)} inputs; expected one manifest, one folder of audio, "
            "or audio files only (`hac corpus import` makes one manifest of many folders)"
        )
    if manifests:
        return read_manifest(manifests[0], failures=failures)
    if folders:  # sorted by path
        named = [(item.id, item.path) for item in unique_items(LAYOUT.find(folders[0], Options(), failures), failures)]
    else:
        named = _files(paths)
    root = folders[0] if folders else _common_folder(path for _, path in named)
    utterances = _measured(root, named, failures)
    if not utterances:
        first = next(iter(failures), None)
        reason = f"; the first: {first.detail}" if first else f"; expected files that end in {', '.join(SUFFIXES)}"
        raise HacError(f"{paths[0]}: no audio that can be used{reason}")
    return Manifest(root, tuple(utterances))


def _files(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """Ids and real paths of files, in order; a file that is given twice counts once."""
    for path in paths:
        if path.suffix.lower() not in SUFFIXES:
            raise HacError(
                f"{path}: is neither a manifest (.jsonl, .parquet), nor a folder, nor audio ({', '.join(SUFFIXES)})"
            )
        if not path.is_file():
            raise HacError(f"{path}: no such audio file")
    files = list({os.path.realpath(path): path for path in paths}.items())
    root = _common_folder(Path(real) for real, _ in files)
    stems = Counter(path.stem for _, path in files)
    ids = [path.stem if stems[path.stem] == 1 else Path(os.path.relpath(real, root)).as_posix() for real, path in files]
    if len(set(ids)) < len(ids):  # a stem may look like another file's path
        ids = [Path(os.path.relpath(real, root)).as_posix() for real, _ in files]
    return [(id, Path(real)) for id, (real, _) in zip(ids, files, strict=True)]


def _common_folder(paths: Iterable[Path]) -> Path:
    return Path(os.path.commonpath([path.parent for path in paths]))


def _measured(root: Path, named: Sequence[tuple[str, Path]], failures: FailureLog) -> list[Utterance]:
    """Utterances with the durations that the files' headers say."""
    utterances = []
    corpus = Manifest(root, ())
    with progress("reading headers", total=len(named)) as advance:
        for id, path in named:
            advance(1)
            utterance = Utterance(id, os.path.relpath(path, root), 0.0)
            if id.encode(errors="ignore").decode() != id:
                failures.add(ascii(id), "name-encoding", f"{path.name!a} is not UTF-8; rename the file")
                continue
            try:
                info = audio_info(corpus.audio_path(utterance))
            except HacError as error:
                # a HacError of another kind: a symbolic link that leads out of the folder
                failures.extend([failure_of(id, error, "audio-outside")])
                continue
            utterances.append(replace(utterance, duration=info.duration_us / US_PER_S))
    return utterances
