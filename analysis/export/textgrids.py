"""Praat TextGrids of what lies along the time of utterances, a file each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from praatio.utilities.textgrid_io import getTextgridAsStr

from analysis.clips.time_tiers import Span, TimeLabels, TimeTier
from hac.coding.decoded_audio import file_names
from hac.console import progress
from hac.data.timeline import US_PER_S
from hac.errors import FailureLog, HacError
from hac.files.atomic import distinct, write_text

SUFFIX = ".TextGrid"
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters and line breaks: not even quotes keep those from confusing readers of TextGrids."""


class TextGridError(HacError):
    """These tiers are no TextGrid; `reason` groups such troubles."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def textgrid(tiers: Sequence[TimeTier], end_us: int) -> str:
    """A long TextGrid; gaps are intervals with an empty label, as Praat has them, and times are exact microseconds.

    Args:
        tiers: at least one; names that are alike (even but for capitals) are numbered.
        end_us: where the sound ends; a tier that goes on behind it moves the end of all.

    Raises:
        TextGridError: intervals overlap or are empty, which no tier of Praat's can hold.
    """
    for tier in tiers:
        _check(tier)
    end_us = max(end_us, *(tier.spans[-1][1] for tier in tiers if tier.spans), 1)
    ends = {"xmin": _Seconds(0), "xmax": _Seconds(end_us / US_PER_S)}
    made = [
        {
            "class": "IntervalTier",
            "name": name,
            **ends,
            "entries": [
                (_Seconds(onset / US_PER_S), _Seconds(offset / US_PER_S), _BREAKS.sub(" ", label))
                for onset, offset, label in _without_gaps(tier.spans, end_us)
            ],
        }
        for name, tier in zip(distinct(_BREAKS.sub(" ", tier.name) for tier in tiers), tiers, strict=True)
    ]
    grid = {**ends, "tiers": made}
    return str(getTextgridAsStr(grid, "long_textgrid", includeBlankSpaces=False))


class _Seconds(float):
    """Whole microseconds; written without an exponent, which praatio itself could not read."""

    def __repr__(self) -> str:
        return f"{self:.6f}".rstrip("0")


def _without_gaps(spans: Iterable[Span], end_us: int) -> Iterator[Span]:
    at = 0
    for span in spans:
        if at < span[0]:
            yield at, span[0], ""
        yield span
        at = span[1]
    if at < end_us:
        yield at, end_us, ""


def _check(tier: TimeTier) -> None:
    for onset, offset, label in tier.spans:
        if not 0 <= onset < offset:
            span = f"{label[:40]!r} of tier {tier.name!r} begins at {_s(onset)} and ends at {_s(offset)}"
            raise TextGridError("textgrid-empty-interval", f"{span}; a TextGrid holds no such interval")
    for (_, offset, before), (onset, _, after) in pairwise(tier.spans):
        if onset < offset:
            span = f"{before[:40]!r} of tier {tier.name!r} ends at {_s(offset)}, after {after[:40]!r} begins"
            raise TextGridError("textgrid-overlap", f"{span} ({_s(onset)}); a tier of a TextGrid holds no overlaps")


def _s(us: int) -> str:
    return f"{us / US_PER_S:.6f} s"


@dataclass(frozen=True)
class Export:
    """What is to be written.

    Attributes:
        ids: utterances, in order.
        labels: words and phones.
        systems: tokens by the name that stands before their streams; with one system no name does.
        durations_us: of the recordings, where they are known.
    """

    ids: Sequence[str]
    labels: TimeLabels
    systems: Mapping[str, TimeLabels]
    durations_us: Mapping[str, int] = field(default_factory=dict)

    def tiers_of(self, id: str) -> list[TimeTier]:
        """Words, phones, and the streams of each system that has the utterance."""
        made = self.labels.labels_of(id)
        for name, one in self.systems.items():
            prefix = f"{name}: " if len(self.systems) > 1 else ""
            made += [replace(tier, name=f"{prefix}{tier.name}") for tier in one.tokens_of(id)]
        return made


def write_textgrids(export: Export, folder: Path, failures: FailureLog) -> dict[str, Path]:
    """Write a TextGrid for each utterance; what cannot be written is a failure and leaves no file.

    Args:
        export: what to write.
        folder: where to; files are named as `hac decode` names audio.
        failures: takes utterances that cannot be written.

    Returns:
        The file of each utterance, by id.
    """
    written: dict[str, Path] = {}
    with progress("TextGrids", len(export.ids)) as advance:
        for id, name in zip(export.ids, file_names(export.ids), strict=True):
            path = folder / f"{name}{SUFFIX}"
            try:
                write_text(path, textgrid(export.tiers_of(id), export.durations_us.get(id, 0)))
                written[id] = path
            except TextGridError as error:
                path.unlink(missing_ok=True)  # what an earlier export wrote is not of these tokens
                failures.add(id, error.reason, str(error))
            advance(1)
    return written
