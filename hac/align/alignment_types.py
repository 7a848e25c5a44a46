"""What goes into an aligner and what comes out, whichever aligner it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hac.data.phones.classes import SILENCE
from hac.errors import Unusable


@dataclass(frozen=True, slots=True)
class Word:
    """A word as spoken (numbers written out), lower case, and its phones in order, at least one."""

    text: str
    phones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """One labelled interval `[onset_us, offset_us)`, integer microseconds from the start of the audio."""

    label: str
    onset_us: int
    offset_us: int


@dataclass(frozen=True, slots=True)
class Aligned:
    """The phones (with pauses, without gaps) and the words (without pauses) of one utterance."""

    id: str
    phones: tuple[Segment, ...]
    words: tuple[Segment, ...]

    def earlier(self, lag_us: int) -> Aligned:
        """Every boundary `lag_us` earlier, but for the audio's edges; what would vanish at its start is left out."""
        start, end = self.phones[0].onset_us, self.phones[-1].offset_us

        def move(time_us: int) -> int:
            return time_us if time_us == end else max(start, time_us - lag_us)

        def moved(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
            shifted = (Segment(item.label, move(item.onset_us), move(item.offset_us)) for item in segments)
            return tuple(item for item in shifted if item.onset_us < item.offset_us)

        return Aligned(self.id, moved(self.phones), moved(self.words))


class AlignmentFailure(Unusable):
    """One utterance that could not be aligned."""


def close_gaps(phones: Sequence[Segment], duration_us: int) -> tuple[Segment, ...]:
    """Intervals of positive length that cover `[0, duration_us)`: cut, the edges reached, pauses joined.

    `phones` ascend, each starting where the one before ends.
    """
    closed: list[Segment] = []
    for index, phone in enumerate(phones):
        onset = 0 if index == 0 else min(phone.onset_us, duration_us)
        offset = duration_us if index == len(phones) - 1 else min(phone.offset_us, duration_us)
        if offset <= onset:
            continue
        if closed and phone.label == SILENCE == closed[-1].label:
            closed[-1] = Segment(SILENCE, closed[-1].onset_us, offset)
        else:
            closed.append(Segment(phone.label, onset, offset))
    return tuple(closed)
