"""A speech teacher's targets on the fly, for corpora too large to keep them."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from hac.data.audio.audio import audio_info, read_utterance
from hac.data.manifest.manifest import Manifest
from hac.errors import FailureLog, HacError, failure_of
from hac.teachers.base import SpeechTeacher
from hac.teachers.targets.frame_grid import Grid, frame_sample, frame_statistics, none_left
from hac.teachers.targets.resampling import Method


class LiveSpeechTargets:
    """Targets computed when they are asked for, with the interface of `SpeechTargets`.

    Args:
        sample_rate: Hz of the codec.
        hop_length: samples per frame of the codec.
        failures: where recordings whose headers cannot be read are counted, and left out.
        resample: `linear` or `nearest`.

    Raises:
        HacError: no recording is left.
    """

    def __init__(
        self,
        manifest: Manifest,
        teacher: SpeechTeacher,
        *,
        sample_rate: int,
        hop_length: int,
        failures: FailureLog,
        resample: Method = "linear",
    ) -> None:
        self._grid = Grid(sample_rate, hop_length, resample)
        self._manifest = manifest
        self._teacher = teacher
        self.dim = teacher.dim
        self._n_frames: dict[str, int] = {}
        for utterance in manifest.utterances:
            try:
                self._n_frames[utterance.id] = self._grid.n_frames(audio_info(manifest.audio_path(utterance)))
            except HacError as error:
                failures.extend([failure_of(utterance.id, error, "audio-path")])
        self.ids = tuple(self._n_frames)
        if not self.ids:
            raise none_left(manifest)

    def __contains__(self, id: object) -> bool:
        """Whether an utterance can have a target."""
        return id in self._n_frames

    def __getitem__(self, id: str) -> NDArray[np.float16]:
        """The target of an utterance, float16 [t, dim].

        Raises:
            KeyError: no such utterance.
            AudioError: its audio cannot be used.
            TargetError: the teacher has nothing to say of it.
        """
        n_frames = self._n_frames[id]
        audio = read_utterance(self._manifest, self._manifest.by_id[id], self._teacher.sample_rate)
        return self._grid.rows(self._teacher, audio.samples, n_frames)

    def n_frames(self, id: str) -> int:
        """Frames of an utterance."""
        return self._n_frames[id]

    def content(self, id: str) -> Hashable:
        """Equal for utterances of the same audio file."""
        return self._manifest.by_id[id].path

    def statistics(self, max_utterances: int = 500, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of each feature over frames, each float32 [dim]; see `frame_statistics`."""
        return frame_statistics(self.ids, self.__getitem__, self.dim, max_utterances, seed)

    def sample(self, max_frames: int, max_utterances: int = 500, seed: int = 0) -> NDArray[np.float32]:
        """Frames of a sample of utterances, float32 [n, dim]; see `frame_sample`."""
        return frame_sample(self.ids, self.__getitem__, self.dim, max_frames, max_utterances, seed)
