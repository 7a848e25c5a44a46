"""The main job: any tokenizer's tokens against forced alignments."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from analysis import engine, lags
from analysis.corpus import Classes, Corpus, Labels, classes_of, find_alignments, join, read_labels
from analysis.counting import CountedStream, Protocol, lag_counts, lags_of, lay
from analysis.provenance import provenance
from analysis.records import DROPPED, KEPT
from analysis.results import Lag, Results
from analysis.scoring import CountSource, Settings, StreamScores, score_stream
from hac.data.phones import SILENCE
from hac.data.tokens import Stream, TokenStore
from hac.errors import FailureLog, HacError
from hac.files import sha256_file
from probes.align import Cells, ticks_of
from probes.controls import MIN_SHIFT_S, NULL_NAME
from probes.counts import join_streams

COMMAND = "pnmi"
FAILED_PER_REASON = 20
JOINER = "+"
LOUD_NULL = "chance alone is more than half the width of the interval, so quote the null-corrected value"


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes:
        tokens: the tokens.
        labels: manifest and alignments.
        protocol: convention, nulls, seed, phone policy.
        streams: streams to score; empty: all. `a+b` names a joint stream.
        failures: what fell out so far.
        inputs: files that went in, by role, for the provenance.
        options: as given on the command line.
        system: what to call the tokenizer; empty: its own name.
    """

    tokens: TokenStore
    labels: Labels
    protocol: Protocol
    streams: tuple[str, ...] = ()
    failures: FailureLog = field(default_factory=FailureLog)
    inputs: Mapping[str, Path] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    system: str = ""


@dataclass(frozen=True)
class Outcome:
    """Results, the tables behind them by stream, and the phones' classes."""

    results: Results
    streams: list[StreamScores]
    classes: Classes


def prepare(
    tokens: TokenStore,
    manifest: Path | None,
    alignments: Path | None,
    protocol: Protocol,
    **request: Any,
) -> Request:
    """Read the labels for some tokens; see `Request` for the other arguments."""
    failures = request.pop("failures", None)
    # an empty log is false, and may still be a strict one
    failures = FailureLog() if failures is None else failures
    found = find_alignments(alignments, manifest)
    inputs = {**request.pop("inputs", {}), "alignments": found}
    if manifest is not None:
        inputs["manifest"] = manifest
    labels = read_labels(manifest, found, failures)
    return Request(tokens, labels, protocol, failures=failures, inputs=inputs, **request)


def run(request: Request, jobs: int = -1) -> Outcome:
    """Count and score every stream asked for.

    Args:
        request: what was asked for.
        jobs: processes; 0 or less: one per core.
    """
    corpus = corpus_of(request)
    streams = streams_of(corpus.tokens, request.streams)
    sources = sources_of(corpus, streams, request.protocol)
    classes = classes_of(corpus.policy, corpus.phones.vocabulary)
    settings = settings_of(classes, request.protocol)
    tasks = [(source, settings) for source in sources]
    scored = engine.run(_score_counted, tasks, jobs=jobs, what="scoring streams")
    about = about_of(request, corpus)
    return outcome_of(request.protocol, corpus.policy.name, sources, scored, about, classes)


def corpus_of(request: Request) -> Corpus:
    """The utterances that have labels and tokens; what fell out goes into the request's failures."""
    return join(request.labels, request.tokens, request.protocol.phone_policy, request.failures)


def streams_of(tokens: TokenStore, names: Sequence[str]) -> list[Stream]:
    """The streams of these names, all for none; `a+b` is the product of two.

    Raises:
        HacError: there is no such stream, or streams cannot be joined.
    """
    chosen = []
    for name in names or tokens.streams:
        parts = parts_of(tokens, name)
        for part in parts:
            if part not in tokens.streams:
                raise HacError(f"there is no stream {part!r}; the tokens have {', '.join(tokens.streams)}")
        try:
            chosen.append(join_streams([tokens.streams[part] for part in parts]) if parts[1:] else tokens.streams[name])
        except ValueError as error:
            raise HacError(f"joint stream {name}: {error}") from error
    return chosen


def parts_of(tokens: TokenStore, name: str) -> list[str]:
    """The streams that a name joins: itself, where a stream has that very name."""
    return [name] if name in tokens.streams else name.split(JOINER)


def sources_of(corpus: Corpus, streams: Sequence[Stream], protocol: Protocol) -> list[CountedStream]:
    """A source for each stream; streams of the same rate and lengths share their cells."""
    clock = ticks_of([stream.frame_rate for stream in streams])
    laid: dict[tuple[Fraction, bytes], Cells] = {}
    sources = []
    for stream in streams:
        key = (stream.frame_rate, hashlib.sha256(stream.bounds.tobytes()).digest())
        if key not in laid:
            laid[key] = lay(corpus.phones, stream, protocol, clock)
        sources.append(CountedStream(stream, corpus.phones, laid[key], clock, corpus.rows, protocol))
    return sources


