"""Fills a cache with a speech teacher's targets: reads ahead, computes, appends."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hac.data.audio.audio import audio_info, read_utterance
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import Failure, FailureLog, HacError, failure_of
from hac.teachers.base import SpeechTeacher
from hac.teachers.targets.file_hashes import FileHashes
from hac.teachers.targets.frame_grid import Grid, TargetError
from hac.teachers.targets.target_store import Writer

READERS = 2
AHEAD = 8
"""Threads that read while the teacher computes, and how many recordings they may be ahead."""


@dataclass(frozen=True, slots=True)
class _Read:
    """An audio file: its hash and, unless its targets are there, its samples and the frames they make."""

    source: str
    samples: NDArray[np.float32] | None = None
    n_frames: int = 0


@dataclass(frozen=True, slots=True)
class Filler:
    """Computes what is missing, in the manifest's order, while the next recordings are read."""

    manifest: Manifest
    teacher: SpeechTeacher
    grid: Grid
    hashes: FileHashes
    writer: Writer
    failures: FailureLog

    def fill(self, utterances: Sequence[Utterance]) -> Iterator[tuple[Utterance, str | None]]:
        """Yield each utterance with the hash of its recording, whose targets are there now; None where it failed."""
        with ThreadPoolExecutor(READERS) as pool:
            ahead: deque[tuple[Utterance, Future[_Read | Failure]]] = deque()
            try:
                for utterance in utterances:
                    ahead.append((utterance, pool.submit(self.read, utterance)))
                    if len(ahead) > AHEAD:
                        yield self.finish(*ahead.popleft())
                while ahead:
                    yield self.finish(*ahead.popleft())
            finally:
                for _, future in ahead:
                    future.cancel()

    def read(self, utterance: Utterance) -> _Read | Failure:
        """Hash a recording and, unless its targets are there, decode it."""
        try:
            path = self.manifest.audio_path(utterance)
            known = self.hashes.known(path)
            if known is not None and known in self.writer:
                return _Read(known)
            info = audio_info(path)
            source = self.hashes.get(path)
            if source in self.writer:
                return _Read(source)
            audio = read_utterance(self.manifest, utterance, self.teacher.sample_rate)
            return _Read(source, audio.samples, self.grid.n_frames(info))
        except HacError as error:
            return failure_of(utterance.id, error, "audio-path")
        except OSError as error:
            return Failure(utterance.id, "audio-unreadable", f"{utterance.path}: cannot be read ({error.strerror})")

    def finish(self, utterance: Utterance, future: Future[_Read | Failure]) -> tuple[Utterance, str | None]:
        """Compute and append what was read."""
        item = future.result()
        if isinstance(item, Failure):
            self.failures.extend([item])
            return utterance, None
        if item.samples is not None and item.source not in self.writer:
            try:
                self.writer.append(item.source, self.grid.rows(self.teacher, item.samples, item.n_frames))
            except TargetError as error:
                self.failures.extend([failure_of(utterance.id, error)])
                return utterance, None
        return utterance, item.source
