"""Words meet codes: which word tokens hold which code, and which frames of a code lie near a word.

Three counts of every word w and code c, all of them integers that add:

- `held`: tokens of w that hold c, that is, at least one frame coded c overlaps the token's interval;
- `near`: frames coded c whose window (the frame's centre, 40 ms to both sides) overlaps a token of w, each once;
- `inside`: frames coded c whose centre lies in a token of w.

and of every code `frames`: all frames coded c, those over silence too. The window follows `align_sparse_to_dense` of
the ResDAVEnet-VQ code (Harwath, Hsu and Glass 2020, arXiv 1911.09602): a word that ends exactly where the window
begins is still near, one that begins where the window ends is not. As there, utterances without any word are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hac.data import timeline
from hac.data.tokens.token_store import Stream
from probes.clusters import Row, Rows
from probes.joint_counts.counts import numbering
from probes.words import kernels

HALF_WINDOW_S = Fraction(4, 100)
"""Half the window of a frame, as published."""
N_COUNTS = 3
"""Counts of a word and a code: held, near, inside."""
Ints = NDArray[np.int64]


class WordType(NamedTuple):
    """A word of a language: the same letters in two languages are two words."""

    language: str
    spelling: str


@dataclass(frozen=True)
class Words:
    """Word tokens of every utterance, columnar: those of utterance i are `bounds[i]:bounds[i + 1]`, by onset.

    Attributes:
        bounds: int64 [n_utterances + 1].
        word: int32 [n_tokens], index into `types`.
        onset_us, offset_us: int64 [n_tokens].
        types: the words, sorted.
        hidden: int64 [n_hidden, 3], utterance, onset and offset of speech whose words have no times of their own:
            it counts neither for nor against any code.
    """

    ids: tuple[str, ...]
    bounds: Ints
    word: NDArray[np.int32]
    onset_us: Ints
    offset_us: Ints
    types: tuple[WordType, ...]
    hidden: Ints

    def utterance_index(self) -> NDArray[np.int32]:
        """int32 [n_tokens]: utterance of each token."""
        return np.repeat(np.arange(len(self.ids), dtype=np.int32), np.diff(self.bounds))


@dataclass(frozen=True)
class FrameLabels:
    """Word tokens on the frames of a stream.

    Attributes:
        values: int64 [n_codes], the code values that `codes` numbers, ascending.
        codes: [n_frames], the stream's codes as places in `values`.
        spans: int32 [n_tokens, 6]: first and last (exclusive) frame overlapping the word, near it, centred in it.
        masked: bool [n_frames] or [0], frames of hidden speech.
    """

    words: Words
    stream: Stream
    values: Ints
    codes: NDArray[np.integer[Any]]
    spans: NDArray[np.int32]
    masked: NDArray[np.bool_]

    @property
    def without_frames(self) -> int:
        """Count of word tokens that no frame overlaps."""
        return int(np.count_nonzero(self.spans[:, 0] >= self.spans[:, 1]))


def label_frames(words: Words, stream: Stream, half_window_s: Fraction = HALF_WINDOW_S) -> FrameLabels:
    """Which frames of each utterance overlap each word, lie near it, and are centred in it; exact at any rate.

    Args:
        half_window_s: how far around a frame's centre a word counts as near.
    """
    ticks_per_s = timeline.clock([stream.frame_rate])
    length = timeline.ticks_per_frame(stream.frame_rate, ticks_per_s)
    scale = ticks_per_s // timeline.US_PER_S
    n_frames = stream.lengths[words.utterance_index()]
    start, end = words.onset_us * scale, words.offset_us * scale
    half = int(half_window_s * ticks_per_s)
    spans = np.stack(
        [
            start // length,
            -(-end // length),
            timeline.centres_before(2 * (start - half) + 1, length),
            timeline.centres_before(2 * (end + half) + 1, length),
            timeline.centres_before(2 * start, length),
            timeline.centres_before(2 * end, length),
        ],
        axis=1,
    )
    spans = np.clip(spans, 0, n_frames[:, None]).astype(np.int32)
    values, numbered = numbering(stream, N_COUNTS + 2)
    # half the memory to walk through, where codes are few
    codes = numbered.astype(np.uint16) if len(values) <= np.iinfo(np.uint16).max else numbered
    return FrameLabels(words, stream, values, codes, spans, _masked(words, stream, length, scale))


def _masked(words: Words, stream: Stream, length: int, scale: int) -> NDArray[np.bool_]:
    if not len(words.hidden):
        return np.empty(0, np.bool_)
    masked = np.zeros(len(stream.codes), np.bool_)
    utterance = words.hidden[:, 0].astype(np.int32)
    n_frames = stream.lengths[utterance]
    first = np.clip(words.hidden[:, 1] * scale // length, 0, n_frames).astype(np.int32)
    last = np.clip(-(-words.hidden[:, 2] * scale // length), 0, n_frames).astype(np.int32)
    kernels.mask_frames(utterance, first, last, stream.bounds, masked)
    return masked


@dataclass(frozen=True)
class WordCounts:
    """Counts of one stream in one draw, sparse: sorted by word, then row.

    Attributes:
        rows: rows of the count tables.
        codes: int64 [n_codes], the code values that `code` indexes, ascending.
        word, row, code: int32 [n_entries].
        counts: int32 [n_entries, 3]: held, near, inside.
        token_word, token_row, token_n: int32 [n_groups], tokens of each word in each row, by word, then row.
        frame_row, frame_code: int32 [n], and frame_n: int64 [n], frames of each code in each row.
    """

    rows: tuple[Row, ...]
    codes: Ints
    word: NDArray[np.int32]
    row: NDArray[np.int32]
    code: NDArray[np.int32]
    counts: NDArray[np.int32]
    token_word: NDArray[np.int32]
    token_row: NDArray[np.int32]
    token_n: NDArray[np.int32]
    frame_row: NDArray[np.int32]
    frame_code: NDArray[np.int32]
    frame_n: Ints
    n_words: int

    @cached_property
    def word_bounds(self) -> Ints:
        """int64 [n_words + 1]: where each word's entries begin."""
        # of the same type as the words: another one would make a copy of all of them
        return np.searchsorted(self.word, np.arange(self.n_words + 1, dtype=np.int32)).astype(np.int64)

    def tokens_by(self, part_of_row: Ints, n_parts: int, words: Ints | None = None) -> Ints:
        """Tokens of each word in each part of the rows: int64 [n_words, n_parts]; rows of part -1 are left out.

        Args:
            part_of_row: int64 [n_rows].
            words: the words wanted, ascending; None: all.
        """
        if words is None:
            words, between, place = np.arange(self.n_words), slice(None), self.token_word.astype(np.int64)
            kept = np.ones(len(place), bool)
        else:
            # groups are in the order of words: only those between the first and the last wanted are looked at
            ends = np.searchsorted(self.token_word, [words[0], words[-1] + 1]) if len(words) else (0, 0)
            between = slice(*ends)
            place = np.searchsorted(words, self.token_word[between])
            kept = words[place] == self.token_word[between] if len(words) else np.empty(0, bool)
        part = part_of_row[self.token_row[between]]
        kept = kept & (part >= 0)
        key = place[kept] * n_parts + part[kept]
        summed = np.bincount(key, weights=self.token_n[between][kept], minlength=len(words) * n_parts)
        return summed.astype(np.int64).reshape(len(words), n_parts)

    def frames_by(self, part_of_row: Ints, n_parts: int) -> Ints:
        """Frames of each code in each part of the rows: int64 [n_parts, n_codes]; rows of part -1 are left out."""
        part = part_of_row[self.frame_row]
        kept = part >= 0
        place = part[kept].astype(np.int64) * len(self.codes) + self.frame_code[kept]
        summed = np.bincount(place, weights=self.frame_n[kept], minlength=n_parts * len(self.codes))
        return summed.astype(np.int64).reshape(n_parts, len(self.codes))


