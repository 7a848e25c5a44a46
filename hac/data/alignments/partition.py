"""From a phone tier as it was found to a partition of each utterance's time: every microsecond has one phone.

The rules, in this order; each is counted, none is silent:

1. `noise_dropped`: labels that the policy removes (noise under `noise_rule: drop`, phones mapped to nothing).
2. `negative`: an interval that ends before it begins is dropped.
3. `zero_length`: an interval without duration is dropped.
4. `outside`: an interval wholly before 0 or wholly beyond the audio's end is dropped.
5. `cut_start`, `cut_end`: the part before 0, or beyond the audio's end, is cut off.
6. `overlap_cut`: where two intervals overlap, the later one (by onset, then offset, then order in the file)
   begins where the earlier ends; `overlap_dropped`: one that lies wholly within earlier ones is dropped.
7. `gap`: time that no interval covers becomes silence.
8. `silence_merged`: adjacent silences become one interval (counted: the intervals that vanished, their
   duration).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hac.data.phones.policy import SILENCE, PhonePolicy
from hac.data.ragged import bounds_of
from hac.data.tiers import Tier
from hac.data.timeline import US_PER_S
from hac.errors import HacError

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Touched:
    """How many intervals a rule touched, and how many microseconds it took away or gave; adds with `+`."""

    n: int = 0
    us: int = 0

    def __add__(self, other: Touched) -> Touched:
        return Touched(self.n + other.n, self.us + other.us)


@dataclass(frozen=True, slots=True)
class AlignmentReport:
    """What the rules of `partition` did; reports of disjoint utterances add with `+`.

    Attributes:
        utterances: the audio: count and total duration.
        found: the intervals as they were found, with the sum of their durations (negative ones excepted).
        silence: silence in the result.
        phones: everything else in the result.
        noise_dropped, negative, zero_length, outside, cut_start, cut_end, overlap_cut, overlap_dropped, gap,
        silence_merged: the rules of this module.
    """

    utterances: Touched = Touched()
    found: Touched = Touched()
    silence: Touched = Touched()
    phones: Touched = Touched()
    noise_dropped: Touched = Touched()
    negative: Touched = Touched()
    zero_length: Touched = Touched()
    outside: Touched = Touched()
    cut_start: Touched = Touched()
    cut_end: Touched = Touched()
    overlap_cut: Touched = Touched()
    overlap_dropped: Touched = Touched()
    gap: Touched = Touched()
    silence_merged: Touched = Touched()

    def __add__(self, other: AlignmentReport) -> AlignmentReport:
        names = (field.name for field in fields(self))
        return AlignmentReport(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def to_dict(self) -> dict[str, dict[str, int]]:
        """For results.json: `{"gap": {"n": 3, "us": 120000}, ...}`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Mapping[str, int]]) -> AlignmentReport:
        """The inverse of `to_dict`."""
        return cls(**{name: Touched(**counts) for name, counts in data.items()})


