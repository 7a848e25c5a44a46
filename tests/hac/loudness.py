"""A tokenizer that is quick to import: processes that encode with it need nothing of pytest."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens.stream_options import StreamSpec
from hac.errors import HacError

RATE = 8000
HOP = 80


@dataclass
class Loudness:
    """A tokenizer of the frame's loudness; notes every batch in a file, so that work done can be counted.

    Attributes:
        delay_s: how long a batch takes, but for the first `n_quick` of all.
    """

    log: Path
    name: str = "loudness:test"
    sample_rate: int = RATE
    streams: tuple[StreamSpec, ...] = (
        StreamSpec("units", 64, Fraction(RATE, HOP)),
        StreamSpec("lexical", 8, Fraction(RATE, 4 * HOP)),
    )
    provenance: Mapping[str, Any] = field(default_factory=lambda: {"seed": 1})
    delay_s: float = 0.0
    n_quick: int = 0
    max_code: int = 63
    refuse_below: int = 0

    def encode(self, batch: Sequence[NDArray[np.float32]]) -> list[dict[str, NDArray[np.int32]]]:
        with self.log.open("a") as log:
            log.write(f"{len(batch)}\n")
        if self.delay_s and len(self.log.read_text().splitlines()) > self.n_quick:
            time.sleep(self.delay_s)
        if any(len(samples) < self.refuse_below for samples in batch):
            raise HacError("audio too short for this tokenizer")
        return [self._one(samples) for samples in batch]

    def _one(self, samples: NDArray[np.float32]) -> dict[str, NDArray[np.int32]]:
        frames = samples[: len(samples) // (4 * HOP) * 4 * HOP]
        codes = {}
        for spec, hop in zip(self.streams, (HOP, 4 * HOP), strict=True):
            loudness = np.abs(frames.reshape(-1, hop)).mean(axis=1)
            top = min(self.max_code, spec.codebook_size - 1) if self.max_code < 64 else self.max_code
            codes[spec.name] = np.floor(loudness * top).astype(np.int32)
        return codes
