"""Which utterances stand or fall together: the rows of the count tables, and the clusters that are left out in turn.

Frames of one speaker are far from independent (intervals from frames alone were 22 times too narrow in a simulation),
so intervals come from leaving out speakers. With one or two of them, utterances are left out instead: such an interval
says nothing of other speakers (it was 2 to 15 times too narrow for them), and the results say so. Rows
are a function of the manifest alone, so that shards agree on them; their number is bounded (`MAX_CLUSTERS` a language),
so that tables do not grow with the corpus.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from probes.utterance_keys import utterance_keys

MIN_SPEAKERS = 3
"""Fewer speakers than this say nothing of their spread; from three on Student's t makes up for their small number."""
MAX_CLUSTERS = 128
"""More clusters than this in a language are assigned to this many groups at random: leaving out groups is as valid."""
BINS_PER_SPEAKER = 8
"""Each speaker's utterances are parted into this many rows, so that the speaker has an interval of its own."""
UNKNOWN = ""
"""Language or speaker of an utterance whose manifest row names none."""


@dataclass(frozen=True, order=True, slots=True)
class Row:
    """One row of a count table.

    Attributes:
        language: language code, or empty where unknown.
        speaker: speaker label, empty where unknown, or `group 17` where speakers were assigned to groups.
        bin: which part of the speaker's utterances.
        grouped: whether `speaker` names a group of speakers.
    """

    language: str
    speaker: str
    bin: int
    grouped: bool = False


@dataclass(frozen=True)
class Rows:
    """The row of every utterance.

    Attributes:
        rows: sorted, each once.
        of_utterance: int64 [n_utterances], index into `rows`.
        apart: whether these are rows of a part of a corpus (`rows_apart`), whose speakers are enough in the whole.
    """

    rows: tuple[Row, ...]
    of_utterance: NDArray[np.int64]
    apart: bool = False

    def coarse(self) -> Rows:
        """The same without the parts of a speaker, where speakers are enough to be left out themselves.

        Null draws are counted on these: fewer rows, and nothing is lost that their scores need.
        """
        voices: dict[str, set[str]] = defaultdict(set)
        for row in self.rows:
            voices[row.language].add(row.speaker)
        merged = [replace(row, bin=0) if self.apart or enough(voices[row.language]) else row for row in self.rows]
        rows = tuple(sorted(set(merged)))
        index = {row: r for r, row in enumerate(rows)}
        of_row = np.array([index[row] for row in merged], np.int64)
        return Rows(rows, of_row[self.of_utterance], self.apart)

    def order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Utterance indices grouped by row, and where each row begins: int64 [n_utterances], [n_rows + 1]."""
        order = np.argsort(self.of_utterance, kind="stable").astype(np.int64)
        bounds = np.searchsorted(self.of_utterance[order], np.arange(len(self.rows) + 1)).astype(np.int64)
        return order, bounds


def assign_rows(ids: Sequence[str], languages: Sequence[str | None], speakers: Sequence[str | None]) -> Rows:
    """Assign utterances to rows.

    Args:
        ids: utterance ids, each once.
        languages: language of each, None where unknown.
        speakers: speaker of each, None where unknown. Speakers of two languages are two speakers.
    """
    row_of: list[Row] = [Row("", "", 0)] * len(ids)
    voices = _voices(languages, speakers)
    by_key = _by_key(ids)
    for language, by_speaker in voices.items():
        groups = _groups(language, by_speaker) if len(by_speaker) > MAX_CLUSTERS else {}
        n_bins = BINS_PER_SPEAKER if enough(by_speaker) else max(1, MAX_CLUSTERS // len(by_speaker))
        for name, members in by_speaker.items():
            for place, i in enumerate(members if groups else sorted(members, key=by_key)):
                row_of[i] = groups[name] if groups else Row(language, name, place % n_bins)
    return _indexed(row_of)


def rows_apart(ids: Sequence[str], languages: Sequence[str | None], speakers: Sequence[str | None]) -> Rows:
    """As `assign_rows` for a part of a corpus, each speaker apart; `gathered` makes rows of the whole of them."""
    row_of: list[Row] = [Row("", "", 0)] * len(ids)
    by_key = _by_key(ids)
    for language, by_speaker in _voices(languages, speakers).items():
        for name, members in by_speaker.items():
            for place, i in enumerate(sorted(members, key=by_key)):
                row_of[i] = Row(language, name, place % BINS_PER_SPEAKER)
    return replace(_indexed(row_of), apart=True)


def gathered(rows: Iterable[Row]) -> dict[Row, Row]:
    """The row of a whole corpus that each row of its parts falls into.

    The rows of a whole that `assign_rows` makes are the same ones, if no speaker stands in two parts or the language
    has more than `MAX_CLUSTERS` of them. Where one does, its utterances are assigned to its rows in each part anew.

    Args:
        rows: from `rows_apart`, of all parts; every language has speakers enough.
    """
    by_language: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        by_language[row.language][row.speaker].append(row)
    becomes: dict[Row, Row] = {}
    for language, by_speaker in by_language.items():
        groups = _groups(language, by_speaker) if len(by_speaker) > MAX_CLUSTERS else {}
        for name, members in by_speaker.items():
            becomes |= {row: groups.get(name, row) for row in members}
    return becomes


def _voices(languages: Sequence[str | None], speakers: Sequence[str | None]) -> dict[str, dict[str, list[int]]]:
    """Utterance indices by language and speaker."""
    voices: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, (language, speaker) in enumerate(zip(languages, speakers, strict=True)):
        voices[language or UNKNOWN][speaker or UNKNOWN].append(i)
    return voices


def _by_key(ids: Sequence[str]) -> Callable[[int], tuple[int, str]]:
    """An order of utterances that nothing but their ids decides."""
    keys = utterance_keys(ids)
    return lambda i: (int(keys[i]), ids[i])


def _groups(language: str, speakers: Iterable[str]) -> dict[str, Row]:
    """The group's row of each speaker."""
    return {
        name: Row(language, f"group {place % MAX_CLUSTERS}", 0, grouped=True)
        for place, name in enumerate(_shuffled(speakers))
    }


