"""Which codes are word detectors, and how much codes tell of words: `hac-analyze words`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from analysis.corpus import Match, match
from analysis.request import Request, about_of, streams_of, together
from analysis.results import Record, Results, StreamInfo
from analysis.vocabulary import Cleaning, warnings_of, word_tokens
from analysis.word_conditional import ConditionalWords, added_records
from analysis.word_counting import (
    FREQUENCY,
    SHIFT,
    CountedWords,
    Halves,
    WordProtocol,
)
from analysis.word_scores import StreamWords, score_stream
from hac.data.alignment import WORDS
from hac.data.tokens import Stream
from probes.controls import MIN_SHIFT_S
from probes.counts import join_streams
from probes.splits import halves
from probes.words import Words, WordType, lay

COMMAND = "words"


@dataclass(frozen=True)
class Spoken:
    """The corpus as word analysis sees it.

    Attributes:
        met: utterances with tokens and words.
        words: their word tokens.
        cleaning: what the rules for the words tier did.
        halves: rows and halves.
        warnings: what a reader must know.
    """

    met: Match
    words: Words
    cleaning: Cleaning
    halves: Halves
    warnings: list[str]


@dataclass(frozen=True)
class Outcome:
    """Results, and the words behind them by stream."""

    results: Results
    streams: list[StreamWords]
    types: tuple[WordType, ...]


def spoken(request: Request[WordProtocol]) -> Spoken:
    """Bring tokens and words together.

    Raises:
        HacError: there is no words tier, or no word in it, or no utterance has both.
    """
    met = match(request.labels, request.tokens, (WORDS,), request.failures)
    words, cleaning = word_tokens(met.tiers[WORDS], met.languages)
    sizes = np.bincount(met.rows.of_utterance, minlength=len(met.rows.rows)).astype(np.int64)
    half, notes = halves(met.rows.rows, sizes)
    warnings = [*met.warnings, *warnings_of(words, cleaning, request.labels.manifest), *notes]
    return Spoken(met, words, cleaning, Halves(met.rows, half), warnings)


def run(request: Request[WordProtocol], jobs: int = -1, given: str | None = None) -> Outcome:
    """Count and score every stream asked for.

    Args:
        request: what was asked for.
        jobs: processes; 0 or less: one per core.
        given: a stream; every other stream is also asked what it adds to this one. None: `phonetic`, if there is one.
    """
    corpus = spoken(request)
    streams = streams_of(corpus.met.tokens, request.streams)
    protocol = request.protocol
    scored, infos = [], {}
    for stream in streams:
        source = counted(corpus, stream, protocol)
        scored.append(score_stream(source, corpus.halves, protocol, corpus.words.types, jobs))
        infos[stream.name] = stream_info(corpus, source)
    added: list[Record] = []
    for pair in conditionals(corpus, streams, given_stream(corpus, given), protocol):
        added += added_records(pair, jobs)
    about = about_of(request, coverage_of(corpus), corpus.warnings)
    return outcome_of(protocol, scored, infos, added, corpus.words.types, about)


def counted(corpus: Spoken, stream: Stream, protocol: WordProtocol) -> CountedWords:
    """The counts of a stream, from memory."""
    n_rows = len(corpus.halves.rows.rows)
    laid = lay(corpus.words, stream, n_rows, Fraction(protocol.half_window_ms, 1000))
    return CountedWords(laid, corpus.halves, protocol)


def given_stream(corpus: Spoken, name: str | None) -> Stream | None:
    """The stream that the others are conditioned on.

    Raises:
        HacError: it was asked for and is not there.
    """
    if name is None:
        return corpus.met.tokens.streams.get("phonetic")
    return streams_of(corpus.met.tokens, [name])[0]


def conditionals(
    corpus: Spoken, streams: Sequence[Stream], given: Stream | None, protocol: WordProtocol
) -> list[ConditionalWords]:
    """What each stream adds to the given one; streams of another rate are left out."""
    made = []
    for stream in streams:
        if given is None or stream.name == given.name or stream.frame_rate != given.frame_rate:
            continue
        if not np.array_equal(stream.bounds, given.bounds) or "+" in stream.name:
            continue
        joint = join_streams([given, stream])
        laid = lay(corpus.words, joint, len(corpus.halves.rows.rows), Fraction(protocol.half_window_ms, 1000))
        made.append(ConditionalWords(stream.name, given.name, laid, corpus.halves, (stream, given), protocol))
    return made


def stream_info(corpus: Spoken, source: CountedWords) -> StreamInfo:
    """What was counted of a stream."""
    stream = source.laid.stream
    return StreamInfo(
        codebook_size=stream.codebook_size,
        frame_rate=str(stream.frame_rate),
        used_codes=len(np.unique(stream.codes)),
        n_frames=len(stream.codes),
        hours=float(Fraction(len(stream.codes)) / stream.frame_rate / 3600),
    )


def coverage_of(corpus: Spoken) -> dict[str, Any]:
    """How much of everything was used."""
    silent = int(np.count_nonzero(np.diff(corpus.words.bounds) == 0))
    return {
        **corpus.met.coverage,
        "words": {**asdict(corpus.cleaning), "types": len(corpus.words.types), "utterances_without_words": silent},
    }


def outcome_of(
    protocol: WordProtocol,
    scored: Sequence[StreamWords],
    infos: Mapping[str, StreamInfo],
    added: Sequence[Record],
    types: tuple[WordType, ...],
    about: Mapping[str, Any],
) -> Outcome:
    """Results of scored streams.

    Args:
        protocol: as asked for.
        scored: the streams.
        infos: what was counted of each.
        added: what streams add to one another.
        types: the vocabulary.
        about: from `about_of`.
    """
    notes = [note for one in scored for note in one.notes]
    results = Results(
        command=COMMAND,
        status="complete",
        system=about["system"],
        metrics=[*(record for one in scored for record in one.records), *added],
        streams=dict(infos),
        protocols=protocols(protocol),
        coverage=about["coverage"],
        failures=about["failures"],
        failed=about["failed"],
        warnings=[*about["warnings"], *together(notes), *_stop_word_warning(protocol, types)],
        provenance=about["provenance"],
    )
    return Outcome(results, list(scored), types)


def protocols(protocol: WordProtocol) -> dict[str, dict[str, Any]]:
    """What each protocol name of the records means."""
    common = {
        "words": "small letters, Unicode composed; the same letters in two languages are two words",
        "null": f"{SHIFT} of the tokens within each utterance, at least {float(MIN_SHIFT_S)} s or a quarter of it",
        "n_nulls": protocol.n_nulls,
        "seed": protocol.seed,
    }
    detection = {
        **common,
        "min_count": protocol.min_count,
        "nulls": {FREQUENCY: "word labels dealt anew among the word tokens of a language"},
        "held-out": "each word's code is chosen on one half of the speakers (or utterances) and scored on the other; "
        "the counts of both ways are added",
        "interval": "95 %, cluster-bootstrap-basic, the codes and the best 250 words held fixed",
        "n_bootstrap": protocol.n_bootstrap,
    }
    precision = {
        "vg-hubert": "of the word tokens that hold the code, those of the word",
        "resdavenet": f"of the frames of the code, those within {protocol.half_window_ms} ms of the word",
    }
    made: dict[str, dict[str, Any]] = {
        name: {**detection, "precision": precision[name], "stop_words": list(protocol.stops(name))}
        for name in protocol.definitions
    }
    told = {**common, "frames": "those whose centre lies inside a word", "interval": "95 %, cluster-jackknife-t"}
    made["word-information"] = told
    made["word-information-given"] = {**told, "null": "codes dealt anew among the runs with the same given code"}
    return made


def _stop_word_warning(protocol: WordProtocol, types: Sequence[WordType]) -> list[str]:
    spellings = {word.spelling for word in types}
    stops = {stop for definition in protocol.definitions for stop in protocol.stops(definition)}
    if not stops or stops & spellings:
        return []
    return [
        f"none of the {len(stops)} stop words ({', '.join(sorted(stops)[:3])}, ...) occurs in the words tier: they are "
        "of another language or script; give your own with --stop-words, or none"
    ]