def partition(tier: Tier, durations_us: Mapping[str, int], policy: PhonePolicy) -> tuple[Tier, AlignmentReport]:
    """Turn a phone tier into a partition of [0, duration) of each of its utterances, by the rules above.

    Args:
        tier: phones as they were found, before the policy.
        durations_us: the audio's duration in microseconds by utterance id; ids that the tier lacks are
            ignored.

    Returns:
        A tier in which each utterance's intervals touch, begin at 0 and end at its duration (none where that
        is 0), and the report. Partitioning the result again changes nothing.

    Raises:
        HacError: an utterance has no duration, or a negative one; a label is outside the policy's phone set.
    """
    durations = _durations(tier, durations_us)
    named = policy.apply(tier)
    silence = named.vocabulary.index(SILENCE)
    counts = {"utterances": Touched(len(durations), int(durations.sum())), "found": _found(tier)}
    left = _found(named)
    counts["noise_dropped"] = _found(tier) + Touched(-left.n, -left.us)
    rows = _Rows(named.utterance_index(), named.labels, named.onset_us, named.offset_us)
    base = bounds_of(durations)
    rows = _clip(rows, durations, counts)
    rows = _resolve_overlaps(rows.shifted(base), counts)
    rows = _fill_gaps(rows, base, silence, counts)
    result = _merge(named, rows, base, silence, counts)
    return result, AlignmentReport(**counts)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Intervals as columns [n_intervals]; once `shifted`, all utterances lie end to end on one timeline."""

    utterance: Ints
    label: NDArray[np.int32]
    onset: Ints
    offset: Ints

    def where(self, mask: Mask | Ints) -> _Rows:
        return _Rows(self.utterance[mask], self.label[mask], self.onset[mask], self.offset[mask])

    def shifted(self, base: Ints) -> _Rows:
        shift = base[self.utterance]
        return _Rows(self.utterance, self.label, self.onset + shift, self.offset + shift)


def _durations(tier: Tier, durations_us: Mapping[str, int]) -> Ints:
    missing = [id for id in tier.ids if id not in durations_us]
    if missing:
        raise HacError(
            f"{len(missing)} aligned utterances have no duration, the first is {missing[0]!r}; add them to "
            "the manifest or select the utterances that both have"
        )
    durations = np.fromiter((durations_us[id] for id in tier.ids), dtype=np.int64, count=len(tier.ids))
    if len(durations) and durations.min() < 0:
        id = tier.ids[int(durations.argmin())]
        raise HacError(f"{id}: duration of {durations.min() / US_PER_S} s; expected 0 or more")
    return durations


def _found(tier: Tier) -> Touched:
    return Touched(tier.n_intervals, int(np.maximum(tier.offset_us - tier.onset_us, 0).sum()))


def _touched(mask: Mask, us: Ints) -> Touched:
    return Touched(int(mask.sum()), int(us[mask].sum()))


def _clip(rows: _Rows, durations: Ints, counts: dict[str, Touched]) -> _Rows:
    """Rules 2 to 5: keep what lies within the audio."""
    length = rows.offset - rows.onset
    end = durations[rows.utterance]
    onset, offset = np.maximum(rows.onset, 0), np.minimum(rows.offset, end)
    outside = (length > 0) & (offset <= onset)  # also an interval around an utterance without duration
    counts["negative"] = _touched(length < 0, -length)
    counts["zero_length"] = _touched(length == 0, length)
    counts["outside"] = _touched(outside, length)
    kept = (length > 0) & ~outside
    counts["cut_start"] = _touched(kept & (onset > rows.onset), onset - rows.onset)
    counts["cut_end"] = _touched(kept & (offset < rows.offset), rows.offset - offset)
    return _Rows(rows.utterance, rows.label, onset, offset).where(kept)


def _resolve_overlaps(rows: _Rows, counts: dict[str, Touched]) -> _Rows:
    """Rule 6, on the one timeline: utterances cannot reach into each other, they were cut at their ends."""
    rows = rows.where(np.lexsort((rows.offset, rows.onset, rows.utterance)))
    reached = np.concatenate([[0], np.maximum.accumulate(rows.offset)])[:-1]
    hidden = rows.offset <= reached
    cut = (rows.onset < reached) & ~hidden
    counts["overlap_dropped"] = _touched(hidden, rows.offset - rows.onset)
    counts["overlap_cut"] = _touched(cut, reached - rows.onset)
    return _Rows(rows.utterance, rows.label, np.maximum(rows.onset, reached), rows.offset).where(~hidden)


def _fill_gaps(rows: _Rows, base: Ints, silence: int, counts: dict[str, Touched]) -> _Rows:
    """Rule 7: a gap lies between the end of one interval (or utterance start) and the next start (or end)."""
    ends = np.concatenate([rows.offset, base[:-1]])
    starts = np.concatenate([rows.onset, base[1:]])
    ends.sort()
    starts.sort()
    gap = starts > ends
    onset, offset = ends[gap], starts[gap]
    utterance = np.searchsorted(base, onset, side="right") - 1
    counts["gap"] = Touched(len(onset), int((offset - onset).sum()))
    label = np.full(len(onset), silence, dtype=np.int32)
    both = _Rows(
        np.concatenate([rows.utterance, utterance]),
        np.concatenate([rows.label, label]),
        np.concatenate([rows.onset, onset]),
        np.concatenate([rows.offset, offset]),
    )
    return both.where(np.argsort(both.onset, kind="stable"))


def _merge(tier: Tier, rows: _Rows, base: Ints, silence: int, counts: dict[str, Touched]) -> Tier:
    """Rule 8. The rows cover the global timeline, so an interval ends where the next one kept begins."""
    quiet = rows.label == silence
    again = np.zeros(len(quiet), dtype=bool)
    again[1:] = quiet[1:] & quiet[:-1] & (rows.utterance[1:] == rows.utterance[:-1])
    counts["silence_merged"] = _touched(again, rows.offset - rows.onset)
    counts["silence"] = Touched(int((quiet & ~again).sum()), int((rows.offset - rows.onset)[quiet].sum()))
    counts["phones"] = _touched(~quiet, rows.offset - rows.onset)
    kept = rows.where(~again)
    offset = np.append(kept.onset[1:], base[-1:])[: len(kept.onset)]
    shift = base[kept.utterance]
    bounds = bounds_of(np.bincount(kept.utterance, minlength=len(tier.ids)))
    return Tier(tier.name, tier.ids, bounds, kept.label, kept.onset - shift, offset - shift, tier.vocabulary)
