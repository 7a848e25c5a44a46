"""Word analysis in parts: shards counted anywhere, added up to the bits of one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from analysis.inputs.request import Request, about_of, streams_of
from analysis.results.schema import Record, StreamInfo
from analysis.shards import count_file, merged
from analysis.shards.count_file import NULL, Block, ShardMeta
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
    word_corpus,
)
from analysis.words.scores import score_stream
from hac.data.alignments.alignment import WORDS
from probes.clusters import Row, Rows
from probes.nulls.circular_shift import OVER_SPEAKERS
from probes.sparse_counts import SparseCounts, joined, numbered, summed
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
    whole = word_corpus(request.labels, request.tokens, request.failures)
    streams = streams_of(whole.met.tokens, request.streams)
    pairs = conditionals(whole, streams, given_stream(whole, options.given), request.protocol)
    part = np.zeros(len(whole.met.ids), bool)
    part[index::n] = True
    singles = [replace(counted(whole, stream, request.protocol), part=part) for stream in streams]
    joint = [replace(pair, part=part) for pair in pairs]
    protocol = {**asdict(request.protocol), "given": pairs[0].given if pairs else None, NULL: OVER_SPEAKERS}
    tiers, names = [whole.met.tiers[WORDS]], [stream.name for stream in streams]
    meta = ShardMeta(
        command=COMMAND,
        tables=TABLES,
        streams={
            **{one.name: {**stream_facts(one.labels.stream), "n_frames": one.n_frames} for one in singles},
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
            for table, counts in to_tables(source.draw(r)).items():
                yield Block(i, r, table, counts)


def to_tables(counts: WordCounts) -> dict[str, SparseCounts]:
    """The counts by table: row, word (a) and code (b)."""
    code = counts.codes[counts.code]
    made = {}
    for place, table in enumerate(COUNTS):
        n = counts.counts[:, place]
        some = n > 0
        made[table] = SparseCounts.of(n[some], counts.row[some], counts.word[some], code[some])
    made[TOKENS] = SparseCounts.of(counts.token_n, counts.token_row, counts.token_word)
    made[FRAMES] = SparseCounts.of(counts.frame_n, counts.frame_row, b=counts.codes[counts.frame_code])
    return made


def from_tables(tables: Mapping[str, SparseCounts], rows: tuple[Row, ...], n_words: int) -> WordCounts:
    """The inverse of `to_tables`; what stands at one place twice is added."""
    tokens, frames = tables[TOKENS], tables[FRAMES].summed()
    every = joined(tables[table] for table in COUNTS)
    codes = np.unique(np.concatenate([every.b, frames.b]))
    entry, number = numbered(every.a, every.row, every.b)
    counts = np.zeros((len(entry), N_COUNTS), np.int32)
    np.add.at(counts, (number, np.repeat(np.arange(N_COUNTS), [len(tables[table].n) for table in COUNTS])), every.n)
    group, of_group = numbered(tokens.a, tokens.row)
    return WordCounts(
        rows,
        codes,
        every.a[entry].astype(np.int32),
        every.row[entry].astype(np.int32),
        np.searchsorted(codes, every.b[entry]).astype(np.int32),
        counts,
        tokens.a[group].astype(np.int32),
        tokens.row[group].astype(np.int32),
        summed(of_group, tokens.n, len(group)).astype(np.int32),
        frames.row.astype(np.int32),
        np.searchsorted(codes, frames.b).astype(np.int32),
        frames.n,
        n_words,
    )


@dataclass(frozen=True)
class MergedWords(MergedStream):
    """A stream whose counts are the sums over shards; the `WordSource` or `PairSource` of a merge."""

    halves: Halves

    def draw(self, r: int) -> WordCounts:
        """Counts of draw r, added over the shards."""
        rows, _ = self.halves.of_draw(r)
        return from_tables({table: self.counts(r, table) for table in TABLES}, rows, len(self.meta.extra["types"]))


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

    Where the codes of detected words occur is not in the counts, so the outcome does not say it.

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
    about, null = merged.add_about(shards), merged.null_of(shards)
    return outcome_of(protocol, scored, infos, added, types, about, keys, null=null)


def protocol_of(meta: ShardMeta) -> WordProtocol:
    """The protocol that the shards were counted under."""
    said = meta.protocol_values()
    said.pop("given")
    return WordProtocol(**said)
