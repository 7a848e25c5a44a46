"""What every analysis is asked: tokens, labels, streams, and what the answer must say of where it came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from analysis.inputs.corpus import Labels, find_alignments, read_labels
from analysis.results.provenance import input_facts, provenance
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import FailureLog, HacError
from probes.joint_counts.counts import join_streams

FAILED_PER_REASON = 20
JOINER = "+"

P = TypeVar("P")


@dataclass(frozen=True)
class Request(Generic[P]):
    """What was asked for.

    Attributes:
        tokens: the tokens.
        labels: manifest and alignments.
        protocol: how it is to be measured; each analysis has its own.
        streams: streams to score; empty: all. `a+b` names a joint stream.
        failures: what fell out so far.
        inputs: files that went in, by role, for the provenance.
        options: as given on the command line.
        system: what to call the tokenizer; empty: its own name.
    """

    tokens: TokenStore
    labels: Labels
    protocol: P
    streams: tuple[str, ...] = ()
    failures: FailureLog = field(default_factory=FailureLog)
    inputs: Mapping[str, Path] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    system: str = ""


def prepare(
    tokens: TokenStore,
    manifest: Path | None,
    alignments: Path | None,
    protocol: P,
    *,
    aligned: bool = True,
    failures: FailureLog | None = None,
    inputs: Mapping[str, Path] | None = None,
    **request: Any,
) -> Request[P]:
    """Read the labels for some tokens.

    Args:
        tokens: the tokens.
        manifest: their corpus, if it is known.
        alignments: phones and words; None: those beside the manifest.
        protocol: how it is to be measured.
        aligned: whether alignments are needed; else there are none.
        failures, inputs, request: see `Request`.

    Raises:
        HacError: a file cannot be used, or there are no alignments and they are needed.
    """
    # an empty log is false, and may still be a strict one
    failures = FailureLog() if failures is None else failures
    found = find_alignments(alignments, manifest) if aligned else None
    named = {"alignments": found, "manifest": manifest}
    inputs = {**(inputs or {}), **{role: path for role, path in named.items() if path is not None}}
    labels = read_labels(manifest, found, failures)
    return Request(tokens, labels, protocol, failures=failures, inputs=inputs, **request)


def streams_of(tokens: TokenStore, names: Sequence[str]) -> list[Stream]:
    """The streams of these names, all for none; `a+b` is the product of two.

    Raises:
        HacError: there is no such stream, one is named twice, or streams cannot be joined.
    """
    chosen: list[Stream] = []
    if twice := next((name for i, name in enumerate(names) if name in names[:i]), ""):
        raise HacError(f"stream {twice!r} is named twice")
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


def together(notes: Iterable[tuple[str, str]]) -> list[str]:
    """One sentence for each note, with all that it is said of."""
    subjects: dict[str, dict[str, None]] = {}
    for subject, note in notes:
        subjects.setdefault(note, {})[subject] = None
    return [f"{', '.join(names)}: {note}" for note, names in subjects.items()]


def about_of(request: Request[Any], coverage: Mapping[str, Any], warnings: Sequence[str]) -> dict[str, Any]:
    """Everything of a result file that is not a number: system, coverage, failures, provenance."""
    inputs = input_facts(request.inputs)
    if request.labels.manifest is not None:
        inputs.setdefault("manifest", {})["content_sha256"] = request.labels.manifest.sha256
    return {
        "system": request.system or _system(request),
        "coverage": dict(coverage),
        "warnings": list(warnings),
        "failures": request.failures.by_reason(),
        "failed": examples(request.failures),
        "provenance": provenance(
            inputs=inputs,
            options=request.options,
            tokenizer=dict(request.tokens.provenance),
            alignment=dict(request.labels.alignments.provenance),
        ),
    }


def _system(request: Request[Any]) -> str:
    """The tokenizer's own name, or the token file's."""
    if name := request.tokens.provenance.get("tokenizer"):
        return str(name)
    return request.inputs["tokens"].stem if "tokens" in request.inputs else "tokens"


def examples(failures: FailureLog) -> list[dict[str, str]]:
    """The first failures of each reason, as results list them."""
    ordered = sorted(failures, key=lambda failure: (failure.reason, failure.id))
    return shown_per_reason([{"id": one.id, "reason": one.reason, "detail": one.detail} for one in ordered])


def shown_per_reason(failed: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """The first failures of each reason."""
    shown: Counter[str] = Counter()
    listed = []
    for failure in failed:
        shown[failure["reason"]] += 1
        if shown[failure["reason"]] <= FAILED_PER_REASON:
            listed.append(failure)
    return listed