def _indexed(row_of: Sequence[Row]) -> Rows:
    rows = tuple(sorted(set(row_of)))
    index = {row: r for r, row in enumerate(rows)}
    return Rows(rows, np.array([index[row] for row in row_of], np.int64))


def enough(speakers: Iterable[str]) -> bool:
    """Whether these are speakers enough for clusters; the unknown one is none."""
    return len({*speakers} - {UNKNOWN}) >= MIN_SPEAKERS


@dataclass(frozen=True)
class Clusters:
    """What is left out in turn.

    Attributes:
        unit: `speaker` or `utterance`.
        of_row: int64 [n_rows], the cluster of each row.
        note: why utterances had to do, or that speakers were grouped; empty otherwise.
    """

    unit: str
    of_row: NDArray[np.int64]
    n: int
    note: str = ""

    @property
    def counted(self) -> str:
        """How many of what, as the notes of records begin: `clusters: 12 (speaker)`."""
        return f"clusters: {self.n} ({self.unit})"


def of_few_speakers(speakers: int | None) -> str:
    """Of whose speech alone a number is whose interval is over utterances, by how many speakers are known."""
    those = {1: "this speaker", 2: "these two speakers"}.get(speakers or 0, "these speakers")
    return f"of {those} alone"


def over_utterances(speakers: int | None) -> str:
    """What must be said of intervals over utterances: the warning of a run, and the caution of a page."""
    return f"intervals are over utterances, {of_few_speakers(speakers)}"


def clusters_of(rows: Sequence[Row]) -> Clusters:
    """Clusters of a table's rows: speakers where there are at least `MIN_SPEAKERS`, else parts of the utterances."""
    voices = sorted({(row.language, row.speaker) for row in rows})
    known = sum(1 for _, speaker in voices if speaker != UNKNOWN)
    if known < MIN_SPEAKERS:
        those = {0: "no speaker is known", 1: "one speaker"}.get(known, f"{known} speakers")
        note = f"{those}: {over_utterances(known)}"
        return Clusters("utterance", np.arange(len(rows), dtype=np.int64), len(rows), note)
    index = {voice: c for c, voice in enumerate(voices)}
    of_row = np.array([index[row.language, row.speaker] for row in rows], np.int64)
    grouped = any(row.grouped for row in rows)
    note = f"more than {MAX_CLUSTERS} speakers: {MAX_CLUSTERS} random groups of them" if grouped else ""
    return Clusters("speaker", of_row, len(voices), note)


def _shuffled(names: Iterable[str]) -> list[str]:
    names = list(names)
    keys = utterance_keys(names)
    return [name for _, name in sorted(zip(keys.tolist(), names, strict=True))]
