"""Detections of words to be heard: where the codes of the best words fire, cut from the recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from analysis.clips.encoding import clip_rate, opus
from analysis.clips.schema import Detection, Hit
from analysis.words.occurrences import Occurrence
from hac.data.audio.audio import audio_info, read_audio
from hac.data.timeline import US_PER_S
from hac.errors import HacError

if TYPE_CHECKING:
    from analysis.clips.store import ClipStore
    from analysis.words.run import Outcome
    from hac.data.manifest.manifest import Manifest

WORDS_PER_STREAM, WORDS = 20, 60
"""Best words of each stream, and of all streams together, that can be heard."""
CORRECT, FALSE = 3, 2
"""Hits and false alarms of each word."""
CONTEXT_S, LONGEST_RUN_S = 0.4, 2.0
"""Sound before and after a run; of a longer run only the beginning is cut."""


@dataclass(frozen=True)
class FoundWord:
    """A word, the code that detects it best, and where that code fires."""

    stream: str
    code: int
    word: str
    f1: float
    occurrences: Sequence[Occurrence]


def top_words(outcome: Outcome) -> list[FoundWord]:
    """The best words of each stream under the first definition, streams in turn, each with a few occurrences."""
    occurrences = {(stream, definition): found for stream, definition, found in outcome.occurrences}
    of_streams = []
    for one in outcome.streams:
        found = one.lists[0]
        by_word: dict[int, list[Occurrence]] = {}
        for occurrence in occurrences.get((one.name, found.definition), []):
            by_word.setdefault(occurrence.word, []).append(occurrence)  # which begins with the best word
        best = [
            FoundWord(
                one.name,
                mine[0].code,
                outcome.types[word].spelling,
                float(found.detection.classic[word]),
                [*_first(mine, True, CORRECT), *_first(mine, False, FALSE)],
            )
            for word, mine in by_word.items()
        ]
        of_streams.append(best[:WORDS_PER_STREAM])
    return [word for rank in zip_longest(*of_streams) for word in rank if word is not None][:WORDS]


def _first(occurrences: Sequence[Occurrence], hit: bool, most: int) -> list[Occurrence]:
    """The first ones that are hits or not, of as many utterances as there are."""
    seen: Counter[str] = Counter()
    turns: list[tuple[int, int, Occurrence]] = []
    for occurrence in occurrences:
        if occurrence.hit == hit:
            turns.append((seen[occurrence.id], len(turns), occurrence))
            seen[occurrence.id] += 1
    return [occurrence for *_, occurrence in sorted(turns, key=lambda turn: turn[:2])[:most]]


def cut_hits(store: ClipStore, manifest: Manifest, words: Sequence[FoundWord]) -> tuple[list[Detection], list[str]]:
    """Cut the occurrences of words from the recordings, best words first, until the budget is used up.

    Returns:
        The words that can be heard, and what must be said of those that cannot.
    """
    made: list[Detection] = []
    unread, full = 0, 0
    for word in words:
        hits: list[Hit] = []
        for occurrence in word.occurrences:
            try:
                hit = _cut(store, manifest, occurrence)
            except (HacError, OSError):
                unread += 1
                continue
            full += hit is None
            hits += [] if hit is None else [hit]
        if hits:
            made.append(Detection(stream=word.stream, code=word.code, word=word.word, f1=word.f1, hits=tuple(hits)))
    notes = []
    if unread:
        notes.append(f"{unread} detections of words cannot be heard in the report, as their audio cannot be read")
    if full:
        notes.append(f"{full} detections of words do not fit into the budget of clips; give more with --clips-mb")
    return made, notes


def _cut(store: ClipStore, manifest: Manifest, occurrence: Occurrence) -> Hit | None:
    """One occurrence with its context; None where it does not fit."""
    path = manifest.audio_path(manifest.by_id[occurrence.id])
    rate = clip_rate(audio_info(path).sample_rate)
    onset_s, offset_s = occurrence.onset_us / US_PER_S, occurrence.offset_us / US_PER_S
    stop_s = min(offset_s, onset_s + LONGEST_RUN_S) + CONTEXT_S
    sound = read_audio(path, rate, start_s=max(0.0, onset_s - CONTEXT_S), stop_s=stop_s)
    names = store.take([(opus(sound.samples, rate), "ogg")])
    if names is None:
        return None
    return Hit(
        utterance=occurrence.id,
        onset_s=onset_s,
        offset_s=offset_s,
        correct=occurrence.hit,
        file=names[0],
        duration_s=sound.duration_us / US_PER_S,
    )
