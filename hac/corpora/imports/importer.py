"""From a corpus on disk to a manifest: find the items, look at their audio in parallel, cut parts out, count."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from joblib import Parallel, delayed

from hac.console import progress
from hac.corpora.imports import LAYOUTS
from hac.corpora.imports.item import Item, Layout, Options, is_file, unique_items
from hac.data.audio.audio import AudioError, Channels, audio_info, is_silent, iter_audio, read_audio, write_audio
from hac.data.audio.decoding import opened
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.timeline import US_PER_S, to_us
from hac.errors import Failure, FailureLog, HacError, failure_of
from hac.files.atomic import write_text

OVERRUN_US = 50_000
"""A part may end this much beyond its recording (times are rounded); it is cut short, more is a failure."""

_BATCH = 32
"""Items given to a thread at a time."""

_CHANNELS: dict[int | None, Channels] = {None: "mix", 0: "first", 1: "right"}

_DEEP = {"PCM_24", "PCM_32", "FLOAT", "DOUBLE"}


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import made; `cut`: whether parts were cut into files of their own, beside the manifest."""

    layout: str
    manifest: Manifest
    cut: bool


@dataclass(frozen=True, slots=True)
class _Job:
    """What a worker needs to know beside its item."""

    audio_root: Path
    cut_folder: Path | None
    verify: bool


def choose_layout(source: Path, kind: str = "auto") -> Layout:
    """The layout of a name, or the first that the source looks like.

    Raises:
        HacError: the source is missing, the name is unknown, or the source does not look like it.
    """
    if not source.exists():
        raise HacError(f"{source}: no such folder or file to import")
    if kind == "auto":
        for layout in LAYOUTS.values():
            if layout.detect(source):
                return layout
        shapes = "; ".join(f"{layout.name}: {layout.shape}" for layout in LAYOUTS.values())
        raise HacError(f"{source}: no corpus layout recognised; expected one of {shapes}")
    if kind not in LAYOUTS:
        raise HacError(f"corpus kind {kind!r} is not one of auto, {', '.join(LAYOUTS)}")
    if not LAYOUTS[kind].detect(source):
        raise HacError(f"{source}: not a {kind} corpus; expected {LAYOUTS[kind].shape}")
    return LAYOUTS[kind]


def import_corpus(
    source: Path,
    out: Path,
    kind: str = "auto",
    options: Options | None = None,
    failures: FailureLog | None = None,
    jobs: int = 1,
    verify: bool = False,
) -> Imported:
    """Import a corpus and write its manifest.

    Args:
        source: the corpus: a folder, or a table of it.
        out: manifest to write, `.jsonl` or `.parquet`; failures are listed beside in `NAME.failures.jsonl`.
        kind: a name from `LAYOUTS`, or `auto`.
        failures: log to add to; None starts one.
        jobs: threads (decoding holds no Python lock); -1 for one a core.
        verify: decode every file, to find damage, NaN and silence now and not later.

    Raises:
        HacError: the corpus is not there or not of that kind, or nothing in it could be used.
    """
    if out.suffix.lower() not in (".jsonl", ".parquet"):
        raise HacError(f"{out}: a manifest's name ends in .jsonl or .parquet")
    options = options or Options()
    failures = failures if failures is not None else FailureLog()
    layout = choose_layout(source, kind)
    items = unique_items(layout.find(source, options, failures), failures)
    folder = source if source.is_dir() else source.parent
    cut = any(item.is_part for item in items)
    job = _Job(options.audio_root or folder, out.parent / "audio" if cut else None, verify)
    utterances = _looked_at(items, job, failures, jobs)
    if not utterances:
        raise _nothing(source, layout, failures)
    manifest = Manifest(out.parent if cut else job.audio_root, tuple(utterances))
    write_manifest(manifest, out)
    _list_failures(failures, out)
    return Imported(layout.name, manifest, cut)


def _looked_at(items: Sequence[Item], job: _Job, failures: FailureLog, jobs: int) -> list[Utterance]:
    """Look at every item's audio, in order."""
    batches = [items[i : i + _BATCH] for i in range(0, len(items), _BATCH)]
    # threads: libsndfile works without Python's lock, and there is nothing to send between processes
    parallel = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")
    utterances = []
    with progress("importing", len(items)) as advance:
        for results in parallel(delayed(_look_at_all)(batch, job) for batch in batches):
            for result in results:
                if isinstance(result, Failure):
                    failures.extend([result])
                else:
                    utterances.append(result)
            advance(len(results))
    return utterances


