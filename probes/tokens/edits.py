"""How two token sequences of one utterance differ: edits with and without repeated codes, and frames that agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from hac.data.ragged import run_starts

Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Edits:
    """Counts of one comparison, which add.

    Attributes:
        units: units of the reference, repeated codes taken as one.
        unit_edits: Levenshtein distance of the two sequences of units.
        frames: frames of the reference.
        frame_edits: Levenshtein distance of the two sequences of frames.
        compared: frames that stand at the same place of both, after a lag.
        equal: those that have the same code.
    """

    units: int = 0
    unit_edits: int = 0
    frames: int = 0
    frame_edits: int = 0
    compared: int = 0
    equal: int = 0

    def __add__(self, other: Edits) -> Edits:
        """Counts of both."""
        return Edits(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def without_repeats(codes: Codes) -> Codes:
    """The units: every run of equal codes as one, int32 [n_units]."""
    return codes[run_starts(codes, np.array([0, len(codes)]))]


def edits(reference: Codes, hypothesis: Codes, lag: int = 0) -> Edits:
    """Compare two sequences of codes.

    Args:
        reference: int32 [n], of the speech as it is.
        hypothesis: int32 [m], of the speech after a change.
        lag: frames by which the hypothesis comes early: its frame i is compared with frame i + lag of the reference.
    """
    units, changed = without_repeats(reference), without_repeats(hypothesis)
    late = reference[lag:]
    n = min(len(late), len(hypothesis))
    return Edits(
        units=len(units),
        unit_edits=Levenshtein.distance(units.tolist(), changed.tolist()),
        frames=len(reference),
        frame_edits=Levenshtein.distance(reference.tolist(), hypothesis.tolist()),
        compared=n,
        equal=int(np.count_nonzero(late[:n] == hypothesis[:n])),
    )


def borrowed(codes: Sequence[Codes], order: Iterable[int], n: int) -> Codes:
    """The first n codes of some utterances end to end, int32 [n]; fewer where they have no more.

    Args:
        codes: of every utterance.
        order: which to take, such as `probes.nulls.derangement.cycle`.
        n: as many as the utterance's own.
    """
    taken: list[Codes] = [codes[0][:0]]
    have = 0
    for u in order:
        if have >= n:
            break
        taken.append(codes[u])
        have += len(codes[u])
    return np.concatenate(taken)[:n]
