"""Which codes are word detectors, and how much codes tell of words: `hac-analyze words`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from analysis.inputs.corpus import Labels, MatchedCorpus, match
from analysis.inputs.request import Request, about_of, streams_of, together
from analysis.inputs.vocabulary import Cleaning, warnings_of, word_tokens
from analysis.results.builder import make_results
from analysis.results.schema import Record, Results, StreamInfo
from analysis.words.conditional import ConditionalWords, added_records
from analysis.words.counting import FREQUENCY, CountedWords, Halves, WordProtocol
from analysis.words.lists import StreamWords
from analysis.words.occurrences import Occurrence, occurrences
from analysis.words.scores import score_stream
from analysis.words.word_families import (
    INFLECTIONS,
    TRANSLATIONS,
    Key,
    Related,
    read_translations,
    record,
    related,
    stems,
)
from hac.data.alignments.alignment import WORDS
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import FailureLog
from probes.joint_counts.counts import join_streams
from probes.nulls.circular_shift import OVER_SPEAKERS
from probes.splits import halves
from probes.words.word_codes import Words, WordType, label_frames

COMMAND = "words"


@dataclass(frozen=True)
class WordCorpus:
    """The corpus as word analysis sees it.

    Attributes:
        met: utterances with tokens and words.
        words: their word tokens.
        cleaning: what the rules for the words tier did.
        halves: rows and halves.
        warnings: what a reader must know.
    """

    met: MatchedCorpus
    words: Words
    cleaning: Cleaning
    halves: Halves
    warnings: list[str]


@dataclass(frozen=True)
class Options:
    """What does not move a number.

    Attributes:
        given: a stream; every other one is also asked what it adds to it. None: `phonetic`, if there is one.
        translations: table of translations.
        occurrences: so many hits and false alarms of each detected word are listed.
    """

    given: str | None = None
    translations: Path | None = None
    occurrences: int = 20


@dataclass(frozen=True)
class Outcome:
    """Results, and what lies behind them.

    Attributes:
        results: the numbers.
        streams: words of each stream.
        types: the vocabulary.
        related: stream, definition, and related words with the same best code.
        occurrences: stream, definition, and where the codes of detected words fire.
    """

    results: Results
    streams: list[StreamWords]
    types: tuple[WordType, ...]
    related: list[tuple[str, str, Related]] = field(default_factory=list)
    occurrences: list[tuple[str, str, list[Occurrence]]] = field(default_factory=list)


def word_corpus(labels: Labels, tokens: TokenStore, failures: FailureLog) -> WordCorpus:
    """Bring tokens and words together.

    Raises:
        HacError: there is no words tier, or no word in it, or no utterance has both.
    """
    met = match(labels, tokens, (WORDS,), failures)
    words, cleaning = word_tokens(met.tiers[WORDS], met.languages)
    sizes = np.bincount(met.rows.of_utterance, minlength=len(met.rows.rows)).astype(np.int64)
    half, notes = halves(met.rows.rows, sizes)
    warnings = [*met.warnings, *warnings_of(words, cleaning, labels.manifest), *notes]
    return WordCorpus(met, words, cleaning, Halves(met.rows, half), warnings)


def run(request: Request[WordProtocol], jobs: int = -1, options: Options | None = None) -> Outcome:
    """Count and score every stream asked for.

    Args:
        request: what was asked for.
        jobs: processes; 0 or less: one per core.
        options: see `Options`; None: its defaults.
    """
    options = options or Options()
    corpus = word_corpus(request.labels, request.tokens, request.failures)
    types = corpus.words.types
    streams = streams_of(corpus.met.tokens, request.streams)
    given = given_stream(corpus, options.given)
    keys = relatives(types, options.translations)
    scored, infos, added, listed = [], {}, [], []
    sources = [counted(corpus, stream, request.protocol) for stream in streams]
    for stream, source in zip(streams, sources, strict=True):
        one = score_stream(source, corpus.halves, request.protocol, types, jobs)
        scored.append(one)
        used = len(stream.used_codes())
        infos[stream.name] = StreamInfo.of_frames(stream.codebook_size, stream.frame_rate, used, source.n_frames)
        shown = occurrences(one.lists, stream, corpus.words, options.occurrences)
        listed += [(stream.name, found.definition, each) for found, each in zip(one.lists, shown, strict=True)]
    for pair in conditionals(corpus, streams, given, request.protocol):
        added += added_records(pair, jobs)
    about = about_of(request, coverage_of(corpus, sources), corpus.warnings)
    return outcome_of(request.protocol, scored, infos, added, types, about, keys, listed)


def relatives(types: Sequence[WordType], translations: Path | None) -> dict[str, Key]:
    """What words share, by kind: their stem, and their row in a table of translations."""
    keys = {INFLECTIONS: stems(types)}
    if translations is not None:
        keys[TRANSLATIONS] = read_translations(translations, types)
    return keys


def counted(corpus: WordCorpus, stream: Stream, protocol: WordProtocol) -> CountedWords:
    """The counts of a stream, from memory."""
    labels = label_frames(corpus.words, stream, Fraction(protocol.half_window_ms, 1000))
    return CountedWords(labels, corpus.met.rings, corpus.halves, protocol)


def given_stream(corpus: WordCorpus, name: str | None) -> Stream | None:
    """The stream that the others are conditioned on.

    Raises:
        HacError: it was asked for and is not there.
    """
    if name is None:
        return corpus.met.tokens.streams.get("phonetic")
    return streams_of(corpus.met.tokens, [name])[0]


def conditionals(
    corpus: WordCorpus, streams: Sequence[Stream], given: Stream | None, protocol: WordProtocol
) -> list[ConditionalWords]:
    """What each stream adds to the given one; streams of another rate are left out."""
    made = []
    for stream in streams:
        if given is None or stream.name == given.name or stream.frame_rate != given.frame_rate:
            continue
        if not np.array_equal(stream.bounds, given.bounds) or "+" in stream.name:
            continue
        joint = join_streams([given, stream])
        labels = label_frames(corpus.words, joint, Fraction(protocol.half_window_ms, 1000))
        made.append(ConditionalWords(stream.name, given.name, labels, corpus.halves, (stream, given), protocol))
    return made


def coverage_of(corpus: WordCorpus, sources: Sequence[CountedWords]) -> dict[str, Any]:
    """How much of everything was used; word tokens that no frame of a stream overlaps lower its recall."""
    silent = int(np.count_nonzero(np.diff(corpus.words.bounds) == 0))
    words = {
        **asdict(corpus.cleaning),
        "types": len(corpus.words.types),
        "utterances_without_words": silent,
        "tokens_without_frames": {source.name: source.labels.without_frames for source in sources},
    }
    return {**corpus.met.coverage, "words": words}


def outcome_of(
    protocol: WordProtocol,
    scored: Sequence[StreamWords],
    infos: Mapping[str, StreamInfo],
    added: Sequence[Record],
    types: tuple[WordType, ...],
    about: Mapping[str, Any],
    keys: Mapping[str, Key],
    listed: Sequence[tuple[str, str, list[Occurrence]]] = (),
    null: str = OVER_SPEAKERS,
) -> Outcome:
    """Results of scored streams.

    Args:
        protocol: as asked for.
        scored: the streams.
        infos: what was counted of each.
        added: what streams add to one another.
        types: the vocabulary.
        about: from `about_of`.
        keys: from `relatives`.
        listed: where codes of detected words fire.
        null: what was shifted, and how far.
    """
    notes = [note for one in scored for note in one.notes]
    kin: list[tuple[str, str, Related]] = [
        (one.name, found.definition, related(found, key_of, kind, protocol.seed))
        for one in scored
        for found in one.lists
        for kind, key_of in keys.items()
    ]
    counts = [record(found, stream, definition) for stream, definition, found in kin]
    results = make_results(
        COMMAND,
        about,
        [*(number for one in scored for number in one.records), *added, *counts],
        protocols(protocol, null),
        streams=infos,
        warnings=[*together(notes), *_stop_word_warning(protocol, types)],
    )
    return Outcome(results, list(scored), types, kin, list(listed))


def protocols(protocol: WordProtocol, null: str) -> dict[str, dict[str, Any]]:
    """What each protocol name of the records means."""
    common = {
        "words": "small letters, Unicode composed; the same letters in two languages are two words",
        "null": null,
        "n_nulls": protocol.n_nulls,
        "seed": protocol.seed,
    }
    detection = {
        **common,
        "min_count": protocol.min_count,
        "nulls": {FREQUENCY: "word labels permuted among the word tokens of a language"},
        "held-out": "each word's code is chosen on one half of the speakers (or utterances) and scored on the other; "
        "the counts of both ways are added",
        "interval": "95 %, cluster-jackknife-t, the codes and the best 250 words held fixed",
    }
    precision = {
        "vg-hubert": "of the word tokens that hold the code, those of the word",
        "resdavenet": f"of the frames of the code, those within {protocol.half_window_ms} ms of the word",
    }
    made: dict[str, dict[str, Any]] = {
        name: {**detection, "precision": precision[name], "stop_words": list(protocol.stops(name))}
        for name in protocol.definitions
    }
    information = {**common, "frames": "those whose centre lies inside a word", "interval": "95 %, cluster-jackknife-t"}
    made["word-information"] = information
    made["word-information-given"] = {**information, "null": "codes permuted among the runs with the same given code"}
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
