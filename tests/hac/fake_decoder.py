"""A decoder without a network: what the commands around a decoder can be tested with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.coding.decoders import Context
from hac.data.tokens.formats import write_tokens
from hac.data.tokens.stream_options import StreamSpec
from hac.data.tokens.token_store import Stream, TokenStore

RATE = 8000
HOP = 80
K = 16
STREAMS = ("acoustic.0", "phonetic")


@dataclass
class Steps:
    """Every frame of `HOP` samples holds the mean of the codes nearby; notes the frames of each call.

    Attributes:
        fail_at: raises KeyboardInterrupt at the call of this number, as Ctrl-C would.
        broken: the codes that make NaN.
    """

    log: Path
    name: str = "fake:steps"
    sample_rate: int = RATE
    hop_samples: int = HOP
    streams: tuple[StreamSpec, ...] = tuple(StreamSpec(name, K, Fraction(RATE, HOP)) for name in STREAMS)
    context: Context | None = field(default_factory=lambda: Context(2, 1))
    weights_sha256: str = "a" * 64
    fail_at: int | None = None
    broken: int | None = None

    def choose(
        self, present: Collection[str], levels: Iterable[str] | None = None, n_quantizers: int | None = None
    ) -> tuple[str, ...]:
        return STREAMS if levels is None else tuple(name for name in STREAMS if name.split(".")[0] in set(levels))

    def decode(self, streams: Mapping[str, NDArray[np.int32]]) -> NDArray[np.float32]:
        codes = np.sum([row.astype(np.int64) for row in streams.values()], axis=0)
        calls = self.calls()
        if self.fail_at is not None and len(calls) + 1 >= self.fail_at:
            raise KeyboardInterrupt
        with self.log.open("a") as log:
            log.write(f"{len(codes)}\n")
        padded = np.pad(codes, (2, 1))
        means = (padded[:-3] + padded[1:-2] + padded[2:-1] + padded[3:]) / (4 * K * len(streams))
        if self.broken is not None:
            means = np.where(codes == self.broken, np.nan, means)
        return np.repeat(means, HOP).astype(np.float32)

    def calls(self) -> list[int]:
        """Frames of every call so far."""
        return [int(line) for line in self.log.read_text().split()] if self.log.exists() else []


def write_store(path: Path, lengths: Mapping[str, int], seed: int = 0, **provenance: Any) -> Path:
    """A token store of random codes, `lengths` frames by utterance."""
    rng = np.random.default_rng(seed)
    bounds = np.concatenate([[0], np.cumsum(list(lengths.values()))]).astype(np.int64)
    streams = {
        name: Stream(name, K, Fraction(RATE, HOP), rng.integers(0, K, bounds[-1]).astype(np.int32), bounds)
        for name in STREAMS
    }
    write_tokens(TokenStore(tuple(lengths), streams, provenance), path)
    return path
