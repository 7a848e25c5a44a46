"""Null: tokens shifted circularly against the labels they lie on, each speaker's utterances laid end to end.

A null must keep what has nothing to do with knowledge: the codes' frequencies, their run lengths, the number of frames.
A circular shift of the tokens against the labels keeps all three, and breaks the alignment. Shifted within their own
utterance, tokens still know what the utterance as a whole holds (which phones, how much silence), and the seam where
its end meets its beginning is felt in short ones. So the utterances of a speaker are one ring: a frame gets a code of
another utterance of the same speaker wherever there is speech enough, and only the junctions cut runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hac.data.ragged import bounds_of
from hac.data.tokens.token_store import Stream
from probes.nulls import kernels
from probes.utterance_keys import splitmix64, utterance_keys

Integer = TypeVar("Integer", bound=np.integer[Any])
Ints = NDArray[np.int64]

NULL_NAME = "circular-shift"
MIN_SHIFT_S = Fraction(1, 2)
"""Shifts are at least this long where there is speech enough, so that a token does not stay within its own phone."""
OVER_SPEAKERS = (
    f"{NULL_NAME} over each speaker's utterances, end to end, by at least {float(MIN_SHIFT_S)} s and the longest of "
    "them, or a quarter of all"
)
OVER_UTTERANCES = f"{NULL_NAME} within each utterance, at least {float(MIN_SHIFT_S)} s or a quarter of it"
"""The null of older files, and of a ring of one utterance."""


@dataclass(frozen=True)
class Rings:
    """Utterances laid end to end in rings: those of ring r are `order[bounds[r]:bounds[r + 1]]`.

    Attributes:
        keys: uint64 [n_rings], of their names.
        order: int64 [n_utterances].
        bounds: int64 [n_rings + 1]; no ring is without utterances.
    """

    keys: NDArray[np.uint64]
    order: Ints
    bounds: Ints

    def shifts(self, lengths: Ints, frame_rate: Fraction, draw: int, seed: int) -> Ints:
        """Shift in frames of each ring in one draw: int64 [n_rings]; draw 0 is the identity (the tokens as they are).

        Shifts of a ring of N frames are uniform on [m, N - m] with m the larger of 0.5 s and the longest utterance, so
        that none meets itself; at most N / 4 and at least one frame. A ring of one utterance, which can but meet
        itself, has m = 0.5 s within the same limits; one of a single frame (or none) stays as it is.

        Args:
            lengths: int64 [n_utterances], frames of each.
            frame_rate: frames per second.
            draw: 0 for the identity, 1.. for null draws.
            seed: of the whole analysis.
        """
        if draw == 0 or not len(self.keys):
            return np.zeros(len(self.keys), np.int64)
        in_order, starts = lengths[self.order], self.bounds[:-1]
        total = np.add.reduceat(in_order, starts)
        longest = np.where(np.diff(self.bounds) > 1, np.maximum.reduceat(in_order, starts), 0)
        apart = np.maximum(int(MIN_SHIFT_S * frame_rate), longest)
        shortest = np.maximum(1, np.minimum(apart, total // 4))
        choices = np.maximum(total - 2 * shortest + 1, 1)
        # one SplitMix64 stream per (seed, draw), indexed by the ring's key: no order, no state
        with np.errstate(over="ignore"):
            mixed = splitmix64(self.keys ^ splitmix64(np.array([(seed << 20) + draw], np.uint64)))
        shift = shortest + (mixed % choices.astype(np.uint64)).astype(np.int64)
        return np.where(total > 1, shift, 0)

    def shifted(
        self, codes: NDArray[Integer], bounds: Ints, frame_rate: Fraction, draw: int, seed: int
    ) -> NDArray[Integer]:
        """The codes of one draw: frame i of a ring gets the code of its frame i + shift. [n_frames]

        Args:
            codes: integers [n_frames], utterance by utterance.
            bounds: int64 [n_utterances + 1], frames of each utterance.
            frame_rate, draw, seed: as for `shifts`.
        """
        if draw == 0:
            return codes
        shifted = np.empty_like(codes)
        shifts = self.shifts(np.diff(bounds), frame_rate, draw, seed)
        kernels.shift_rings(codes, bounds, self.order, self.bounds, shifts, shifted)
        return shifted


def speaker_rings(ids: Sequence[str], languages: Sequence[str | None], speakers: Sequence[str | None]) -> Rings:
    """A ring for each speaker of each language, and one for all unknown speakers of a language.

    A ring's utterances follow one another by the hash of their ids, whatever the order they are given in.

    Args:
        ids: utterance ids, each once.
        languages, speakers: of each, None where unknown.
    """
    names = [f"{language or ''}\t{speaker or ''}" for language, speaker in zip(languages, speakers, strict=True)]
    found, ring = np.unique(np.array(names, object), return_inverse=True)
    order = np.lexsort((utterance_keys(ids), ring)).astype(np.int64)
    return Rings(utterance_keys(found.tolist()), order, bounds_of(np.bincount(ring, minlength=len(found))))


def utterance_rings(ids: Sequence[str]) -> Rings:
    """Each utterance a ring of its own: what it holds as a whole, its tokens know in the null too."""
    n = len(ids)
    return Rings(utterance_keys(ids), np.arange(n), np.arange(n + 1))


@dataclass(frozen=True)
class ShiftedStream:
    """A stream with its circular shifts, draw by draw.

    Attributes:
        whole: of all utterances of the rings.
        rings: see `Rings`.
        part: int64 [m], places of the utterances that are wanted (a shard); None: all.
    """

    whole: Stream
    rings: Rings
    part: Ints | None = None

    def draw(self, draw: int, seed: int) -> Stream:
        """The stream in one draw, 0: as it is; of the utterances wanted."""
        codes = self.rings.shifted(self.whole.codes, self.whole.bounds, self.whole.frame_rate, draw, seed)
        stream = self.whole if draw == 0 else replace(self.whole, codes=codes)
        return stream if self.part is None else stream.take(self.part)
