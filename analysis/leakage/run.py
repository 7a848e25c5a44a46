"""What each stream tells of each factor, and what it adds to or repeats of the others: `hac-analyze leakage`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from analysis import parallel
from analysis.inputs.request import JOINER, Request, about_of, streams_of, together
from analysis.leakage.counting import LABELS, RUNS, SHIFT, conditional, measured, unconditional
from analysis.leakage.factors import MEASURED, Curves, FactorCorpus, check_factors, coverage_of, factor_corpus
from analysis.leakage.information import InformationOf
from analysis.leakage.layout import FrameLabels, Layout, LeakageProtocol, layout
from analysis.leakage.scores import least_added, most_repeated, share_record
from analysis.results.builder import make_results
from analysis.results.schema import Record, Results, StreamInfo
from analysis.statistics.jackknife import METHOD
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import HacError
from probes.clusters import Clusters, clusters_of
from probes.leakage.factors import Factor
from probes.nulls.circular_shift import OVER_SPEAKERS

COMMAND = "leakage"


@dataclass(frozen=True)
class Extra:
    """Records of another analysis of the same streams and factors, such as trained probes.

    Attributes:
        records: the numbers.
        protocols: what the protocol names of the records mean.
        warnings: what a reader must know.
    """

    records: list[Record] = field(default_factory=list)
    protocols: dict[str, dict[str, Any]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


Further = Callable[[FactorCorpus, Sequence[Stream]], Extra]
"""Another analysis, which gets the factors and the streams."""


@dataclass(frozen=True)
class Outcome:
    """Results, and the names of the rows and columns of their tables.

    Attributes:
        results: the numbers.
        streams: names, in order.
        factors: names of those that could be had, in order.
        given: streams that others were conditioned on.
    """

    results: Results
    streams: tuple[str, ...]
    factors: tuple[str, ...]
    given: tuple[str, ...]


def measure_prosody(
    request: Request[LeakageProtocol], store: Path | None, folder: Path, jobs: int
) -> Mapping[str, Curves] | str:
    """F0 and energy of the utterances that have tokens, or why there are none.

    Args:
        request: what was asked for.
        store: prosody measured before, if any.
        folder: where it is measured to otherwise.
        jobs: processes.

    Raises:
        HacError: the factors were named and the audio cannot be measured.
    """
    from probes.signal.prosody import prosody_store, read_prosody

    asked = request.protocol.factors
    if not any(name in MEASURED for name in check_factors(asked)):
        return "not asked for"
    if store is not None:
        return read_prosody(store)
    manifest = request.labels.manifest
    if manifest is None:
        return "there is no manifest to say where the audio is; give one with --manifest"
    known = set(request.tokens.ids)
    try:
        chosen = manifest.subset(id for id in manifest.ids if id in known)
        return read_prosody(prosody_store(chosen, folder / "prosody.parquet", jobs, failures=request.failures))
    except HacError as error:
        if any(name in MEASURED for name in asked):
            raise
        return str(error)


def run(
    request: Request[LeakageProtocol],
    jobs: int = -1,
    curves: Mapping[str, Curves] | str = "no audio was measured",
    further: Further | None = None,
) -> Outcome:
    """Count and score every stream and factor.

    Args:
        request: what was asked for.
        jobs: processes; 0 or less: one per core.
        curves: prosody by utterance id, or why there is none.
        further: another analysis, whose records are put behind ours.

    Raises:
        HacError: a stream or factor is not known or cannot be had.
    """
    protocol = request.protocol
    corpus = factor_corpus(
        request.labels,
        request.tokens,
        request.failures,
        protocol.factors,
        phone_policy=protocol.phone_policy,
        class_kind=protocol.class_kind,
        curves=curves,
    )
    streams = streams_of(corpus.met.tokens, request.streams)
    given = given_names(corpus.met.tokens, streams, protocol.given)
    plans = plans_of(corpus, streams, protocol)
    clusters = clusters_of(corpus.met.rows.rows)
    records, notes, conditioned = [], [], set()
    for plan in plans:
        alone = _alone(plan, jobs)
        added = _beside(plan, given, jobs)
        conditioned |= {b for _, b, _ in added}
        made, said = records_of(plan, corpus, alone, added, clusters)
        records += made
        notes += said
    extra = further(corpus, streams) if further else Extra()
    warnings = [*corpus.met.warnings, *warnings_of(corpus, clusters), *together(notes), *extra.warnings]
    results = make_results(
        COMMAND,
        about_of(request, coverage_of(corpus, defined_shares(plans[0])), warnings),
        [*records, *extra.records],
        {**protocols(protocol, corpus), **extra.protocols},
        streams={stream.name: StreamInfo.of(stream) for stream in streams},
    )
    names = tuple(stream.name for stream in streams)
    shown = tuple(name for name in names if name in conditioned)
    return Outcome(results, names, tuple(corpus.factors), shown)


def given_names(tokens: TokenStore, streams: Sequence[Stream], asked: tuple[str, ...] | None) -> tuple[str, ...]:
    """The streams that others are conditioned on: all single ones, or those asked for.

    Raises:
        HacError: one that was asked for is not scored.
    """
    single = tuple(stream.name for stream in streams if stream.name in tokens.streams or JOINER not in stream.name)
    if asked is None:
        return single
    for name in asked:
        if name not in single:
            raise HacError(f"--given {name}: there is no such stream among those scored ({', '.join(single)})")
    return asked


def plans_of(corpus: FactorCorpus, streams: Sequence[Stream], protocol: LeakageProtocol) -> list[Layout]:
    """The streams by rate and lengths, with the factors on their frames."""
    clusters = clusters_of(corpus.met.rows.rows).of_row[corpus.met.rows.of_utterance]
    # the rows of the whole manifest may be more than those at hand
    _, clusters = np.unique(clusters, return_inverse=True)
    alike: dict[tuple[Any, bytes], list[Stream]] = {}
    for stream in streams:
        key = (stream.frame_rate, hashlib.sha256(stream.bounds.tobytes()).digest())
        alike.setdefault(key, []).append(stream)
    factors: list[Factor] = list(corpus.factors.values())
    voices = (corpus.met.speakers, corpus.met.languages)
    return [layout(group, factors, voices, clusters, protocol) for group in alike.values()]


def defined_shares(plan: Layout) -> dict[str, float]:
    """Share of the frames that have a label, by factor."""
    return {factor.name: len(factor.frames) / max(plan.n_frames, 1) for factor in plan.factors}


def _alone(plan: Layout, jobs: int) -> list[list[InformationOf]]:
    """What each stream (second index) tells of each factor (first)."""
    tasks = [(plan, place) for place in range(len(plan.factors))]
    return parallel.run(unconditional, tasks, jobs=jobs, what="what streams tell", threads=True)


def _beside(plan: Layout, given: Sequence[str], jobs: int) -> dict[tuple[str, str, int], InformationOf]:
    """What each stream adds to each given one, by the place of the factor."""
    names = [stream.name for stream in plan.streams]
    places = [place for place, name in enumerate(names) if name in given]
    if len(names) < 2 or not places:
        return {}
    tasks = [(plan, b, places) for b in places]
    counted = parallel.run(conditional, tasks, jobs=jobs, what="what streams add", threads=True)
    parts = dict(zip(places, counted, strict=True))
    return {(names[a], names[b], f): one for (a, b, f), one in measured(parts, plan.factors).items()}


def records_of(
    plan: Layout,
    corpus: FactorCorpus,
    alone: Sequence[Sequence[InformationOf]],
    added: Mapping[tuple[str, str, int], InformationOf],
    clusters: Clusters,
) -> tuple[list[Record], list[tuple[str, str]]]:
    """Records of a layout's streams, and remarks as (stream, remark).

    Args:
        plan: the layout.
        corpus: the factors.
        alone: what `unconditional` measured, by factor and stream.
        added: what streams add, by stream, given stream and factor.
        clusters: behind the intervals.
    """
    records, notes = [], []
    for f, factor in enumerate(plan.factors):
        constant = _constant(corpus.factors[factor.name])
        for a, stream in enumerate(plan.streams):
            own = share_record(stream.name, "leakage", (factor.name,), alone[f][a], clusters, constant=constant)
            records.append(own)
            pairs = {b: one for (name, b, place), one in added.items() if name == stream.name and place == f}
            given = {
                b: share_record(stream.name, "leakage_adds", (factor.name, f"given={b}"), one, clusters, constant)
                for b, one in pairs.items()
            }
            if given:
                records += [least_added(factor.name, given), *given.values()]
                records.append(most_repeated(stream.name, factor.name, alone[f][a], pairs, own))
        if note := constant or _never_permuted(factor, corpus.factors[factor.name]):
            notes.append((factor.name, note))
    return records, notes


def _constant(factor: Factor) -> str:
    """Why nothing can be said of a factor, where it is constant."""
    used = np.unique(factor.tier.labels)
    used = used[used >= 0]
    if len(used) > 1:
        return ""
    if not len(used):
        return "no interval of it has a label"
    only = factor.labels[int(used[0])]
    return f"one speaker only: {only!r}" if factor.name == "speaker" else f"its only label is {only!r}"


def _never_permuted(of_frames: FrameLabels, factor: Factor) -> str:
    """Why a factor's null is the measurement itself, where permuting its labels changes none of them."""
    if not of_frames.permuted or any((draw != factor.tier.labels).any() for draw in of_frames.permuted):
        return ""
    return f"{_null_of(factor)} are the same labels again: chance explains as much, so it has no number"


