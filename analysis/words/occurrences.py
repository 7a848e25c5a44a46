"""Where in the audio the code of a detected word occurs, so that a report can play it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.words.detection import DETECTED_F1
from analysis.words.lists import WordList
from hac.data.timeline import frame_edges_us
from hac.data.tokens.token_store import Stream
from probes.utterance_keys import utterance_keys
from probes.words.word_codes import Words

Ints = NDArray[np.int64]
AT_LEAST = 50
"""So many words are shown even where fewer are detected: a reader wants to hear what was nearly one."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One run of a word's code.

    Attributes:
        word: place in the vocabulary.
        code: the code.
        id: utterance.
        onset_us, offset_us: of the run.
        hit: whether it overlaps a token of the word.
    """

    word: int
    code: int
    id: str
    onset_us: int
    offset_us: int
    hit: bool


def occurrences(lists: Sequence[WordList], stream: Stream, words: Words, most: int) -> list[list[Occurrence]]:
    """Runs of the codes of the detected words (of the best 50 where fewer are), hits before false alarms.

    Args:
        lists: scored words of the stream, one for each definition.
        stream: the tokens.
        words: the word tokens of the same utterances.
        most: so many hits and so many false alarms of each word, from utterances at random but always the same.

    Returns:
        The occurrences under each definition.
    """
    code_of = [_shown(found) for found in lists]
    runs = _Runs(stream, np.array([code for codes in code_of for code in codes.values()], np.int64))
    longest = frame_edges_us(stream.lengths, stream.frame_rate)
    spans = _Spans(words, int(longest.max(initial=0)))
    by_chance = np.argsort(np.argsort(utterance_keys(words.ids), kind="stable"))
    return [
        [one for w, code in codes.items() for one in _of_word(w, code, runs, spans, words.ids, by_chance, most)]
        for codes in code_of
    ]


def _shown(found: WordList) -> dict[int, int]:
    """The words whose occurrences are listed, best first, and the code of each."""
    ranked, classic = found.ranked(), found.detection.classic
    n = max(AT_LEAST, int(np.count_nonzero(classic[ranked] >= DETECTED_F1)))
    best = found.detection.best
    return {w: int(found.codes[best[w]]) for w in ranked[:n].tolist() if best[w] >= 0}


def _of_word(
    word: int, code: int, runs: _Runs, spans: _Spans, ids: Sequence[str], by_chance: Ints, most: int
) -> list[Occurrence]:
    utterance, onset, offset = runs.of(code)
    hit = spans.overlap(word, utterance, onset, offset)
    order = np.lexsort((onset, by_chance[utterance]))
    return [
        Occurrence(word, code, ids[utterance[i]], int(onset[i]), int(offset[i]), kind)
        for kind in (True, False)
        for i in order[hit[order] == kind][:most].tolist()
    ]


class _Runs:
    """Runs of some codes: utterance, onset and offset in microseconds."""

    def __init__(self, stream: Stream, codes: Ints) -> None:
        starts = stream.run_starts()
        ends = np.append(starts[1:], len(stream.codes))
        wanted = np.isin(stream.codes[starts], codes)
        starts, ends = starts[wanted], ends[wanted]
        self.utterance = np.searchsorted(stream.bounds, starts, side="right") - 1
        base = stream.bounds[self.utterance]
        self.onset, self.offset = (frame_edges_us(edges - base, stream.frame_rate) for edges in (starts, ends))
        code = stream.codes[starts]
        self.order = np.argsort(code, kind="stable")
        self.code = code[self.order]

    def of(self, code: int) -> tuple[Ints, Ints, Ints]:
        """Runs of one code, in order of utterance and time."""
        first, last = np.searchsorted(self.code, [code, code + 1])
        own = self.order[first:last]
        return self.utterance[own], self.onset[own], self.offset[own]


class _Spans:
    """Word tokens by word, on one timeline on which utterances follow each other."""

    def __init__(self, words: Words, longest_us: int) -> None:
        utterance = words.utterance_index()
        self.step = max(int(words.offset_us.max(initial=0)), longest_us) + 1
        order = np.argsort(words.word, kind="stable")
        self.bounds = np.searchsorted(words.word[order], np.arange(len(words.types) + 1))
        base = utterance[order].astype(np.int64) * self.step
        self.onset, self.offset = base + words.onset_us[order], base + words.offset_us[order]

    def overlap(self, word: int, utterance: Ints, onset: Ints, offset: Ints) -> NDArray[np.bool_]:
        """Whether each stretch of time overlaps a token of the word."""
        own = slice(self.bounds[word], self.bounds[word + 1])
        starts, ends = self.onset[own], np.maximum.accumulate(self.offset[own])
        base = utterance * self.step
        before = np.searchsorted(starts, base + offset) - 1
        return (before >= 0) & (ends[np.maximum(before, 0)] > base + onset)
