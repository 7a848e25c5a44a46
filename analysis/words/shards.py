"""Word analysis in parts: shards counted anywhere, added up to the bits of one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.request import Request, about_of, streams_of
from analysis.results.schema import Record, StreamInfo
from analysis.shards import count_file, merged
from analysis.shards.count_file import Block, Entries, ShardMeta
from analysis.shards.merged import MergedStream, job_of, stream_facts
from analysis.words.conditional import ConditionalWords, added_records
from analysis.words.counting import CountedWords, Halves, WordProtocol
from analysis.words.run import (
    COMMAND,
    Options,
    Outcome,
    conditionals,
    counted,
    coverage_of,
    given_stream,
    outcome_of,
    relatives,
    spoken,
)
from analysis.words.scores import score_stream
from hac.data.alignments.alignment import WORDS
from probes.clusters import Row, Rows
from probes.words.word_codes import N_COUNTS, WordCounts, WordType

COUNTS = ("held", "near", "inside")
TOKENS, FRAMES = "tokens", "frames"
TABLES = [*COUNTS, TOKENS, FRAMES]
GIVEN = "|"
"""Between the names of a pair of streams: what the first adds to the second."""


def run_shard(request: Request[WordProtocol], index: int, n: int, path: Path, options: Options | None = None) -> None:
    """Count one shard of `n` and write it; `merge` turns all of them into results.

    Args:
        request: the same for all shards.
        index: which shard, from 0.
        n: how many.
        path: where the counts go.
        options: as for `analysis.words.run.run`, the same for all shards.
    """
    options = options or Options()
    whole = spoken(request)
    streams = streams_of(whole.met.tokens, request.streams)
    pairs = conditionals(whole, streams, given_stream(whole, options.given), request.protocol)
    part = np.zeros(len(whole.met.ids), bool)
    part[index::n] = True
    singles = [replace(counted(whole, stream, request.protocol), part=part) for stream in streams]
    joint = [replace(pair, part=part) for pair in pairs]
    protocol = {**asdict(request.protocol), "given": pairs[0].given if pairs else None}
    tiers, names = [whole.met.tiers[WORDS]], [stream.name for stream in streams]
    meta = ShardMeta(
        command=COMMAND,
        tables=TABLES,
        streams={
            **{one.name: {**stream_facts(one.laid.stream), "n_frames": one.n_frames} for one in singles},
            **{f"{pair.adds}{GIVEN}{pair.given}": stream_facts(pair.streams[0]) for pair in joint},
        },
        rows=[asdict(row) for row in whole.met.rows.rows],
        protocol=protocol,
        shard=[index, n],
        job=job_of(whole.met.ids, whole.met.rows, tiers, whole.met.tokens, names, protocol),
        about=about_of(request, coverage_of(whole, singles), whole.warnings),
        extra={
            "types": [list(word) for word in whole.words.types],
            "half": whole.halves.half.tolist(),
            "used_codes": {stream.name: len(stream.used_codes()) for stream in streams},
            "translations": str(options.translations) if options.translations else None,
        },
    )
    count_file.write_shard(path, meta, _blocks(singles, joint))


def _blocks(singles: Sequence[CountedWords], pairs: Sequence[ConditionalWords]) -> Iterator[Block]:
    sources: list[tuple[CountedWords | ConditionalWords, int]] = []
    sources += [(source, 2 * source.protocol.n_nulls) for source in singles]
    sources += [(pair, pair.n_nulls) for pair in pairs]
    for i, (source, last) in enumerate(sources):
        for r in range(last + 1):
            for table, entries in to_entries(source.draw(r)).items():
                yield Block(i, r, table, entries)


def to_entries(counts: WordCounts) -> dict[str, Entries]:
    """The counts by table: row, word, code and how often."""
    made = {}
    for place, table in enumerate(COUNTS):
        n = counts.counts[:, place]
        some = n > 0
        made[table] = _entries(counts.row[some], counts.word[some], counts.codes[counts.code[some]], n[some])
    made[TOKENS] = _entries(counts.token_row, counts.token_word, np.zeros_like(counts.token_n), counts.token_n)
    codes = counts.codes[counts.frame_code]
    made[FRAMES] = _entries(counts.frame_row, np.zeros_like(codes), codes, counts.frame_n)
    return made


def _entries(*columns: NDArray[np.int32] | NDArray[np.int64]) -> Entries:
    return Entries(*(column.astype(np.int64) for column in columns))


def from_entries(tables: Mapping[str, Entries], rows: tuple[Row, ...], n_words: int) -> WordCounts:
    """The inverse of `to_entries`; what stands at one place twice is added."""
    codes = np.unique(np.concatenate([tables[table].b for table in (*COUNTS, FRAMES)]))
    n_rows, n_codes = len(rows), max(len(codes), 1)
    keys, counts = [], []
    for place, table in enumerate(COUNTS):
        entries = tables[table]
        keys.append((entries.a * n_rows + entries.row) * n_codes + np.searchsorted(codes, entries.b))
        column = np.zeros((len(entries.n), N_COUNTS), np.int64)
        column[:, place] = entries.n
        counts.append(column)
    key, back = np.unique(np.concatenate(keys), return_inverse=True)
    summed = np.stack([_sums(back, column, len(key)) for column in np.concatenate(counts).T], axis=1)
    group, code = np.divmod(key, n_codes)
    token, token_n = _added(tables[TOKENS].a * n_rows + tables[TOKENS].row, tables[TOKENS].n)
    frames = tables[FRAMES]
    frame, frame_n = _added(frames.row * n_codes + np.searchsorted(codes, frames.b), frames.n)
    return WordCounts(
        rows,
        codes,
        (group // n_rows).astype(np.int32),
        (group % n_rows).astype(np.int32),
        code.astype(np.int32),
        summed.astype(np.int32),
        (token // n_rows).astype(np.int32),
        (token % n_rows).astype(np.int32),
        token_n.astype(np.int32),
        (frame // n_codes).astype(np.int32),
        (frame % n_codes).astype(np.int32),
        frame_n,
        n_words,
    )


def _added(key: NDArray[np.int64], n: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    places, back = np.unique(key, return_inverse=True)
    return places, _sums(back, n, len(places))


def _sums(place: NDArray[np.int64], n: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    return np.bincount(place, weights=n, minlength=size).astype(np.int64)


@dataclass(frozen=True)
class MergedWords(MergedStream):
    """A stream whose counts are the sums over shards; the `WordSource` or `PairSource` of a merge."""

    halves: Halves

    def draw(self, r: int) -> WordCounts:
        """Counts of draw r, added over the shards."""
        rows, _ = self.halves.of_draw(r)
        return from_entries({table: self.entries(r, table) for table in TABLES}, rows, len(self.meta.extra["types"]))


@dataclass(frozen=True)
class MergedPair(MergedWords):
    """The same for a pair of streams, named `adds|given` in the shards."""

    @property
    def adds(self) -> str:
        """The stream that adds."""
        return self.name.split(GIVEN)[0]

    @property
    def given(self) -> str:
        """The stream it adds to."""
        return self.name.split(GIVEN)[1]

    @property
    def size(self) -> int:
        """Codebook size of the stream that adds."""
        return self.codebook_size


def merge(paths: Sequence[Path], jobs: int = -1) -> Outcome:
    """Add up shards and score the sums: the same numbers as `analysis.words.run.run` on everything at once.

    Where detected words fire is not in the counts, so the outcome has no firings.

    Args:
        paths: all shards of one job, in any order.
        jobs: processes; 0 or less: one per core.
    """
    shards = merged.open_shards(paths)
    meta = shards[0].meta
    protocol = protocol_of(meta)
    halves = Halves(Rows(meta.row_tuple(), np.empty(0, np.int64)), np.array(meta.extra["half"], np.int64))
    types = tuple(WordType(*word) for word in meta.extra["types"])
    scored, infos, added = [], {}, list[Record]()
    for i, name in enumerate(meta.streams):
        if GIVEN in name:
            pair = MergedPair(name, i, shards, halves)
            added += added_records(pair, jobs)
            continue
        source = MergedWords(name, i, shards, halves)
        scored.append(score_stream(source, halves, protocol, types, jobs))
        used = meta.extra["used_codes"][name]
        infos[name] = StreamInfo.of_frames(source.codebook_size, source.frame_rate, used, source.n_frames)
    translations = meta.extra["translations"]
    keys = relatives(types, Path(translations) if translations else None)
    return outcome_of(protocol, scored, infos, added, types, merged.add_about(shards), keys)


def protocol_of(meta: ShardMeta) -> WordProtocol:
    """The protocol that the shards were counted under."""
    said = meta.protocol_values()
    said.pop("given")
    return WordProtocol(**said)