def _null_of(factor: Factor) -> str:
    """What the null of a factor does."""
    return f"labels permuted over the {factor.permuted}" if factor.permuted else OVER_SPEAKERS


def warnings_of(corpus: FactorCorpus, clusters: Clusters) -> list[str]:
    """What a reader must know of factors and intervals."""
    said = [f"{name} is left out: {why}" for name, why in corpus.missing.items()]
    return [*said, f"whole corpus: {clusters.note}"] if clusters.note else said


def protocols(protocol: LeakageProtocol, corpus: FactorCorpus) -> dict[str, dict[str, Any]]:
    """What each protocol name of the records means: one for each factor, alone and given another stream."""
    made: dict[str, dict[str, Any]] = {}
    for name, factor in corpus.factors.items():
        null = _null_of(factor)
        common = {
            "factor": factor.about,
            "frames": "those whose centre lies in an interval that has a label",
            "interval": f"95 %, {METHOD}; the choice of a given stream held fixed",
            "seed": protocol.seed,
            "logarithm": "natural",
        }
        if name in ("phone", "phone_class", "position"):
            common["phone_policy"] = corpus.policy
        made[f"leakage[{name}]"] = {**common, "null": null, "n_nulls": protocol.n_nulls}
        made[f"leakage_adds[{name}]"] = {
            **common,
            "null": "the larger one of two",
            "n_nulls": protocol.n_given_nulls,
            "nulls": {
                RUNS: "codes permuted among the runs with the same given code",
                LABELS if factor.permuted else SHIFT: f"{null}; under both streams together",
            },
        }
    return made