def _look_at_all(items: Sequence[Item], job: _Job) -> list[Utterance | Failure]:
    return [_look_at(item, job) for item in items]


def _look_at(item: Item, job: _Job) -> Utterance | Failure:
    """Check an item's audio; cut it out where files are cut."""
    try:
        f"{item.id}{item.path}{item.speaker}{item.text}".encode()
        if not is_file(item.path):
            raise AudioError(item.path, "audio-missing", "no such audio file")
        path = _relative(item.path, job.audio_root)
        if job.verify:
            _verify(item.path)
        if job.cut_folder is not None:
            path, duration_us = _cut(item, job.cut_folder)
        else:
            duration_us = audio_info(item.path).duration_us
        alignment = _relative(item.alignment, job.audio_root) if item.alignment else None
    except AudioError as error:
        return failure_of(item.id, error)
    except UnicodeEncodeError:
        name = ascii(item.path.name)
        return Failure(ascii(item.id), "name-encoding", f"{name} or its text is not UTF-8; rename the file")
    return Utterance(
        item.id,
        path,
        duration_us / US_PER_S,
        item.speaker or None,
        item.language or None,
        item.text or None,
        alignment if job.cut_folder is None else None,
        item.gender,
    )


def _relative(path: Path, root: Path) -> str:
    """A path relative to the root, which it may leave neither by name nor by a symbolic link."""
    real, real_root = os.path.realpath(path), os.path.realpath(root)
    if os.path.commonpath([real, real_root]) != real_root:
        detail = f"lies outside of {root}; give a folder that holds all audio with --audio-root"
        raise AudioError(path, "audio-outside", detail)
    named = os.path.relpath(path, root)
    return named if not named.startswith("..") else os.path.relpath(real, real_root)


def _verify(path: Path) -> None:
    """Decode a file to its end."""
    silent = True
    for block in iter_audio(path):
        silent = silent and is_silent(block)
    if silent:
        raise AudioError(path, "audio-silent", "nothing but digital silence")


def _cut(item: Item, folder: Path) -> tuple[str, int]:
    """Write an item's part of its recording as FLAC; its path beside the manifest and its length in microseconds."""
    info = audio_info(item.path)
    if item.stop_s is not None and to_us(item.stop_s) > info.duration_us + OVERRUN_US:
        detail = f"its part ends at {item.stop_s:.3f} s, and the recording at {info.duration_us / US_PER_S:.3f} s"
        raise AudioError(item.path, "part-outside", detail)
    if item.channel not in _CHANNELS or (item.channel or 0) >= info.channels:
        detail = f"channel {item.channel} is asked for, and it has {info.channels}; the first two can be cut out"
        raise AudioError(item.path, "audio-channels", detail)
    audio = read_audio(item.path, None, _CHANNELS[item.channel], item.start_s, item.stop_s)
    name = f"{_safe_name(item.id)}.flac"
    with opened(item.path) as decoder:
        subtype = "PCM_24" if decoder.sound.subtype in _DEEP else "PCM_16"
    write_audio(folder / name, audio.samples, audio.sample_rate, subtype)
    return f"{folder.name}/{name}", audio.duration_us


def _safe_name(id: str) -> str:
    """A file name for an id: what is not a letter, digit, `-`, `_` or `.` is replaced, and a hash keeps it apart."""
    name = re.sub(r"[^\w.-]", "_", id).lstrip(".")[:100]
    return name if name == id else f"{name}-{hashlib.sha256(id.encode()).hexdigest()[:12]}"


def _nothing(source: Path, layout: Layout, failures: FailureLog) -> HacError:
    """The error for an import that left nothing."""
    if not len(failures):
        return HacError(f"{source}: a {layout.name} corpus without utterances; expected {layout.shape}")
    counts = failures.by_reason()
    reason = max(counts, key=lambda key: counts[key])
    example = next(failure for failure in failures if failure.reason == reason)
    found = f"none of {len(failures)} utterances can be used, most for {reason}"
    return HacError(f"{source}: {found}: {example.id}: {example.detail}")


def _list_failures(failures: FailureLog, out: Path) -> None:
    """Write the failures beside the manifest; a list from an earlier import does not stay."""
    listed = failures_path(out)
    if not len(failures):
        listed.unlink(missing_ok=True)
        return
    rows = ({"id": f.id, "reason": f.reason, "detail": f.detail} for f in failures)
    write_text(listed, "".join(json.dumps(row) + "\n" for row in rows))


def failures_path(out: Path) -> Path:
    """Where the failures of an import are listed."""
    return out.with_name(f"{out.stem}.failures.jsonl")