def settings_of(classes: Classes, protocol: Protocol) -> Settings:
    """How counts are scored under a protocol."""
    return Settings((SILENCE,), classes, protocol.n_bootstrap, protocol.seed)


def _score_counted(source: CountedStream, settings: Settings) -> tuple[StreamScores, list[float]]:
    return score_stream(source, settings), lags.lag_pnmi(counts.table for counts in lag_counts(source))


def outcome_of(
    protocol: Protocol,
    policy: str,
    sources: Sequence[CountSource],
    scored: Sequence[tuple[StreamScores, list[float]]],
    about: Mapping[str, Any],
    classes: Classes,
) -> Outcome:
    """Results of scored streams.

    Args:
        protocol: as asked for.
        policy: name of the phone policy that was used.
        sources: the streams.
        scored: of each stream, its scores and its PNMI at each lag.
        about: from `about_of`.
        classes: kind of phone class -> phone -> class.
    """
    scan = lags_of(protocol.convention)
    judged = [_judge(source, scores, scan, pnmi) for source, (scores, pnmi) in zip(sources, scored, strict=True)]
    notes = [note for scores, _ in scored for note in scores.notes]
    notes += [(source.name, LOUD_NULL) for source, (scores, _) in zip(sources, scored, strict=True) if _is_loud(scores)]
    warnings = [*about["warnings"], *_together(notes), *(lag.warning for lag in judged if lag.warning)]
    results = Results(
        command=COMMAND,
        status="complete",
        system=about["system"],
        metrics=[record for scores, _ in scored for record in scores.records],
        streams={source.name: scores.info for source, (scores, _) in zip(sources, scored, strict=True)},
        lags=judged,
        protocols=_protocols(protocol, policy),
        coverage=about["coverage"],
        failures=about["failures"],
        failed=about["failed"],
        warnings=warnings,
        provenance=about["provenance"],
    )
    return Outcome(results, [scores for scores, _ in scored], classes)


def _judge(source: CountSource, scores: StreamScores, scan: list[Fraction], pnmi: list[float]) -> Lag:
    return lags.judge(source.name, source.frame_rate, scan, pnmi, scores.headline.null_sd)


def _is_loud(scores: StreamScores) -> bool:
    """Whether chance alone is larger than the interval of the stream's PNMI says."""
    pnmi = scores.headline
    return pnmi.null_mean > (pnmi.ci_high - pnmi.ci_low) / 2


def _together(notes: Iterable[tuple[str, str]]) -> list[str]:
    """One sentence for each note, with all that it is said of."""
    subjects: dict[str, dict[str, None]] = {}
    for subject, note in notes:
        subjects.setdefault(note, {})[subject] = None
    return [f"{', '.join(names)}: {note}" for note, names in subjects.items()]


def _protocols(protocol: Protocol, policy: str) -> dict[str, dict[str, Any]]:
    common = {
        "convention": protocol.convention,
        "phone_policy": policy,
        "null": f"{NULL_NAME} within each utterance, at least {float(MIN_SHIFT_S)} s or a quarter of it",
        "n_nulls": protocol.n_nulls,
        "interval": "95 %, cluster-bootstrap-basic (corpus, language), cluster-jackknife-t (speaker, phone, class)",
        "n_bootstrap": protocol.n_bootstrap,
        "seed": protocol.seed,
        "logarithm": "natural",
    }
    return {KEPT: {**common, "silence": "kept"}, DROPPED: {**common, "silence": "dropped"}}


def about_of(request: Request, corpus: Corpus) -> dict[str, Any]:
    """Everything of a result file that is not a number: system, coverage, failures, provenance."""
    inputs = {
        role: {"path": str(path), "sha256": sha256_file(path)}
        for role, path in request.inputs.items()
        if path.is_file()
    }
    if request.labels.manifest is not None:
        inputs.setdefault("manifest", {})["content_sha256"] = request.labels.manifest.sha256
    return {
        "system": request.system or _system(request),
        "coverage": corpus.coverage,
        "warnings": corpus.warnings,
        "failures": request.failures.by_reason(),
        "failed": _examples(request.failures),
        "provenance": provenance(
            inputs=inputs,
            options=request.options,
            tokenizer=dict(request.tokens.provenance),
            alignment=dict(request.labels.alignments.provenance),
        ),
    }


def _system(request: Request) -> str:
    """The tokenizer's own name, or the token file's."""
    if name := request.tokens.provenance.get("tokenizer"):
        return str(name)
    return request.inputs["tokens"].stem if "tokens" in request.inputs else "tokens"


def _examples(failures: FailureLog) -> list[dict[str, str]]:
    shown: dict[str, int] = {}
    listed = []
    for failure in sorted(failures, key=lambda failure: (failure.reason, failure.id)):
        shown[failure.reason] = shown.get(failure.reason, 0) + 1
        if shown[failure.reason] <= FAILED_PER_REASON:
            listed.append({"id": failure.id, "reason": failure.reason, "detail": failure.detail})
    return listed
