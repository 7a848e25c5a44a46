"""A speech teacher's frames on the codec's frames: how many, which, their statistics, and what can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from hac.data.audio.audio import AudioInfo, resampled_length
from hac.data.manifest.manifest import Manifest
from hac.errors import HacError, Unusable
from hac.teachers.base import SpeechTeacher
from hac.teachers.targets.resampling import Method, to_frame_rate
from hac.tokenizers.kmeans_fit import FrameReservoir


class TargetError(Unusable, HacError):
    """An utterance that a teacher gives no target for.

    Its reason is `audio-short`, `teacher-not-finite`, `teacher-memory` or `teacher-refused`.
    """


@dataclass(frozen=True, slots=True)
class Grid:
    """The codec's frames, and how a teacher's are brought onto them.

    Attributes:
        sample_rate: Hz of the codec.
        hop_length: samples per frame.
        resample: `linear` or `nearest`.
    """

    sample_rate: int
    hop_length: int
    resample: Method = "linear"

    def __post_init__(self) -> None:
        if self.sample_rate < 1 or self.hop_length < 1:
            raise HacError(f"a codec of {self.sample_rate} Hz and {self.hop_length} samples a frame can't be")
        if self.resample not in get_args(Method):
            raise HacError(f"resampling method {self.resample!r} is unknown; expected {' or '.join(get_args(Method))}")

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second, exactly."""
        return Fraction(self.sample_rate, self.hop_length)

    def n_frames(self, info: AudioInfo) -> int:
        """Frames of a recording."""
        return -(-resampled_length(info.n_samples, info.sample_rate, self.sample_rate) // self.hop_length)

    def rows(self, teacher: SpeechTeacher, samples: NDArray[np.float32], n_frames: int) -> NDArray[np.float16]:
        """A teacher's frames of one utterance, float16 [n_frames, dim].

        Raises:
            TargetError: there are none, or not finite ones, or not enough memory for them.
        """
        try:
            states = teacher.extract(samples)
        except HacError as error:
            raise TargetError("teacher-refused", str(error)) from error
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "memory" not in str(error).lower():
                raise
            seconds = len(samples) / teacher.sample_rate
            detail = f"{seconds:.0f} s are more than {teacher.name} has memory for; cut the recording into utterances"
            raise TargetError("teacher-memory", detail) from error
        if len(states) == 0:
            detail = f"{len(samples)} samples at {teacher.sample_rate} Hz are too few for one frame of {teacher.name}"
            raise TargetError("audio-short", detail)
        frames = to_frame_rate(
            states, teacher.frame_rate, teacher.first_centre_s, n_frames, self.frame_rate, self.resample
        )
        with np.errstate(over="ignore"):
            rows = frames.astype(np.float16)
        if not np.isfinite(rows).all():
            raise TargetError("teacher-not-finite", f"{teacher.name} gave features that half precision cannot hold")
        return rows


def frame_statistics(
    ids: Sequence[str], target: Callable[[str], NDArray[Any]], dim: int, max_utterances: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of each feature over the frames of a sample of utterances, each float32 [dim].

    The sample is drawn from the sorted ids, so that it does not depend on their order. The deviation is that of the
    frames themselves (divided by their number), zero for a feature that never varies.
    """
    total, squares, n_frames = np.zeros(dim), np.zeros(dim), 0
    origin: NDArray[np.float64] | None = None
    for id in _sampled(ids, max_utterances, seed):
        frames = target(id).astype(np.float64)
        # squares around a mean that is nearly right: around zero, their sums would cancel
        origin = frames.mean(axis=0) if origin is None else origin
        total += (frames - origin).sum(axis=0)
        squares += ((frames - origin) ** 2).sum(axis=0)
        n_frames += len(frames)
    if origin is None:
        raise HacError("statistics of no targets were asked for; expected at least one utterance")
    shift = total / n_frames
    deviation = np.sqrt(np.maximum(squares / n_frames - shift**2, 0))
    return (origin + shift).astype(np.float32), deviation.astype(np.float32)


def frame_sample(
    ids: Sequence[str],
    target: Callable[[str], NDArray[Any]],
    dim: int,
    max_frames: int,
    max_utterances: int,
    seed: int,
) -> NDArray[np.float32]:
    """Frames drawn evenly from those of a sample of utterances, float32 [n, dim]; the utterances are those above."""
    reservoir = FrameReservoir(dim, max_frames, seed)
    for id in _sampled(ids, max_utterances, seed):
        reservoir.add(target(id).astype(np.float32))
    return reservoir.sample()


def _sampled(ids: Sequence[str], max_utterances: int, seed: int) -> list[str]:
    chosen = np.random.default_rng(seed).permutation(np.array(sorted(ids), dtype=object))[:max_utterances]
    return list(chosen)


def none_left(manifest: Manifest) -> HacError:
    """The error of a corpus without a single target."""
    return HacError(f"{manifest.root}: none of the manifest's {len(manifest)} recordings has targets of the teacher")
