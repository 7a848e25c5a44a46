"""What every judge of speech is: mono audio in, a verdict a recording out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hac.errors import Unusable


class Unjudged(Unusable):
    """A recording on which a judge has no verdict; the reason is one word of the kind `too-short`."""


@runtime_checkable
class Judge(Protocol):
    """What judges have in common.

    Attributes:
        name: as given on the command line, such as `moonshine` or `transformers:WHERE`.
        sample_rate: Hz it wants its audio at.
        provenance: what a result must record to be repeated (package, version, hash of the weights).
    """

    name: str
    sample_rate: int
    provenance: Mapping[str, Any]


@runtime_checkable
class Recognizer(Judge, Protocol):
    """Speech to text, in the `languages` that it knows, as in manifests; None: any."""

    languages: frozenset[str] | None

    def transcribe(self, samples: NDArray[np.float32]) -> str:
        """Text of one recording, float32 [n] mono, full scale 1; empty where it hears no words."""
        ...


@runtime_checkable
class SpeakerEncoder(Judge, Protocol):
    """Speech to a vector of its voice."""

    dim: int

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vector of one recording, float32 [dim], of length 1.

        Raises:
            Unjudged: there is too little speech.
        """
        ...


@runtime_checkable
class MosPredictor(Judge, Protocol):
    """Speech to predicted mean opinion scores."""

    scales: Sequence[str]

    def predict(self, samples: NDArray[np.float32]) -> dict[str, float]:
        """Scores of one recording by name, 1 (bad) to 5 (excellent).

        Raises:
            Unjudged: it cannot be judged.
        """
        ...