def count_words(
    labels: FrameLabels,
    rows: Rows,
    word: NDArray[np.int32] | None = None,
    part: NDArray[np.bool_] | None = None,
    grouped: tuple[Ints, Ints, Ints] | None = None,
) -> WordCounts:
    """Count where the words of each row meet the codes.

    Args:
        labels: from `label_frames`.
        rows: row of each utterance.
        word: int32 [n_tokens], other words in the places of the tokens' own (a null); None: their own.
        part: bool [n_utterances], utterances to count; None: all.
        grouped: from `group_tokens` for these words, rows and part, where it is at hand.
    """
    words = labels.words
    word = words.word if word is None else word
    part = np.ones(len(words.ids), bool) if part is None else part
    utterance = words.utterance_index()
    n_rows, n_codes = len(rows.rows), len(labels.values)
    order, groups, group_bounds = grouped or group_tokens(words, word, rows, part)
    room = _room(labels.spans, order, group_bounds, n_codes)
    code, counts = np.empty(room, np.int32), np.empty((room, N_COUNTS), np.int32)
    pointers = np.empty(len(groups) + 1, np.int64)
    scratch = np.zeros((n_codes, N_COUNTS + 2), np.int32)
    scratch[:, -1] = -1
    of = utterance[order]
    which = (of, labels.spans[order], labels.stream.bounds[of])
    kernels.count_words(group_bounds, *which, labels.codes, labels.masked, scratch, code, counts, pointers)
    n, repeats = int(pointers[-1]), np.diff(pointers)
    token_word, token_row = (part.astype(np.int32) for part in np.divmod(groups, n_rows))
    return WordCounts(
        rows.rows,
        labels.values,
        np.repeat(token_word, repeats),
        np.repeat(token_row, repeats),
        code[:n],
        counts[:n],
        token_word,
        token_row,
        np.diff(group_bounds).astype(np.int32),
        *_count_frames(labels, rows, part),
        len(words.types),
    )


