"""Factors: what a stream may tell of, as one label for each of its frames.

A factor is a thing that speech varies in: the phone, the word, who speaks, how high. Whatever it is made from (a tier,
the manifest, a curve on a grid), it is kept as labelled intervals of each utterance, and labels any stream's frames
by one rule: **a frame has the label of the interval that holds the frame's centre**, and -1 (undefined) where no
interval does. Times are compared exactly, on a clock that every microsecond and every frame centre falls on.

Two kinds. The label of a `frame` factor changes within an utterance. That of an `utterance` factor (speaker, gender,
language) does not, so moving tokens within their utterance cannot break what they know of it: see
`probes.nulls.label_permutation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hac.data import timeline
from hac.data.ragged import bounds_of, ranges, run_starts
from hac.data.tiers import Tier
from hac.data.tokens.token_store import Stream

Kind = Literal["frame", "utterance"]
Permuted = Literal["utterances of each language", "speakers of each language", "speakers"]
"""What the labels of an utterance factor are permuted over in its null: they are one label of each of these."""
UNDEFINED = -1
"""Label of a frame that has none: silence has no word, an unvoiced frame no F0."""
FOREVER_US = 10**12
"""Where the interval of an utterance factor ends: tokens may go on a little after the audio, and count too."""
GRID_US = 10_000
"""Step of the grid that prosody is measured on."""
N_BINS = 8
"""Quantile bins of a measured value."""

Ints = NDArray[np.int64]
Labels = NDArray[np.int32]


@dataclass(frozen=True)
class Factor:
    """One factor of every utterance.

    Attributes:
        name: `phone`, `speaker`, ...
        tier: its labelled intervals, which do not overlap; the vocabulary is sorted by name. Negative labels are
            undefined. Utterance i of the tier is utterance i of the tokens.
        about: how it was made, for the protocol.
        permuted: what its labels are permuted over in the null; None for labels of frames, whose null is a circular
            shift.
    """

    name: str
    tier: Tier
    about: str = ""
    permuted: Permuted | None = None

    @property
    def kind(self) -> Kind:
        """Whether it has a label for each frame or for each utterance."""
        return "utterance" if self.permuted else "frame"

    @property
    def labels(self) -> tuple[str, ...]:
        """The vocabulary, sorted."""
        return self.tier.vocabulary


def label_frames(factor: Factor, stream: Stream) -> Labels:
    """The label of each frame of a stream: int32 [n_frames], an index into `factor.labels` or -1.

    Args:
        factor: of the same utterances as the stream, in the same order.
    """
    tier = factor.tier
    clock = timeline.clock([stream.frame_rate])
    length = timeline.ticks_per_frame(stream.frame_rate, clock)
    scale = clock // timeline.US_PER_S
    n_frames = stream.lengths[tier.utterance_index()]
    first, last = (
        np.minimum(timeline.centres_before(2 * np.maximum(us, 0) * scale, length), n_frames)
        for us in (tier.onset_us, tier.offset_us)
    )
    return _filled(stream, tier.utterance_index(), first, np.maximum(first, last), tier.labels)


def _filled(stream: Stream, utterance: Ints, first: Ints, last: Ints, labels: Labels) -> Labels:
    """Frames `first` to `last` (exclusive) of each interval's utterance get its label, all others -1."""
    made = np.full(len(stream.codes), UNDEFINED, np.int32)
    lengths = last - first
    made[ranges(stream.bounds[utterance] + first, lengths)] = np.repeat(np.maximum(labels, UNDEFINED), lengths)
    return made


def utterance_factor(
    name: str,
    ids: Sequence[str],
    values: Sequence[str | None],
    about: str = "",
    permuted: Permuted = "utterances of each language",
) -> Factor:
    """A factor with one label for each whole utterance; None: undefined.

    Args:
        permuted: see `Factor`; speakers only where all utterances of a speaker have one label.
    """
    vocabulary = tuple(sorted({value for value in values if value is not None}))
    place: dict[str | None, int] = {value: i for i, value in enumerate(vocabulary)}
    n = len(ids)
    labels = np.array([place.get(value, UNDEFINED) for value in values], np.int32)
    bounds = np.arange(n + 1, dtype=np.int64)
    tier = Tier(name, tuple(ids), bounds, labels, np.zeros(n, np.int64), np.full(n, FOREVER_US), vocabulary)
    return Factor(name, tier, about, permuted)


