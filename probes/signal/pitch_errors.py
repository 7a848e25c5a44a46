"""How far the pitch of a reconstruction is off: counts on a grid of frames that add, and scores divided once.

A frame is voiced where its F0 is a number, and unvoiced where it is NaN. Definitions:

- F0 correlation: Pearson's, of log F0, on the frames that are voiced in both.
- RMSE in cents: root of the mean of (1200 log2(estimate / reference))^2 on those frames.
- gross pitch error: share of those frames whose F0 is off by more than 20 % of the reference (Rabiner et al. 1976, A
  Comparative Performance Study of Several Pitch Detection Algorithms; the 20 % as in Nakatani et al. 2008).
- voicing decision error: share of all frames that are voiced in one and not in the other (Nakatani, Amano, Irino,
  Ishizuka and Kondo 2008, A method for fundamental frequency estimation and voicing decision).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hac.judges.stoi import Score, undefined

GROSS = 0.2
MIN_VOICED = 10
"""Frames voiced in both that a correlation needs: a tenth of a second."""


@dataclass(frozen=True, slots=True)
class PitchErrors:
    """Counts of one pair; everything but the correlation adds.

    Attributes:
        frames: all frames.
        both: frames voiced in both.
        voicing: frames voiced in one only.
        gross: frames voiced in both that are off by more than 20 %.
        squares: sum over frames voiced in both of the squared error in cents.
        correlation: of log F0.
    """

    frames: int
    both: int
    voicing: int
    gross: int
    squares: float
    correlation: Score


def pitch_errors(reference_hz: NDArray[np.floating], estimate_hz: NDArray[np.floating]) -> PitchErrors:
    """Compare two F0 tracks on the same grid, NaN where unvoiced; the longer one is cut."""
    n = min(len(reference_hz), len(estimate_hz))
    reference, estimate = (np.asarray(f0[:n], np.float64) for f0 in (reference_hz, estimate_hz))
    voiced, estimate_voiced = np.isfinite(reference), np.isfinite(estimate)
    both = voiced & estimate_voiced
    one, other = reference[both], estimate[both]
    cents = 1200 * np.log2(other / one)
    return PitchErrors(
        frames=n,
        both=int(both.sum()),
        voicing=int((voiced ^ estimate_voiced).sum()),
        gross=int((np.abs(other - one) > GROSS * one).sum()),
        squares=math.fsum(cents**2),
        correlation=_correlation(np.log(one), np.log(other)),
    )


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> Score:
    if len(one) < MIN_VOICED:
        return undefined("f0-few-voiced")
    one, other = one - one.mean(), other - other.mean()
    # a sung note and a robot have one pitch, up to rounding: there is nothing to correlate
    scale = float(np.sqrt((one**2).sum() * (other**2).sum()))
    if scale < 1e-9 * len(one):
        return undefined("f0-constant")
    return Score(float(np.clip((one * other).sum() / scale, -1, 1)))
