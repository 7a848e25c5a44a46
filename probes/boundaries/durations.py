"""How long segments last: runs of equal tokens, phones, words. Counted by exact duration, so that counts add."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hac.data import timeline
from hac.data.alignments.alignment import Tier
from hac.data.tokens.token_store import Stream
from probes.clusters import Rows
from probes.sparse_counts import SparseCounts, numbered, summed

MS_PER_BIN = 10
N_BINS = 100
"""Bins of a histogram; one more holds what is longer."""
MAX_TABLE = 1 << 22
"""Cells (rows x durations) that are counted in a dense table: runs fit in it, durations in microseconds do not."""


@dataclass(frozen=True)
class DurationCounts:
    """How often each duration occurs, by row.

    Attributes:
        counts: segments by row and duration (a, in units); each once, ascending.
        time: int64 [n_rows], all the time there is in a row, segment or not, in units.
        unit_s: seconds in a unit: a frame's length, or a microsecond.
    """

    counts: SparseCounts
    time: NDArray[np.int64]
    unit_s: Fraction

    def __add__(self, other: DurationCounts) -> DurationCounts:
        """Counts of both; rows and unit must be the same ones."""
        return DurationCounts((self.counts + other.counts).summed(), self.time + other.time, self.unit_s)

    def of_rows(self, rows: NDArray[np.int64]) -> DurationCounts:
        """The counts of some rows only, numbered anew in that order."""
        counts = self.counts.of_rows(rows, len(self.time)).summed()
        return DurationCounts(counts, self.time[rows], self.unit_s)

    def pooled(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Distinct durations over all rows, ascending, and how often each occurs: int64 [n_distinct] each."""
        first, place = numbered(self.counts.a)
        return self.counts.a[first], summed(place, self.counts.n, len(first))

    def histogram(self) -> NDArray[np.int64]:
        """Segments by duration: int64 [N_BINS + 1]; bin i holds [10 i, 10 i + 10) ms, the last all from 1 s on."""
        values, counts = self.pooled()
        per_bin = self.unit_s * 1000 / MS_PER_BIN
        found = np.zeros(N_BINS + 1, np.int64)
        np.add.at(found, np.minimum(values * per_bin.numerator // per_bin.denominator, N_BINS), counts)
        return found


def run_durations(stream: Stream, rows: Rows) -> DurationCounts:
    """Runs of equal codes within each utterance, in frames; those cut off by its ends count as they are."""
    starts = stream.run_starts()
    row = rows.of_utterance[np.searchsorted(stream.bounds, starts, side="right") - 1]
    return _tally(
        row,
        np.diff(starts, append=len(stream.codes)),
        summed(rows.of_utterance, stream.lengths, len(rows.rows)),
        1 / stream.frame_rate,
    )


def label_durations(tier: Tier, durations_us: NDArray[np.int64], rows: Rows, silence: str) -> DurationCounts:
    """The tier's intervals that are not silence, in microseconds.

    Args:
        tier: a partition of each utterance.
        durations_us: int64 [n_utterances], all of each utterance's time.
        rows: row of each utterance.
        silence: the label left out.
    """
    kept = tier.is_not(silence)
    row = rows.of_utterance[tier.utterance_index()[kept]]
    length = (tier.offset_us - tier.onset_us)[kept]
    return _tally(row, length, summed(rows.of_utterance, durations_us, len(rows.rows)), Fraction(1, timeline.US_PER_S))


def _tally(
    row: NDArray[np.int64], value: NDArray[np.int64], time: NDArray[np.int64], unit_s: Fraction
) -> DurationCounts:
    """Counts of segments one by one; much quicker than `SparseCounts.summed`, which must add up what repeats."""
    widest = int(value.max(initial=0)) + 1
    keys = row * widest + value
    if len(time) * widest <= MAX_TABLE:
        table = np.bincount(keys)
        keys = np.flatnonzero(table)
        counts = table[keys]
    else:
        keys, counts = np.unique(keys, return_counts=True)
    row, value = np.divmod(keys, widest)
    return DurationCounts(SparseCounts.of(counts, row, value), time, unit_s)
