"""What a teacher is, and what every set of targets offers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Float = np.float16 | np.float32


@runtime_checkable
class SpeechTeacher(Protocol):
    """A speech encoder whose frames the phonetic level learns.

    Attributes:
        name: as it was asked for, for people.
        sample_rate: Hz of the audio it wants.
        first_centre_s: time of the centre of frame 0, exactly; frame i is `i / frame_rate` later.
        dim: features per frame.
    """

    name: str
    sample_rate: int
    frame_rate: Fraction
    first_centre_s: Fraction
    dim: int

    def describe(self) -> dict[str, Any]:
        """What fixes the features (hash of the weights, layer, ...), as JSON can hold it: the key of the cache."""
        ...

    def extract(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of one utterance: float32 [n_samples] at `sample_rate` -> float32 [n_frames, dim]."""
        ...


@runtime_checkable
class TextTeacher(Protocol):
    """A text encoder whose sentence vector [dim] the lexical level learns."""

    name: str
    dim: int

    def describe(self) -> dict[str, Any]:
        """What fixes the vectors (hash of the weights, pooling, ...), as JSON can hold it: the key of the cache."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of texts: float32 [len(texts), dim], rows of unit L2 norm.

        Raises:
            HacError: a text is blank.
        """
        ...


class Targets(Protocol):
    """What a level learns from, by utterance.

    Attributes:
        ids: the utterances that have a target, in the manifest's order.
    """

    dim: int
    ids: tuple[str, ...]

    def __contains__(self, id: object) -> bool:
        """Whether an utterance has a target."""
        ...

    def __getitem__(self, id: str) -> NDArray[Any]:
        """The target: [t, dim] of speech, at the codec's frame rate; [dim] of text.

        Raises:
            KeyError: the utterance has none.
        """
        ...

    def content(self, id: str) -> Hashable:
        """What tells targets apart: equal for utterances of the same audio, or of the same text."""
        ...


class FrameTargets(Targets, Protocol):
    """Targets of speech: [t, dim] for an utterance, at the codec's frame rate."""

    def n_frames(self, id: str) -> int:
        """Frames of an utterance's target: `ceil(n_samples / hop_length)`."""
        ...

    def statistics(self, max_utterances: int = 500, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of each feature over the frames of a sample of utterances, each [dim]."""
        ...

    def sample(self, max_frames: int, max_utterances: int = 500, seed: int = 0) -> NDArray[np.float32]:
        """Frames of a sample of utterances, float32 [n, dim], n at most `max_frames`."""
        ...
