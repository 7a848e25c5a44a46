"""Tokens meet labels: which frame carries how much of which label, under a named convention.

The convention moves PNMI more than most changes to a model do, so it is a named, recorded option:

- `duration`: every frame counts for each label by their exact overlap in time. No rounding; weights are ticks.
- `hubert`: labels on a 100 Hz grid (the label at the middle of each 10 ms), codes repeated up to 100 Hz, both cut to
  the shorter (HuBERT, Hsu et al. 2021, `measure_teacher_quality.py`). Weights are grid frames.
- `max-overlap`: each frame gets the one label that overlaps it longest, ties to the earlier (PAST). Weights are frames.
- `centre`: each frame gets the label at its centre. Weights are frames.

Time beyond the labels or beyond the tokens is not counted. Lags are in frames; a positive lag undoes tokens that come
late: token i is compared with the audio `lag` frames earlier.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hac.data import timeline
from hac.data.alignments.alignment import Tier
from hac.errors import one_of
from probes.joint_counts import kernels

Convention = Literal["duration", "hubert", "max-overlap", "centre"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)
HUBERT_GRID_HZ = 100
SUBFRAME = 4
"""Lags may be multiples of 1 / SUBFRAME of a frame; the clock is fine enough for them, and for frame centres."""


@dataclass(frozen=True)
class Cells:
    """What frames and labels share, columnar: cells of utterance u are `bounds[u]:bounds[u + 1]`, by frame, ascending.

    Attributes:
        bounds: int64 [n_utterances + 1].
        frame: int32 [n_cells], frame index within the utterance.
        label: int32 [n_cells], index into the tier's vocabulary.
        weight: int32 [n_cells], in units of 1 / `units_per_s` seconds.
        units_per_s: how many units of weight make a second of speech.
    """

    bounds: NDArray[np.int64]
    frame: NDArray[np.int32]
    label: NDArray[np.int32]
    weight: NDArray[np.int32]
    units_per_s: Fraction

    def __len__(self) -> int:
        """Count of cells."""
        return len(self.frame)


def check_convention(name: str) -> Convention:
    """The convention of that name.

    Raises:
        HacError: there is none.
    """
    return one_of(name, CONVENTIONS, "convention")


def cells(
    tier: Tier,
    n_frames: NDArray[np.int64],
    frame_rate: Fraction,
    convention: Convention = "duration",
    lag: Fraction | int = 0,
    clock: int | None = None,
) -> Cells:
    """What the tokens of each utterance share with its labels.

    Args:
        tier: a partition of each utterance from 0 on (see `hac.data.alignments.alignment.partition`); labels below zero
            are left out of the count.
        n_frames: int64 [n_utterances], tokens of each utterance of the tier.
        convention: see the module.
        lag: frames by which the tokens come late; a multiple of 1/4 for `duration`, whole for the others.
        clock: ticks per second to use; default the coarsest that fits. Counts that are to be added must share it.

    Raises:
        ValueError: the lag is not on the clock.
    """
    lag = Fraction(lag)
    if lag.denominator != 1 and (convention != "duration" or SUBFRAME % lag.denominator):
        raise ValueError(f"a lag of {lag} frames is not possible under {convention}")
    ticks_per_s = clock or ticks_of([frame_rate])
    frame_ticks = timeline.ticks_per_frame(frame_rate, ticks_per_s)
    ends = tier.offset_us * (ticks_per_s // timeline.US_PER_S)
    labels = np.ascontiguousarray(tier.labels, np.int32)
    n_frames = np.ascontiguousarray(n_frames, np.int64)
    lag_ticks = int(lag * frame_ticks)
    if convention == "hubert":
        grid = (ticks_per_s // HUBERT_GRID_HZ, Fraction(HUBERT_GRID_HZ), frame_rate / HUBERT_GRID_HZ)
        return _points(tier.bounds, ends, labels, n_frames, *grid, lag_ticks)
    if convention == "centre":
        return _points(tier.bounds, ends, labels, n_frames, frame_ticks, frame_rate, Fraction(1), lag_ticks)
    overlaps = _overlaps(tier.bounds, ends, labels, n_frames, frame_ticks, lag_ticks, ticks_per_s)
    return overlaps if convention == "duration" else _longest(overlaps, len(tier.vocabulary), frame_rate)


def ticks_of(rates: list[Fraction]) -> int:
    """Ticks per second of a clock for these rates, fine enough for frame centres, quarter frames and the 10 ms grid."""
    return SUBFRAME * timeline.clock(rates)


def _overlaps(
    bounds: NDArray[np.int64],
    ends: NDArray[np.int64],
    labels: NDArray[np.int32],
    n_frames: NDArray[np.int64],
    frame_ticks: int,
    lag_ticks: int,
    ticks_per_s: int,
) -> Cells:
    # every label boundary splits at most one frame, so this is enough room
    room = int(n_frames.sum()) + len(labels)
    frame, label, weight = (np.empty(room, np.int32) for _ in range(3))
    cell_bounds = np.empty(len(n_frames) + 1, np.int64)
    kernels.overlap_cells(n_frames, frame_ticks, lag_ticks, bounds, ends, labels, frame, label, weight, cell_bounds)
    n = int(cell_bounds[-1])
    return Cells(cell_bounds, frame[:n], label[:n], weight[:n], Fraction(ticks_per_s))


def _longest(overlaps: Cells, n_labels: int, frame_rate: Fraction) -> Cells:
    new_bounds = np.empty_like(overlaps.bounds)
    n = kernels.keep_longest(overlaps.bounds, overlaps.frame, overlaps.label, overlaps.weight, n_labels, new_bounds)
    ones = np.ones(n, np.int32)
    return Cells(new_bounds, overlaps.frame[:n].copy(), overlaps.label[:n].copy(), ones, frame_rate)


def _points(
    bounds: NDArray[np.int64],
    ends: NDArray[np.int64],
    labels: NDArray[np.int32],
    n_frames: NDArray[np.int64],
    point_ticks: int,
    point_rate: Fraction,
    frames_per_point: Fraction,
    lag_ticks: int,
) -> Cells:
    # the number of points whose frame exists: ceil(T / frames_per_point)
    num, den = frames_per_point.numerator, frames_per_point.denominator
    n_points = -(-n_frames * den // num)
    room = int(n_points.sum())
    frame, label = np.empty(room, np.int32), np.empty(room, np.int32)
    cell_bounds = np.empty(len(n_frames) + 1, np.int64)
    kernels.point_cells(
        n_points,
        n_frames,
        point_ticks,
        point_ticks // 2 - lag_ticks,
        num,
        den,
        bounds,
        ends,
        labels,
        frame,
        label,
        cell_bounds,
    )
    n = int(cell_bounds[-1])
    return Cells(cell_bounds, frame[:n], label[:n], np.ones(n, np.int32), point_rate)
