"""Small corpora whose truth is known: phones, and tokens that know as much of them as is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from analysis.inputs.corpus import Labels, join
from analysis.inputs.request import Request, streams_of
from analysis.pnmi.counting import Protocol
from analysis.pnmi.run import settings_of, sources_of
from analysis.pnmi.scores import score_stream
from analysis.results.schema import Record
from hac.data.alignments.alignment import Alignments, tier_from_rows
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.token_store import Stream, TokenStore
from probes.nulls.circular_shift import ShiftedStream
from tests.oracles import Interval, shifted_over_speakers
from tests.strategies import bounds

PHONES = ("AA", "B", "IY", "M", "S", "T", "Z")
QUICK = Protocol(n_nulls=4)


@dataclass(frozen=True)
class World:
    """Labels of a corpus: utterances with their speakers and intervals."""

    speakers: tuple[str | None, ...]
    languages: tuple[str | None, ...]
    intervals: tuple[tuple[Interval, ...], ...]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(f"utt-{i:04d}" for i in range(len(self.speakers)))

    @property
    def durations_us(self) -> list[int]:
        return [rows[-1][2] for rows in self.intervals]

    @property
    def labels(self) -> Labels:
        """As read from files."""
        rows = [(id, *row) for id, intervals in zip(self.ids, self.intervals, strict=True) for row in intervals]
        utterances = [
            Utterance(id, f"{id}.wav", duration / 1e6, speaker, language)
            for id, duration, speaker, language in zip(
                self.ids, self.durations_us, self.speakers, self.languages, strict=True
            )
        ]
        return Labels(Manifest(Path(), tuple(utterances)), Alignments({"phones": tier_from_rows("phones", rows)}, {}))

    def request(self, *streams: Stream, protocol: Any = QUICK, **more: Any) -> Request[Any]:
        """A whole request for these streams."""
        store = TokenStore(self.ids, {stream.name: stream for stream in streams}, {"tokenizer": "made up"})
        return Request(store, self.labels, protocol, **more)

    def lengths(self, rate: Fraction) -> list[int]:
        """Frames of each utterance."""
        return [int(rate * duration / 1_000_000) for duration in self.durations_us]

    def knowing(self, rate: Fraction = Fraction(50), late: Fraction | int = 0, name: str = "units") -> Stream:
        """Tokens that say the phone at the middle of each frame, but `late` frames too late."""
        codes = []
        for rows, n in zip(self.intervals, self.lengths(rate), strict=True):
            ends = np.array([offset for _, _, offset in rows])
            middle = [float((i + Fraction(1, 2) - late) / rate) * 1e6 for i in range(n)]
            place = np.searchsorted(ends, np.maximum(middle, 0), "right").clip(max=len(rows) - 1)
            codes += [("sil", *PHONES).index(str(rows[j][0])) for j in place]
        return Stream(name, 8, rate, np.array(codes, np.int32), bounds(self.lengths(rate)))

    def shifted(self, stream: Stream, draw: int, seed: int) -> list[list[int]]:
        """Codes of each utterance in a null draw: each speaker's laid end to end, rolled and cut."""
        codes = {id: stream.utterance(u).tolist() for u, id in enumerate(self.ids)}
        voices = dict(zip(self.ids, zip(self.languages, self.speakers, strict=True), strict=True))
        moved = shifted_over_speakers(codes, voices, stream.frame_rate, draw, seed)
        return [moved[id] for id in self.ids]

    def independent(self, size: int, run: int = 3, seed: int = 0, rate: Fraction = Fraction(50)) -> Stream:
        """Tokens that know nothing; each lasts `run` frames on average."""
        rng = np.random.default_rng(seed)
        where = bounds(self.lengths(rate))
        changes = rng.random(where[-1]) < 1 / run
        changes[where[:-1]] = True
        drawn = rng.integers(0, size, int(changes.sum()))
        return Stream("units", size, rate, drawn[np.cumsum(changes) - 1].astype(np.int32), where)


def make_world(n_speakers: int = 12, n_utterances: int = 48, n_phones: int = 25, seed: int = 0) -> World:
    """Utterances of about two seconds, silence at both ends, phones of 30 to 130 ms on any microsecond."""
    rng = np.random.default_rng(seed)
    intervals = []
    for _ in range(n_utterances):
        names = ["sil", *rng.choice(PHONES, n_phones).tolist(), "sil"]
        ends = np.cumsum(rng.integers(30_000, 130_000, len(names))).tolist()
        intervals.append(tuple(zip(names, [0, *ends[:-1]], ends, strict=True)))
    speakers = tuple(f"s{i % n_speakers:02d}" for i in range(n_utterances))
    languages = tuple("en" if i % n_speakers % 2 else "de" for i in range(n_utterances))
    return World(speakers, languages, tuple(intervals))


def scored_whole(request: Request[Any]) -> dict[str, Record]:
    """The records of the whole corpus by id, as `analysis.pnmi.run` makes them, without parts and lags."""
    found = join(request.labels, request.tokens, request.protocol.phone_policy, request.failures)
    streams = [ShiftedStream(stream, found.rings) for stream in streams_of(found.tokens, request.streams)]
    (source,) = sources_of(found, streams, request.protocol)
    scores = score_stream(source, replace(settings_of({}), parts=False))
    return {record.id: record for record in scores.records}
