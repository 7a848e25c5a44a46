"""What lies along the time of an utterance: its words, its phones, and its streams of tokens, to look at one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from hac.data.alignments.alignment import PHONES, WORDS, Alignments, Tier
from hac.data.segments import runs_of
from hac.data.timeline import frame_edges_us
from hac.data.tokens.token_store import Stream, TokenStore

Kind = Literal["words", "phones", "tokens"]
Span = tuple[int, int, str]
"""Onset and offset in microseconds, and label."""
_SHOWN: tuple[Literal["words"], Literal["phones"]] = (WORDS, PHONES)  # type: ignore[assignment]


@dataclass(frozen=True)
class TimeTier:
    """One tier of one utterance; spans ascend."""

    name: str
    kind: Kind
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class TimeLabels:
    """Tiers of any utterance.

    Attributes:
        alignments: words and phones, where there are any.
        tokens: whose utterances the streams have; None: no tokens.
        streams: which to show, joint ones too; empty: all of the tokens.
        every_frame: a span for each frame; else for each run of equal codes.
    """

    alignments: Alignments
    tokens: TokenStore | None = None
    streams: Sequence[Stream] = ()
    every_frame: bool = False
    _places: dict[str, Mapping[str, int]] = field(default_factory=dict, repr=False)

    def of(self, id: str) -> list[TimeTier]:
        """The tiers that this utterance has: words, phones, then streams."""
        return [*self.labels_of(id), *self.tokens_of(id)]

    def labels_of(self, id: str) -> list[TimeTier]:
        """Words and phones, as they were aligned: gaps are gaps."""
        made = []
        for kind in _SHOWN:
            tier = self.alignments.tiers.get(kind)
            place = None if tier is None else self._place(kind, tier.ids).get(id)
            if tier is not None and place is not None:
                rows = slice(*tier.bounds[place : place + 2].tolist())
                made.append(TimeTier(kind, kind, _spans(tier, rows)))
        return made

    def tokens_of(self, id: str) -> list[TimeTier]:
        """A tier for each stream; times are frame edges to the nearest microsecond."""
        if self.tokens is None:
            return []
        place = self._place("tokens", self.tokens.ids).get(id)
        if place is None:
            return []
        spans = frames_of if self.every_frame else _runs
        return [TimeTier(stream.name, "tokens", spans(stream, place)) for stream in self._streams]

    @cached_property
    def _streams(self) -> tuple[Stream, ...]:
        return tuple(self.streams or (self.tokens.streams.values() if self.tokens else ()))

    def _place(self, of: str, ids: Sequence[str]) -> Mapping[str, int]:
        if of not in self._places:
            self._places[of] = {id: place for place, id in enumerate(ids)}
        return self._places[of]


def frames_of(stream: Stream, utterance: int) -> tuple[Span, ...]:
    """Every frame of an utterance with its code."""
    codes = stream.utterance(utterance)
    edges = frame_edges_us(np.arange(len(codes) + 1), stream.frame_rate).tolist()
    return tuple(zip(edges[:-1], edges[1:], map(str, codes.tolist()), strict=True))


def _runs(stream: Stream, utterance: int) -> tuple[Span, ...]:
    tier = runs_of(stream.take(np.array([utterance])), ("",))
    return _spans(tier, slice(None))


def _spans(tier: Tier, rows: slice) -> tuple[Span, ...]:
    labels = [tier.vocabulary[label] for label in tier.labels[rows].tolist()]
    return tuple(zip(tier.onset_us[rows].tolist(), tier.offset_us[rows].tolist(), labels, strict=True))
