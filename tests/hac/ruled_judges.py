"""Judges that follow a rule, without any model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hac.judges.base import Unjudged


class Counting:
    """A recognizer that hears how many samples there are; it notes each call in a file, across processes."""

    name = "counting"
    sample_rate = 8000
    languages: frozenset[str] | None = frozenset({"en"})

    def __init__(self, calls: Path, **provenance: Any) -> None:
        self.calls = calls
        self.stop_after: int | None = None
        self.provenance: dict[str, Any] = {"judge": "counting", **provenance}

    def transcribe(self, samples: np.ndarray) -> str:
        if self.stop_after is not None and self.n_calls >= self.stop_after:
            raise KeyboardInterrupt
        with self.calls.open("a") as stream:
            stream.write("x")
        if len(samples) < 800:
            raise Unjudged("too-short", "less than a tenth of a second")
        if len(samples) == 4444:
            raise RuntimeError("out of memory")
        return f"{len(samples)} samples"

    @property
    def n_calls(self) -> int:
        return len(self.calls.read_text()) if self.calls.exists() else 0


class Voice:
    """A speaker encoder whose vector is as long as it is told."""

    name = "voice"
    sample_rate = 8000
    dim = 3

    def __init__(self, length: float = 1.0) -> None:
        self.length = length
        self.provenance: dict[str, Any] = {"judge": "voice"}

    def embed(self, samples: np.ndarray) -> np.ndarray:
        return np.array([0.6, 0.8, 0.0], np.float32) * self.length


class Opinion:
    """A MOS predictor that gives what it is told."""

    name = "opinion"
    sample_rate = 8000
    scales = ("good", "loud")

    def __init__(self, **scores: float) -> None:
        self.scores = scores or {"loud": 2.0, "good": 4.5}
        self.provenance: dict[str, Any] = {"judge": "opinion"}

    def predict(self, samples: np.ndarray) -> dict[str, float]:
        if np.abs(samples).max() > 1:
            raise Unjudged("audio-clipped", "beyond full scale")
        return dict(self.scores)
