"""What a stream tells of words beyond another one: I(a; word | b) with its null and interval."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis import parallel
from analysis.results.schema import Record
from analysis.words.counting import Halves, WordProtocol
from analysis.words.information import information, open_part, without_each
from analysis.words.records import word_record
from hac.data.tokens.token_store import Stream
from probes.clusters import clusters_of
from probes.joint_counts.counts import join_streams
from probes.leakage.cells import coded
from probes.nulls.run_permutation import permuted_runs
from probes.words.word_codes import FrameLabels, WordCounts, count_words, label_frames


class PairSource(Protocol):
    """Counts of two streams together, draw by draw; a joint code is the given code times `size` plus the other."""

    @property
    def adds(self) -> str:
        """The stream that adds."""
        ...

    @property
    def given(self) -> str:
        """The stream it adds to."""
        ...

    @property
    def size(self) -> int:
        """Codebook size of the stream that adds."""
        ...

    @property
    def n_nulls(self) -> int:
        """Null draws."""
        ...

    def draw(self, r: int) -> WordCounts:
        """Joint counts of that draw."""
        ...


@dataclass(frozen=True)
class ConditionalWords:
    """What a stream adds to another one: counts of both streams together, draw by draw.

    Attributes:
        adds: name of the stream that adds.
        given: name of the other.
        labels: words over the joint stream, as the tokens are.
        halves: rows and halves.
        streams: the stream and the given one.
        protocol: see `WordProtocol`.
        part: bool [n_utterances], utterances to count (a shard); None: all.
    """

    adds: str
    given: str
    labels: FrameLabels
    halves: Halves
    streams: tuple[Stream, Stream]
    protocol: WordProtocol
    part: NDArray[np.bool_] | None = None

    @property
    def size(self) -> int:
        """Codebook size of the stream that adds."""
        return self.streams[0].codebook_size

    @property
    def n_nulls(self) -> int:
        """Null draws."""
        return self.protocol.n_nulls

    def draw(self, r: int) -> WordCounts:
        """Counts of draw r: 0 the tokens, 1 to n with the stream's codes permuted within the given one's."""
        rows = self.halves.coarse if r else self.halves.rows
        if r == 0:
            return count_words(self.labels, rows, part=self.part)
        stream, given = self.streams
        codes = permuted_runs(coded(stream), coded(given), r, self.protocol.seed)
        permuted = replace(stream, codes=stream.used_codes().astype(np.int32)[codes])
        joint = join_streams([given, permuted])
        half_window = Fraction(self.protocol.half_window_ms, 1000)
        return count_words(label_frames(self.labels.words, joint, half_window), rows, part=self.part)


def added_records(source: PairSource, jobs: int) -> list[Record]:
    """What the stream adds to the given one, in nats and as a share of what the given one leaves open."""
    first = source.draw(0)
    tasks = [(source, r) for r in range(1, source.n_nulls + 1)]
    nulls = parallel.run(_mutual, tasks, jobs=jobs, what=f"{source.adds} given {source.given}: nulls")
    alone = replace(first, codes=first.codes // source.size, code=_given_codes(first, source.size))
    everything = np.zeros(len(first.rows), np.int64)
    both, given = (information(counts, everything) for counts in (first, alone))
    added, open_ = _added(both.mutual, given.mutual, both.h_word)
    clusters = clusters_of(first.rows)
    left = [without_each(counts, clusters.of_row, clusters.n) for counts in (first, alone)]
    left_added = np.maximum(left[0][:, 0] - left[1][:, 0], 0)
    left_open = open_part(left[0][:, 1] - left[1][:, 0])
    null = np.array([_added(mutual, given.mutual, both.h_word)[0] for mutual in nulls])
    made = []
    for metric, value, without, chance in (
        ("word_cmi", added, left_added, null),
        ("word_ncmi", added / open_, left_added / left_open, null / open_),
    ):
        tag = f"[given={source.given}]"
        what = (source.adds, metric, tag, "", value, without, chance)
        made.append(word_record(*what, n=both.total, protocol="word-information-given", about=clusters.counted))
    return made


def _added(both: float, given: float, h_word: float) -> tuple[float, float]:
    """I(a; word | b), and H(word | b): NaN where nothing is left open."""
    return max(0.0, both - given), float(open_part(np.array(h_word - given)))


def _given_codes(joint: WordCounts, size: int) -> NDArray[np.int32]:
    """Place of each entry's given code; equal ones may stand at one place several times."""
    values = joint.codes // size
    _, place = np.unique(values, return_inverse=True)
    return place[joint.code].astype(np.int32)


def _mutual(source: PairSource, r: int) -> float:
    counts = source.draw(r)
    return information(counts, np.zeros(len(counts.rows), np.int64)).mutual
