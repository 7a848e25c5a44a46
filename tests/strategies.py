"""Random corpora for property tests: utterances with labels that partition their time, and tokens at any rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from hac.data.alignments.alignment import Tier
from hac.data.tokens.token_store import Stream
from probes.clusters import Rows, assign_rows
from tests.oracles import Interval

RATES = (Fraction(25, 2), Fraction(22050, 1024), Fraction(50), Fraction(75), Fraction(44100, 512), Fraction(100))
LABELS = ("AA", "B", "SIL", "T")


@dataclass(frozen=True)
class Utterance:
    """One utterance in plain Python."""

    id: str
    language: str | None
    speaker: str | None
    intervals: tuple[Interval, ...]
    codes: tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """A corpus in plain Python, and the same as the product's types."""

    utterances: tuple[Utterance, ...]
    frame_rate: Fraction
    codebook_size: int
    labels: tuple[str, ...] = LABELS

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(u.id for u in self.utterances)

    @property
    def tier(self) -> Tier:
        """The labels as a tier; those left out are -1."""
        rows = [row for u in self.utterances for row in u.intervals]
        index: dict[str | None, int] = {None: -1, **{label: i for i, label in enumerate(self.labels)}}
        return Tier(
            "phones",
            self.ids,
            bounds([len(u.intervals) for u in self.utterances]),
            np.array([index[label] for label, _, _ in rows], np.int32),
            np.array([onset for _, onset, _ in rows], np.int64),
            np.array([offset for _, _, offset in rows], np.int64),
            self.labels,
        )

    @property
    def stream(self) -> Stream:
        """The codes as a stream."""
        codes = np.array([code for u in self.utterances for code in u.codes], np.int32)
        return Stream(
            "units", self.codebook_size, self.frame_rate, codes, bounds([len(u.codes) for u in self.utterances])
        )

    @property
    def rows(self) -> Rows:
        """The rows of the count table."""
        return assign_rows(self.ids, [u.language for u in self.utterances], [u.speaker for u in self.utterances])

    def with_codes(self, codes: Sequence[Sequence[int]], codebook_size: int | None = None) -> Case:
        """The same labels under other codes."""
        utterances = tuple(replace(u, codes=tuple(c)) for u, c in zip(self.utterances, codes, strict=True))
        return replace(self, utterances=utterances, codebook_size=codebook_size or self.codebook_size)

    def with_intervals(self, intervals: Sequence[Sequence[Interval]], labels: tuple[str, ...] | None = None) -> Case:
        """The same codes over other labels."""
        utterances = tuple(replace(u, intervals=tuple(i)) for u, i in zip(self.utterances, intervals, strict=True))
        return replace(self, utterances=utterances, labels=labels or self.labels)

    def only(self, picks: Sequence[int]) -> Case:
        """Some of the utterances."""
        return replace(self, utterances=tuple(self.utterances[i] for i in picks))


def bounds(lengths: Sequence[int]) -> np.ndarray:
    """Row bounds of consecutive runs."""
    return np.concatenate([[0], np.cumsum(np.asarray(lengths, np.int64))]).astype(np.int64)


@st.composite
def partitions(draw: st.DrawFn, max_us: int = 400_000, labels: tuple[str, ...] = LABELS) -> tuple[Interval, ...]:
    """Labelled intervals that touch, begin at 0 and end somewhere; sometimes none; boundaries on any microsecond."""
    # half of them on a grid of 5 ms, where ties and coincidences with frame edges happen
    times = st.integers(1, max_us) | st.integers(1, max_us // 5000).map(lambda t: t * 5000)
    ends = sorted(draw(st.sets(times, max_size=6)))
    starts = [0, *ends][: len(ends)]
    names = st.sampled_from(labels)
    return tuple((draw(names), start, end) for start, end in zip(starts, ends, strict=True))


def rates() -> st.SearchStrategy[Fraction]:
    """Frame rates in Hz: codecs', and whole ones at random."""
    return st.sampled_from(RATES) | st.integers(1, 150).map(Fraction)


@st.composite
def cases(
    draw: st.DrawFn,
    frame_rate: Fraction | None = None,
    max_utterances: int = 4,
    codebook_sizes: Sequence[int] = (1, 2, 3, 8),
) -> Case:
    """A corpus whose tokens may end before or after its labels."""
    rate = frame_rate or draw(rates())
    size = draw(st.sampled_from(codebook_sizes))
    n = draw(st.integers(1, max_utterances))
    utterances = []
    for i in range(n):
        intervals = draw(partitions())
        fitting = int(rate * (intervals[-1][2] if intervals else 0) / 1_000_000)
        n_frames = draw(st.integers(0, fitting + 3))
        # codes need no shrinking: a seed for them draws far quicker than they do one by one
        codes = np.random.default_rng(draw(st.integers(0, 99))).integers(0, size, n_frames).tolist()
        language = draw(st.sampled_from(["en", "de", None]))
        speaker = draw(st.sampled_from(["anna", "ben", None]))
        utterances.append(Utterance(f"u{i}", language, speaker, intervals, tuple(codes)))
    return Case(tuple(utterances), rate, size)


@st.composite
def tables(draw: st.DrawFn, max_labels: int = 5, max_codes: int = 6, max_count: int = 50) -> np.ndarray:
    """Tables of counts, int64 [n_labels, n_codes], with empty rows, columns and tables among them."""
    shape = draw(st.tuples(st.integers(1, max_labels), st.integers(1, max_codes)))
    counts = st.integers(0, max_count) | st.just(0)
    return np.array(draw(st.lists(counts, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))).reshape(shape)
