"""Where counts come from: a corpus in memory, or shards on disk that add up to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from operator import add

import numpy as np

from hac.data.alignments.alignment import Tier
from hac.data.tokens.token_store import Stream
from probes.clusters import Row, Rows
from probes.joint_counts.counts import JointCounts, count
from probes.joint_counts.frame_labels import SUBFRAME, Cells, Convention, cells
from probes.nulls.circular_shift import ShiftedStream

MAX_LAG_FRAMES = 4
LAG_BLOCK = 8192
"""Utterances that are aligned with their labels at a time in the lag scan: bounds its memory."""


@dataclass(frozen=True)
class Protocol:
    """How tokens are aligned with labels and what they are compared with; recorded with every number.

    Attributes:
        convention: see `probes.joint_counts.frame_labels`.
        n_nulls: null draws (circular shifts).
        seed: of the shifts.
        phone_policy: name of the phone policy.
    """

    convention: Convention = "duration"
    n_nulls: int = 20
    seed: int = 0
    phone_policy: str = "auto"


@dataclass(frozen=True)
class CountedStream:
    """A stream counted from memory; the `CountSource` of a corpus.

    Attributes:
        tokens: its codes, utterance by utterance as in `phones`, and their null draws.
        phones: the labels.
        cells: where frames and labels meet.
        clock: ticks per second behind the cells, the same for all streams of a run.
        rows: row of each utterance.
        protocol: see `Protocol`.
    """

    tokens: ShiftedStream
    phones: Tier
    cells: Cells
    clock: int
    rows: Rows
    protocol: Protocol

    @cached_property
    def stream(self) -> Stream:
        """The codes as they are."""
        return self.tokens.draw(0, self.protocol.seed)

    @property
    def name(self) -> str:
        """Stream name."""
        return self.tokens.whole.name

    @property
    def codebook_size(self) -> int:
        """Codes lie below this."""
        return self.stream.codebook_size

    @property
    def frame_rate(self) -> Fraction:
        """Hz."""
        return self.stream.frame_rate

    @property
    def n_frames(self) -> int:
        """Tokens of the stream."""
        return len(self.stream.codes)

    @property
    def n_nulls(self) -> int:
        """Null draws."""
        return self.protocol.n_nulls

    @cached_property
    def _coarse_rows(self) -> Rows:
        return self.rows.coarse()

    def draw(self, r: int) -> JointCounts:
        """Counts of draw r (0: the tokens as they are)."""
        stream = self.tokens.draw(r, self.protocol.seed) if r else self.stream
        return count(self.cells, stream, self._coarse_rows if r else self.rows, self.phones.vocabulary)


def label_frames(phones: Tier, stream: Stream, protocol: Protocol, clock: int) -> Cells:
    """Where the stream's frames and the labels meet."""
    return cells(phones, np.diff(stream.bounds), stream.frame_rate, protocol.convention, clock=clock)


def lags_of(convention: Convention) -> list[Fraction]:
    """The lags of the scan, in frames: -4 to 4, in half frames where the convention allows."""
    step = Fraction(2, SUBFRAME) if convention == "duration" else Fraction(1)
    n = int(MAX_LAG_FRAMES / step)
    return [i * step for i in range(-n, n + 1)]


def lag_counts(source: CountedStream) -> Iterator[JointCounts]:
    """Pooled counts at each lag of the scan, made block by block so that only a block is aligned at a time."""
    n = len(source.phones.ids)
    blocks = [
        (source.phones.between(start, start + LAG_BLOCK), source.stream.between(start, start + LAG_BLOCK))
        for start in range(0, max(n, 1), LAG_BLOCK)
    ]
    for lag in lags_of(source.protocol.convention):
        yield reduce(add, (_at_lag(source, phones, stream, lag) for phones, stream in blocks))


def _at_lag(source: CountedStream, phones: Tier, stream: Stream, lag: Fraction) -> JointCounts:
    everything = Rows((Row("", "", 0),), np.zeros(len(phones.ids), np.int64))
    n_frames = np.diff(stream.bounds)
    met = cells(phones, n_frames, stream.frame_rate, source.protocol.convention, lag, source.clock)
    return count(met, stream, everything, phones.vocabulary)
