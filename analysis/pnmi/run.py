"""The main job: any tokenizer's tokens against forced alignments."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from analysis import parallel
from analysis.inputs.corpus import Classes, Corpus, classes_of, join
from analysis.inputs.request import Request, about_of, parts_of, streams_of, together
from analysis.pnmi import lags
from analysis.pnmi.counting import CountedStream, Protocol, label_frames, lag_counts, lags_of
from analysis.pnmi.cumulative import CUMULATIVE, NOTHING, Cumulative, cumulative
from analysis.pnmi.cumulative import PROTOCOL as TOGETHER
from analysis.pnmi.scores import CountSource, Settings, StreamScores, score_stream
from analysis.results.builder import make_results
from analysis.results.records import DROPPED, KEPT, RANK_INSTEAD, TOO_LITTLE_SPEECH, too_little_speech
from analysis.results.schema import Lag, Results
from hac.data.phones.policy import SILENCE
from probes.joint_counts.frame_labels import Cells, ticks_of
from probes.nulls.circular_shift import OVER_SPEAKERS, ShiftedStream

COMMAND = "pnmi"


@dataclass(frozen=True)
class Outcome:
    """Results, the tables behind them by stream, and the phones' classes."""

    results: Results
    streams: list[StreamScores]
    classes: Classes


def run(request: Request[Protocol], jobs: int = -1, levels: bool = False) -> Outcome:
    """Count and score every stream asked for.

    Args:
        request: what was asked for.
        jobs: processes; 0 or less: one per core.
        levels: whether streams are summed up too: what the first one, the first two and so on tell together.
    """
    protocol = request.protocol
    corpus = join(request.labels, request.tokens, protocol.phone_policy, request.failures)
    about = about_of(request, corpus.coverage, corpus.warnings)
    streams = [ShiftedStream(stream, corpus.rings) for stream in streams_of(corpus.tokens, request.streams)]
    sources = sources_of(corpus, streams, protocol)
    classes = classes_of(corpus.policy, corpus.phones.vocabulary)
    tasks = [(source, settings_of(classes)) for source in sources]
    scored = parallel.run(_score_counted, tasks, jobs=jobs, what="scoring streams")
    single = [source for source in sources if len(parts_of(corpus.tokens, source.name)) == 1]
    summed_up = cumulative(single, settings_of(classes), jobs) if levels else NOTHING
    return outcome_of(protocol, corpus.policy.name, sources, scored, about, classes, summed_up=summed_up)


def sources_of(corpus: Corpus, streams: Sequence[ShiftedStream], protocol: Protocol) -> list[CountedStream]:
    """A source for each stream; streams of the same rate and lengths share their cells."""
    clock = ticks_of([stream.whole.frame_rate for stream in streams])
    cells: dict[tuple[Fraction, bytes], Cells] = {}
    sources = []
    for tokens in streams:
        stream = tokens.draw(0, protocol.seed)
        key = (stream.frame_rate, hashlib.sha256(stream.bounds.tobytes()).digest())
        if key not in cells:
            cells[key] = label_frames(corpus.phones, stream, protocol, clock)
        sources.append(CountedStream(tokens, corpus.phones, cells[key], clock, corpus.rows, protocol))
    return sources


def settings_of(classes: Classes) -> Settings:
    """How counts are scored."""
    return Settings((SILENCE,), classes)


def _score_counted(source: CountedStream, settings: Settings) -> tuple[StreamScores, list[float]]:
    return score_stream(source, settings), lags.lag_pnmi(counts.table for counts in lag_counts(source))


def outcome_of(
    protocol: Protocol,
    policy: str,
    sources: Sequence[CountSource],
    scored: Sequence[tuple[StreamScores, list[float]]],
    about: Mapping[str, Any],
    classes: Classes,
    null: str = OVER_SPEAKERS,
    summed_up: Cumulative = NOTHING,
) -> Outcome:
    """Results of scored streams.

    Args:
        protocol: as asked for.
        policy: name of the phone policy that was used.
        sources: the streams.
        scored: of each stream, its scores and its PNMI at each lag.
        about: from `about_of`.
        classes: kind of phone class -> phone -> class.
        null: what was shifted, and how far.
        summed_up: what several streams tell together.
    """
    scan = lags_of(protocol.convention)
    judged = [_judge(source, scores, scan, pnmi) for source, (scores, pnmi) in zip(sources, scored, strict=True)]
    notes = [note for scores, _ in scored for note in scores.notes]
    notes += [
        (source.name, f"{TOO_LITTLE_SPEECH}; {RANK_INSTEAD}")
        for source, (scores, _) in zip(sources, scored, strict=True)
        if too_little_speech(scores.headline)
    ]
    results = make_results(
        COMMAND,
        about,
        [*(record for scores, _ in scored for record in scores.records), *summed_up.records],
        _protocols(protocol, policy, null, bool(summed_up.records)),
        streams={source.name: scores.info for source, (scores, _) in zip(sources, scored, strict=True)},
        warnings=[*together(notes), *(lag.warning for lag in judged if lag.warning)],
        lags=judged,
        coverage={"levels": summed_up.levels} if summed_up.levels else {},
    )
    return Outcome(results, [scores for scores, _ in scored], classes)


def _judge(source: CountSource, scores: StreamScores, scan: list[Fraction], pnmi: list[float]) -> Lag:
    return lags.judge(source.name, source.frame_rate, scan, pnmi, scores.headline.null_sd)


def _protocols(protocol: Protocol, policy: str, null: str, is_summed_up: bool) -> dict[str, dict[str, Any]]:
    common = {
        "convention": protocol.convention,
        "phone_policy": policy,
        "null": null,
        "n_nulls": protocol.n_nulls,
        "interval": "95 %, cluster-jackknife-t; the mean null held fixed for a speaker, phone or class",
        "seed": protocol.seed,
        "logarithm": "natural",
    }
    further = {CUMULATIVE: {**common, **TOGETHER}} if is_summed_up else {}
    return {KEPT: {**common, "silence": "kept"}, DROPPED: {**common, "silence": "dropped"}, **further}
