"""The main job: any tokenizer's tokens against forced alignments."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from analysis import engine, lags, shards
from analysis.corpus import Classes, Corpus, Labels, classes_of, join, read_labels, subset
from analysis.counting import CountedStream, Protocol, lag_counts, lags_of, lay
from analysis.provenance import provenance
from analysis.results import Lag, Results
from analysis.scoring import DROPPED, KEPT, CountSource, Settings, StreamScores, score_stream
from analysis.shards import MergedStream, Shard, ShardMeta
from hac.data.alignment import Tier
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
    return Request(tokens, read_labels(manifest, alignments, failures), protocol, failures=failures, **request)


def run(request: Request, jobs: int = -1) -> Outcome:
    """Count and score every stream asked for.

    Args:
        request: what was asked for.
        jobs: processes; 0 or less: one per core.
    """
    corpus = _corpus(request)
    streams = _streams(corpus.tokens, request.streams)
    sources = _sources(corpus, streams, request.protocol)
    classes = classes_of(corpus.policy, corpus.phones.vocabulary)
    settings = _settings(classes, request.protocol)
    tasks = [(source, settings) for source in sources]
    scored = engine.run(_score_counted, tasks, jobs=jobs, what="scoring streams")
    about = _about(request, corpus)
    return _outcome(request.protocol, corpus.policy.name, sources, scored, about, classes)


def run_shard(request: Request, index: int, n: int, path: Path) -> None:
    """Count one shard of `n` and write it; `merge` turns all of them into results.

    Args:
        request: the same for all shards.
        index: which shard, from 0.
        n: how many.
        path: where the counts go.
    """
    whole = _corpus(request)
    corpus = subset(whole, index, n)
    streams = _streams(corpus.tokens, request.streams)
    sources = _sources(corpus, streams, request.protocol)
    about = _about(request, corpus)
    protocol = {**asdict(request.protocol), "phone_policy": corpus.policy.name}
    names = [stream.name for stream in _streams(whole.tokens, request.streams)]
    meta = ShardMeta(
        streams={source.name: _facts(source) for source in sources},
        rows=[asdict(row) for row in whole.rows.rows],
        labels=sorted(corpus.phones.vocabulary),
        units_per_s={source.name: str(source.cells.units_per_s) for source in sources},
        protocol=protocol,
        classes=classes_of(corpus.policy, corpus.phones.vocabulary),
        n_lags=len(lags_of(request.protocol.convention)),
        shard=[index, n],
        job=_job(whole, names, protocol),
        about=about,
    )
    shards.write_shard(path, meta, _blocks(sources))


def merge(paths: Sequence[Path], jobs: int = -1) -> Outcome:
    """Add up shards and score the sums: the same bits as `run` on everything at once.

    Args:
        paths: all shards of one job, in any order.
        jobs: processes; 0 or less: one per core.
    """
    parts = shards.open_shards(paths)
    meta = parts[0].meta
    protocol = Protocol(**meta.protocol)
    settings = _settings(meta.classes, protocol)
    names = list(meta.streams)
    tasks = [(name, i, [shard.path for shard in parts], settings) for i, name in enumerate(names)]
    scored = engine.run(_score_merged, tasks, jobs=jobs, what="merging streams")
    sources = [MergedStream(name, i, parts) for i, name in enumerate(names)]
    return _outcome(protocol, protocol.phone_policy, sources, scored, _add_about(parts), meta.classes)


def _corpus(request: Request) -> Corpus:
    return join(request.labels, request.tokens, request.protocol.phone_policy, request.failures)


def _streams(tokens: TokenStore, names: Sequence[str]) -> list[Stream]:
    chosen = []
    for name in names or tokens.streams:
        parts = name.split(JOINER) if name not in tokens.streams else [name]
        for part in parts:
            if part not in tokens.streams:
                raise HacError(f"there is no stream {part!r}; the tokens have {', '.join(tokens.streams)}")
        try:
            chosen.append(join_streams([tokens.streams[part] for part in parts]) if parts[1:] else tokens.streams[name])
        except ValueError as error:
            raise HacError(f"joint stream {name}: {error}") from error
    return chosen


def _sources(corpus: Corpus, streams: Sequence[Stream], protocol: Protocol) -> list[CountedStream]:
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


def _settings(classes: Classes, protocol: Protocol) -> Settings:
    return Settings((SILENCE,), classes, protocol.n_bootstrap, protocol.seed)


def _score_counted(source: CountedStream, settings: Settings) -> tuple[StreamScores, list[float]]:
    return score_stream(source, settings), lags.lag_pnmi(counts.table for counts in lag_counts(source))


def _score_merged(name: str, index: int, paths: list[Path], settings: Settings) -> tuple[StreamScores, list[float]]:
    source = MergedStream(name, index, tuple(Shard(path) for path in paths))
    return score_stream(source, settings), lags.lag_pnmi(source.lag_tables())


def _outcome(
    protocol: Protocol,
    policy: str,
    sources: Sequence[CountSource],
    scored: Sequence[tuple[StreamScores, list[float]]],
    about: Mapping[str, Any],
    classes: Classes,
) -> Outcome:
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
    sd = next(record.null_sd for record in scores.records if record.id == f"{source.name}.pnmi" and not record.group)
    return lags.judge(source.name, source.frame_rate, scan, pnmi, sd)


def _is_loud(scores: StreamScores) -> bool:
    """Whether chance alone is larger than the interval of the stream's PNMI says."""
    pnmi = scores.records[0]
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


def _facts(source: CountedStream) -> dict[str, Any]:
    return {
        "codebook_size": source.codebook_size,
        "frame_rate": str(source.frame_rate),
        "n_frames": source.n_frames,
    }


def _blocks(sources: Sequence[CountedStream]) -> Iterator[shards.Block]:
    for i, source in enumerate(sources):
        for r in range(source.n_nulls + 1):
            yield i, r, shards.NO_LAG, source.draw(r)
        for lag, counts in enumerate(lag_counts(source)):
            yield i, 0, lag, counts


def _job(corpus: Corpus, streams: Sequence[str], protocol: Mapping[str, Any]) -> str:
    """Hash of all that shards must have in common."""
    facts = {
        "ids": hashlib.sha256("\n".join(corpus.ids).encode()).hexdigest(),
        "rows": [asdict(row) for row in corpus.rows.rows],
        "phones": _tier_hash(corpus.phones),
        "streams": {name: _stream_hash(corpus.tokens, name) for name in streams},
        "protocol": dict(protocol),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _tier_hash(tier: Tier) -> str:
    digest = hashlib.sha256("\n".join(tier.vocabulary).encode())
    for array in (tier.bounds, tier.labels, tier.offset_us):
        digest.update(array.tobytes())
    return digest.hexdigest()


def _stream_hash(tokens: TokenStore, name: str) -> str:
    digest = hashlib.sha256()
    for part in name.split(JOINER) if name not in tokens.streams else [name]:
        stream = tokens.streams[part]
        digest.update(f"{part} {stream.codebook_size} {stream.frame_rate}".encode())
        digest.update(stream.codes.tobytes())
    return digest.hexdigest()


def _about(request: Request, corpus: Corpus) -> dict[str, Any]:
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


def _add_about(parts: Sequence[Shard]) -> dict[str, Any]:
    """What the shards say of the whole corpus; they all read the same whole manifest."""
    about = dict(parts[0].meta.about)
    about["provenance"] = {**about["provenance"], "shards": len(parts)}
    return about
