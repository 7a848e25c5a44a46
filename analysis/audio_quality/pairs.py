"""Ratios over pairs of recordings: the one of each utterance, and the reference that it is compared with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.results import ratios
from analysis.results.ratios import Ratios
from hac.judges.stoi import Score

Pairing = NDArray[np.int64]
"""Place of each utterance's reference, int64 [n_utterances]; -1 leaves the utterance out."""
Part = tuple[float, float, str]
"""Numerator and denominator of one pair; where both are NaN, the reason."""
Comparison = Callable[[int, int], Part]
"""Compares the recording of one utterance with the reference of another, by their places."""

NOT_MEASURED = "not-measured"


@dataclass(frozen=True)
class Measure:
    """One measure of every utterance.

    Attributes:
        value: against the references that are asked about.
        nulls: against references of other utterances, one for each null draw.
    """

    value: Ratios
    nulls: tuple[Ratios, ...] = ()


def compared(comparison: Comparison, references: Pairing, nulls: Sequence[Pairing] = ()) -> Measure:
    """A measure of pairs, and of those of each null draw."""
    return Measure(_over(comparison, references), tuple(_over(comparison, draw) for draw in nulls))


def _over(comparison: Comparison, references: Pairing) -> Ratios:
    places = enumerate(references.tolist())
    return ratios_of(comparison(u, v) if v >= 0 else undefined(NOT_MEASURED) for u, v in places)


def ratios_of(parts: Iterable[Part], root: bool = False) -> Ratios:
    """Ratios of the parts of every utterance; `root` as in `Ratios`."""
    listed = list(parts)
    numerators, denominators, reasons = ([part[k] for part in listed] for k in range(3))
    return ratios.ratios(numerators, denominators, reasons, root)  # type: ignore[arg-type]


def undefined(reason: str) -> Part:
    """The part of a pair that has no value."""
    return math.nan, math.nan, reason


def mean_part(score: Score) -> Part:
    """The part of a pair whose score counts once, so that the ratio is a mean."""
    return (score.value, 1.0, "") if not score.reason else undefined(score.reason)