def group_tokens(
    words: Words, word: NDArray[np.int32], rows: Rows, part: NDArray[np.bool_] | None = None
) -> tuple[Ints, Ints, Ints]:
    """Tokens by word and row: their order, the key of each group (word * n_rows + row), and where groups begin."""
    part = np.ones(len(words.ids), bool) if part is None else part
    utterance = words.utterance_index()
    key = word.astype(np.int64) * len(rows.rows) + rows.of_utterance[utterance]
    # tokens are sorted by utterance and onset already, and a stable sort keeps that
    order = np.argsort(key, kind="stable").astype(np.int64)
    order = order[part[utterance[order]]]
    in_order = key[order]
    starts = np.flatnonzero(np.diff(in_order, prepend=-1))
    return order, in_order[starts], np.append(starts, len(order)).astype(np.int64)


def _count_frames(
    labels: FrameLabels, rows: Rows, part: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32], Ints]:
    """Row, code and count of all frames; utterances without any word are left out."""
    spoken = (np.diff(labels.words.bounds) > 0) & part
    order, row_bounds = rows.order()
    kept = spoken[order]
    row_bounds = np.append(0, np.cumsum(kept))[row_bounds]
    lengths = labels.stream.lengths[order[kept]]
    per_row = np.append(0, np.cumsum(lengths))[row_bounds]
    room = int(np.minimum(np.diff(per_row), len(labels.values)).sum())
    code, n = np.empty(room, np.int32), np.empty(room, np.int64)
    pointers, scratch = np.empty(len(rows.rows) + 1, np.int64), np.zeros(len(labels.values), np.int64)
    which = (labels.stream.bounds, labels.codes, labels.masked)
    kernels.count_frames(order[kept], row_bounds, *which, scratch, code, n, pointers)
    row = np.repeat(np.arange(len(rows.rows), dtype=np.int32), np.diff(pointers))
    return row, code[: pointers[-1]].copy(), n[: pointers[-1]].copy()


def _room(spans: NDArray[np.int32], order: Ints, bounds: Ints, n_codes: int) -> int:
    """Most entries that the groups can have: their frames, but no more than there are codes."""
    if not len(order):
        return 0
    widest = np.maximum(spans[:, 3], spans[:, 1]) - np.minimum(spans[:, 2], spans[:, 0])
    frames = np.add.reduceat(np.maximum(widest, 0)[order].astype(np.int64), bounds[:-1])
    return int(np.minimum(frames, n_codes).sum())
