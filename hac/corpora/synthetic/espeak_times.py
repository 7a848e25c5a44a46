"""From espeak-ng's events to phone and word intervals.

*A stop's event sits at its release.* espeak-ng reports a stop when its burst starts, and the silent closure before
it (40 to 50 ms for p, t, k) falls to the previous phone, while the word event does include it. The closure is given
back to the stop: the run of near-zero samples right before the event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SILENCE = "sil"
"""Label of a pause in the phone tier."""

# event types of espeak-ng's speak_lib.h
WORD, PHONEME = 1, 7

_BETWEEN_WORDS = ' \xa0\t\n.,;:!?¿¡"«»„“”()-–—…'

_STOPS = tuple("pbtdkɡgqɢcɟʈɖʔ")
_CLOSED = 12
"""Largest amplitude of a closure, in steps of 16 bits."""
_SHORTEST_CLOSURE_S = 0.008
_SHORTEST_PAUSE_S = 0.08
"""A shorter nameless event is a transition, a hard attack or a closure: it belongs to the phone after it."""

_SPELLING = {"ɐ̃ʊ": "ɐ̃ʊ̃", "ss": "sː", "ʲ": "j"}
"""Labels made plain: cut short by the event's eight bytes, doubled for length, a modifier on its own."""


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled interval in samples, half-open."""

    label: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Mark:
    """One event: where it sounds (in samples), where its text is (1-based, in characters), what it is."""

    type: int
    sample: int
    position: int
    label: str


def phone_spans(marks: list[Mark], samples: NDArray[np.int16], sample_rate: int) -> list[tuple[Span, int]]:
    """Phones with the text position they came from; stops begin with their closure."""
    # a label in brackets says that the language changes; it makes no sound
    events = [mark for mark in marks if mark.type == PHONEME and not mark.label.startswith("(")]
    if not events or events[0].sample > 0:
        # the closure of a first stop cannot be heard: it is a pause like what comes before it
        events.insert(0, Mark(PHONEME, 0, 0, ""))
    # the first of several nameless events in a row stands for all of them
    nameless = [phone_label(event.label) == SILENCE for event in events]
    events = [event for i, event in enumerate(events) if not (i and nameless[i] and nameless[i - 1])]
    ends = [*(event.sample for event in events[1:]), len(samples)]
    spans: list[tuple[Span, int]] = []
    for event, end in zip(events, ends, strict=True):
        label, start = phone_label(event.label), event.sample
        if spans and label != SILENCE:
            start = _true_start(label, start, spans, samples, sample_rate)
        if end > start:
            spans.append((Span(label, start, end), event.position))
    return spans


def _true_start(
    label: str, start: int, spans: list[tuple[Span, int]], samples: NDArray[np.int16], sample_rate: int
) -> int:
    """Where a phone starts: before a short nameless event, or with its closure; cuts what lies before it."""
    before, position = spans[-1]
    if before.label == SILENCE:
        if before.start > 0 and before.end - before.start < _SHORTEST_PAUSE_S * sample_rate:
            del spans[-1]
            return before.start
        return start
    if not label.startswith(_STOPS):
        return start
    loud = np.flatnonzero(np.abs(samples[before.start : start].astype(np.int32)) > _CLOSED)
    closure = before.start + int(loud[-1]) + 1 if len(loud) else start
    if start - closure < _SHORTEST_CLOSURE_S * sample_rate:
        return start
    spans[-1] = (Span(before.label, before.start, closure), position)
    return closure


def phone_label(name: str) -> str:
    """A phone's IPA symbol without stress; a pause is `sil`."""
    plain = name.strip("ˈˌ-")
    return _SPELLING.get(plain, plain) or SILENCE


def word_spans(marks: list[Mark], phones: list[tuple[Span, int]], text: str) -> tuple[Span, ...]:
    """Words, each from its first phone to its last. A phone names the text position of its word.

    A word reaches to the next one's position, since an event's own length stops at a hyphen or apostrophe.
    """
    at: dict[int, Span] = {}
    for span, position in phones:
        if span.label != SILENCE:
            at[position] = Span("", at.get(position, span).start, span.end)
    positions = [mark.position for mark in marks if mark.type == WORD and mark.position in at]
    ends = [*positions[1:], len(text) + 1]
    return tuple(
        Span(text[start - 1 : end - 1].strip(_BETWEEN_WORDS).lower(), at[start].start, at[start].end)
        for start, end in zip(positions, ends, strict=True)
    )
