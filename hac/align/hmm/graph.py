"""The states an utterance runs through: its words' phones, with an optional pause around every word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hac.align.alignment_types import Aligned, Segment, Word
from hac.data.phones.classes import SILENCE

STATES_PER_PHONE = 3


@dataclass(frozen=True)
class Graph:
    """A left-to-right model of one utterance, three states a unit (a phone or a pause).

    Attributes:
        units: label and word index of each unit; a pause has word -1.
        state: int64 [n], the model state (`3 * phone + position`) of each state on the path.
        skip_from: int64 [n], the state that may jump here over an optional pause, or -1.
        pause_end: bool [n], the last state of each pause.
    """

    words: tuple[Word, ...]
    units: tuple[tuple[str, int], ...]
    state: NDArray[np.int64]
    skip_from: NDArray[np.int64]
    pause_end: NDArray[np.bool_]

    def aligned(self, id: str, path: NDArray[np.int64], hop_us: int, duration_us: int) -> Aligned:
        """Phones and words of a path [t] over the states, one every `hop_us`, cut to the duration."""
        unit = path // STATES_PER_PHONE
        starts = np.flatnonzero(np.r_[True, np.diff(unit) > 0])
        edges = np.minimum(np.append(starts * hop_us, duration_us), duration_us).tolist()
        edges[-1] = duration_us
        phones: list[Segment] = []
        spans: dict[int, tuple[int, int]] = {}
        for index, onset, offset in zip(unit[starts].tolist(), edges[:-1], edges[1:], strict=True):
            if offset <= onset:
                continue
            label, word = self.units[index]
            phones.append(Segment(label, onset, offset))
            if word >= 0:
                spans[word] = (spans.get(word, (onset, offset))[0], offset)
        words = tuple(Segment(self.words[word].text, *span) for word, span in sorted(spans.items()))
        return Aligned(id, tuple(phones), words)


def build(words: Sequence[Word], phone_index: dict[str, int]) -> Graph:
    """The graph of an utterance; `phone_index` numbers each phone, `SILENCE` among them."""
    units: list[tuple[str, int]] = [(SILENCE, -1)]
    for index, word in enumerate(words):
        units.extend((phone, index) for phone in word.phones)
        units.append((SILENCE, -1))
    phones = np.array([phone_index[label] for label, _ in units], dtype=np.int64)
    state = (phones[:, None] * STATES_PER_PHONE + np.arange(STATES_PER_PHONE)).ravel()
    skip_from = np.full(len(state), -1, dtype=np.int64)
    for unit in range(2, len(units)):
        if units[unit - 1][0] == SILENCE:
            skip_from[unit * STATES_PER_PHONE] = (unit - 1) * STATES_PER_PHONE - 1
    pause_end = state == phone_index[SILENCE] * STATES_PER_PHONE + STATES_PER_PHONE - 1
    return Graph(tuple(words), tuple(units), state, skip_from, pause_end)


def flat_states(graph: Graph, log_energy: NDArray[np.float32], phone_index: dict[str, int]) -> NDArray[np.int64]:
    """First guess of the model state of each frame [t]: phones spread evenly from the first loud frame to the last."""
    n_frames = len(log_energy)
    quiet, loud = np.percentile(log_energy, [5, 95])
    speech = np.flatnonzero(log_energy > quiet + 0.35 * (loud - quiet))
    first, last = (int(speech[0]), int(speech[-1]) + 1) if len(speech) else (0, n_frames)
    pause = phone_index[SILENCE] * STATES_PER_PHONE
    labels = np.full(n_frames, pause + 1, dtype=np.int64)
    spoken = graph.state[(graph.state < pause) | (graph.state >= pause + STATES_PER_PHONE)]
    labels[first:last] = spoken[np.arange(last - first) * len(spoken) // max(1, last - first)]
    return labels