def interval_factor(name: str, tier: Tier, label: Labels, names: Sequence[str | None], about: str = "") -> Factor:
    """A factor of intervals with new labels, the vocabulary sorted by name.

    Args:
        tier: the intervals; its own labels are not looked at.
        label: int32 [n_intervals], index into `names`; negative: undefined.
        names: label names, in any order; equal ones become one label, None: undefined.
        about: how it was made.
    """
    vocabulary = tuple(sorted({label for label in names if label is not None}))
    place: dict[str | None, int] = {label: i for i, label in enumerate(vocabulary)}
    table = np.array([*(place.get(label, UNDEFINED) for label in names), UNDEFINED], np.int32)
    labels = table[np.where(label < 0, len(names), label)]
    made = Tier(name, tier.ids, tier.bounds, labels, tier.onset_us, tier.offset_us, vocabulary)
    return Factor(name, made, about)


def quantile_edges(values: NDArray[np.float64], n_bins: int = N_BINS) -> NDArray[np.float64]:
    """Inner edges of bins that hold about equally many values each: float64, at most n_bins - 1, ascending.

    Values that occur very often (digital silence) make bins fall together, and then there are fewer.
    """
    if not len(values):
        return np.empty(0)
    edges = np.unique(np.quantile(values, np.arange(1, n_bins) / n_bins))
    return np.asarray(edges[edges > values.min()])


def grid_factor(
    name: str, ids: Sequence[str], curves: Mapping[str, NDArray[np.float64]], n_bins: int = N_BINS, unit: str = ""
) -> Factor:
    """A factor of the quantile bins of a curve on the 10 ms grid; bin 1 is the lowest.

    Point i of a curve stands for the time from 10 i to 10 (i + 1) ms. The edges of the bins come from all curves given,
    so they are the same for every stream and every part of the corpus.

    Args:
        ids: utterance ids; one without a curve is undefined.
        curves: values of each utterance, NaN where undefined.
        unit: of the values, for `about`.
    """
    every = [np.asarray(curve, np.float64) for curve in curves.values()]
    values = np.concatenate(every) if every else np.empty(0)
    edges = quantile_edges(values[np.isfinite(values)], n_bins)
    nothing = np.empty(0)
    chosen = [np.asarray(curves.get(id, nothing), np.float64) for id in ids]
    points = np.array([len(curve) for curve in chosen], np.int64)
    flat = np.concatenate(chosen) if chosen else nothing
    labels = np.where(np.isfinite(flat), np.searchsorted(edges, flat, side="right"), UNDEFINED).astype(np.int32)
    width = len(str(n_bins))
    names = tuple(f"{i + 1:0{width}d}" for i in range(len(edges) + 1))
    shown = ", ".join(f"{edge:.5g}" for edge in edges)
    about = f"{len(names)} quantile bins over the whole corpus, edges {shown} {unit}".rstrip()
    return Factor(name, _merged(name, tuple(ids), points, labels, names), about)


def _merged(name: str, ids: tuple[str, ...], points: Ints, labels: Labels, names: tuple[str, ...]) -> Tier:
    """The tier of a labelled grid, neighbours of one label as one interval."""
    begins = bounds_of(points)
    starts = run_starts(labels, begins)
    stops = np.append(starts[1:], len(labels))
    utterance = np.searchsorted(begins, starts, side="right") - 1
    onset, offset = ((at - begins[utterance]) * GRID_US for at in (starts, stops))
    bounds = bounds_of(np.bincount(utterance, minlength=len(ids)))
    return Tier(name, ids, bounds, labels[starts], onset, offset, names)
