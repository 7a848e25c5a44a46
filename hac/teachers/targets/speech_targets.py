"""What the phonetic level learns from: a speech teacher's frames at the codec's frame rate, cached or on the fly.

Frame j of a target belongs to frame j of the codec: an utterance of n samples at the codec's rate has
`ceil(n / hop_length)` of either. Targets are float16; at 50 Hz and 768 features that is 0.28 GB per hour of speech.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.timeline import US_PER_S
from hac.errors import FailureLog, HacError
from hac.teachers.base import SpeechTeacher
from hac.teachers.targets.file_hashes import FileHashes
from hac.teachers.targets.fill_store import Filler
from hac.teachers.targets.frame_grid import Grid, frame_sample, frame_statistics, none_left
from hac.teachers.targets.live_targets import LiveSpeechTargets
from hac.teachers.targets.resampling import Method
from hac.teachers.targets.target_store import ROWS, RowStore, StoredTargets, default_folder

__all__ = ["LiveSpeechTargets", "SpeechTargets", "gigabytes_per_hour", "projected_bytes", "speech_targets"]


class SpeechTargets(StoredTargets):
    """A corpus' targets in a cache; made by `speech_targets`."""

    def __getitem__(self, id: str) -> NDArray[np.float16]:
        """The target of an utterance, float16 [t, dim]."""
        return self.rows(id)

    def n_frames(self, id: str) -> int:
        """Frames of an utterance."""
        return self.place(id)[2]

    def statistics(self, max_utterances: int = 500, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of each feature over frames, each float32 [dim]; see `frame_statistics`."""
        return frame_statistics(self.ids, self.__getitem__, self.dim, max_utterances, seed)

    def sample(self, max_frames: int, max_utterances: int = 500, seed: int = 0) -> NDArray[np.float32]:
        """Frames of a sample of utterances, float32 [n, dim]; see `frame_sample`."""
        return frame_sample(self.ids, self.__getitem__, self.dim, max_frames, max_utterances, seed)


def speech_targets(
    manifest: Manifest,
    teacher: SpeechTeacher,
    *,
    sample_rate: int,
    hop_length: int,
    cache: Path | None,
    failures: FailureLog,
    resample: Method = "linear",
    advance: Callable[[int], None] = lambda _: None,
    announce: Callable[[str], None] = lambda _: None,
) -> SpeechTargets:
    """A corpus' targets, computed once per audio file and kept.

    Files are known by the hash of their bytes: a corpus that moved, grew or is subset costs nothing twice. Stopped
    at any moment, the same call goes on where it was.

    Args:
        sample_rate: Hz of the codec.
        hop_length: samples per frame of the codec.
        cache: a folder for the targets, of several teachers if need be; None is one of its own in the user's cache.
        resample: `linear` or `nearest`.
        advance: called with counts of utterances that are done.
        announce: called with a sentence before work starts: how much there is, how large, where.

    Raises:
        HacError: the disk is full, the folder cannot be written, or no recording has targets.
    """
    grid = Grid(sample_rate, hop_length, resample)
    maker = {
        "teacher": teacher.describe(),
        "sample_rate": sample_rate,
        "hop_length": hop_length,
        "resample": resample,
    }
    folder = default_folder(teacher.name, maker) if cache is None else Path(cache)
    store = RowStore(folder, teacher.dim, maker)
    hashes = FileHashes(folder / "files.tsv")
    sources = {u.id: source for u in manifest.utterances if (source := _known_source(manifest, u, store, hashes))}
    missing = [utterance for utterance in manifest.utterances if utterance.id not in sources]
    advance(len(sources))
    if missing:
        announce(_size(Manifest(manifest.root, tuple(missing)), grid, teacher, folder))
        with store.writing(announce) as writer, hashes.recording():
            for utterance, source in Filler(manifest, teacher, grid, hashes, writer, failures).fill(missing):
                if source is not None:
                    sources[utterance.id] = source
                advance(1)
    if not sources:
        raise none_left(manifest)
    return SpeechTargets(store, {id: sources[id] for id in manifest.ids if id in sources})


def projected_bytes(manifest: Manifest, teacher_dim: int, frame_rate: Fraction) -> int:
    """Bytes that a corpus' targets take, by the manifest's durations."""
    numerator, denominator = frame_rate.numerator, frame_rate.denominator * US_PER_S
    frames = sum(-(-us * numerator // denominator) for us in manifest.durations_us.values())
    return frames * teacher_dim * ROWS.itemsize


def gigabytes_per_hour(teacher_dim: int, frame_rate: Fraction) -> float:
    """Gigabytes (1e9 bytes) that targets take per hour of speech."""
    return float(3600 * frame_rate * teacher_dim * ROWS.itemsize / 10**9)


def _known_source(manifest: Manifest, utterance: Utterance, store: RowStore, hashes: FileHashes) -> str | None:
    """Hash of a recording whose targets are there; None where that is not known."""
    try:
        source = hashes.known(manifest.audio_path(utterance))
    except HacError:  # counted later, where it is read
        return None
    return source if source in store.places else None


def _size(manifest: Manifest, grid: Grid, teacher: SpeechTeacher, folder: Path) -> str:
    rate = grid.frame_rate
    per_hour, whole = gigabytes_per_hour(teacher.dim, rate), projected_bytes(manifest, teacher.dim, rate)
    size = f"{whole / 1e9:.1f} GB" if whole >= 1e9 else f"{whole / 1e6:.1f} MB"
    return (
        f"targets of {teacher.name} for {len(manifest)} recordings, {manifest.hours:.2f} hours: {per_hour:.2f} GB per"
        f" hour, {size} at most, in {folder}"
    )
