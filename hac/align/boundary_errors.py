"""How far an alignment is from the truth: which boundaries it finds, and how early or late.

A boundary is any time at which an interval starts or ends, but for the first and last of an utterance, which are
the audio's edges in a tier without gaps. Labels play no role, so two phone sets can be compared.

Matching rule `greedy-nearest`: of all pairs of a true and a found boundary, the closest pair is matched first, then
the closest of those left, one to one (equally close pairs: the earlier first). The matches within a small tolerance
are therefore those of a large one that are close enough. Times are integer microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.data.alignments.alignment import Alignments, Tier

TOLERANCES_MS = (10, 20, 30, 40, 50)
"""Tolerances at which boundaries count as found; errors are averaged over pairs within the largest."""

MATCHING = "greedy-nearest"


@dataclass(frozen=True)
class BoundaryScore:
    """Counts and sums that add over utterances and corpora.

    Attributes:
        n_reference: true boundaries.
        n_found: boundaries of the alignment measured.
        n_matched: pairs within each of `TOLERANCES_MS`.
        error_us: sum of found minus true time over pairs within the largest tolerance.
        abs_error_us: sum of its absolute value.
    """

    n_reference: int
    n_found: int
    n_matched: tuple[int, ...]
    error_us: int
    abs_error_us: int

    def __add__(self, other: BoundaryScore) -> BoundaryScore:
        """The score of both together."""
        return BoundaryScore(
            self.n_reference + other.n_reference,
            self.n_found + other.n_found,
            tuple(a + b for a, b in zip(self.n_matched, other.n_matched, strict=True)),
            self.error_us + other.error_us,
            self.abs_error_us + other.abs_error_us,
        )

    def precision(self, tolerance_ms: int) -> float:
        """Share of found boundaries that are true, in [0, 1]; NaN where none was found."""
        return _ratio(self.n_matched[TOLERANCES_MS.index(tolerance_ms)], self.n_found)

    def recall(self, tolerance_ms: int) -> float:
        """Share of true boundaries that were found, in [0, 1]; NaN where there are none."""
        return _ratio(self.n_matched[TOLERANCES_MS.index(tolerance_ms)], self.n_reference)

    def f1(self, tolerance_ms: int) -> float:
        """Harmonic mean of precision and recall, in [0, 1]; NaN where there is no boundary at all."""
        return _ratio(2 * self.n_matched[TOLERANCES_MS.index(tolerance_ms)], self.n_found + self.n_reference)

    @property
    def mean_error_ms(self) -> float:
        """Mean of found minus true time over matched pairs, milliseconds; positive is late, NaN without pairs."""
        return _ratio(self.error_us, 1000 * self.n_matched[-1])

    @property
    def mean_abs_error_ms(self) -> float:
        """Mean distance of matched pairs, milliseconds; NaN without pairs."""
        return _ratio(self.abs_error_us, 1000 * self.n_matched[-1])

    def as_json(self) -> dict[str, Any]:
        """The figures by name, for provenance; undefined ones are None."""
        figures: dict[str, float] = {}
        for tolerance in TOLERANCES_MS:
            figures[f"precision_{tolerance}ms"] = self.precision(tolerance)
            figures[f"recall_{tolerance}ms"] = self.recall(tolerance)
            figures[f"f1_{tolerance}ms"] = self.f1(tolerance)
        figures |= {"mean_error_ms": self.mean_error_ms, "mean_abs_error_ms": self.mean_abs_error_ms}
        defined = {name: None if np.isnan(value) else round(value, 4) for name, value in figures.items()}
        return {"matching": MATCHING, "n_reference": self.n_reference, "n_found": self.n_found, **defined}


def score_boundaries(reference: Sequence[int], found: Sequence[int]) -> BoundaryScore:
    """Compare the boundaries of one utterance, ascending integer microseconds."""
    widest = 1000 * TOLERANCES_MS[-1]
    truth, guess = np.asarray(reference, dtype=np.int64), np.asarray(found, dtype=np.int64)
    low, high = np.searchsorted(guess, truth - widest, "left"), np.searchsorted(guess, truth + widest, "right")
    pairs = sorted(
        (abs(int(guess[j] - truth[i])), i, j) for i in range(len(truth)) for j in range(int(low[i]), int(high[i]))
    )
    free_truth, free_guess = np.ones(len(truth), dtype=bool), np.ones(len(guess), dtype=bool)
    errors: list[int] = []
    for _, i, j in pairs:
        if free_truth[i] and free_guess[j]:
            free_truth[i] = free_guess[j] = False
            errors.append(int(guess[j] - truth[i]))
    matched = tuple(sum(abs(error) <= 1000 * tolerance for error in errors) for tolerance in TOLERANCES_MS)
    return BoundaryScore(len(truth), len(guess), matched, sum(errors), sum(map(abs, errors)))


def score_tiers(reference: Tier, found: Tier) -> BoundaryScore:
    """Compare two tiers over the utterances that both have."""
    where = {id: index for index, id in enumerate(found.ids)}
    total = score_boundaries((), ())
    for index, id in enumerate(reference.ids):
        if id in where:
            total += score_boundaries(_boundaries(reference, index), _boundaries(found, where[id]))
    return total


def score_alignments(reference: Alignments, found: Alignments) -> Mapping[str, BoundaryScore]:
    """Compare every tier that both have."""
    shared = [name for name in reference.tiers if name in found.tiers]
    return {name: score_tiers(reference.tiers[name], found.tiers[name]) for name in shared}


def _boundaries(tier: Tier, index: int) -> list[int]:
    rows: slice = slice(int(tier.bounds[index]), int(tier.bounds[index + 1]))
    times: NDArray[np.int64] = np.unique(np.concatenate([tier.onset_us[rows], tier.offset_us[rows]]))
    return [int(time) for time in times[1:-1]]


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else float("nan")
