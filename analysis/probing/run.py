"""Trained probes: what can be told of a factor from a stream, from all streams, and from a stream beyond the others."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import parallel
from analysis.probing.disentanglement import ALL, dci_records
from analysis.probing.scores import (
    EMBEDDING,
    GIVEN_OTHERS,
    MAJORITY,
    PROTOCOL,
    Conditional,
    Probed,
    conditional_record,
    information_of,
    probe_records,
)
from analysis.probing.tasks import Asked, ProbeProtocol, Voices, ask
from analysis.results.builder import mean_sd
from analysis.results.ratios import Sample, samples_of
from analysis.results.schema import Record
from hac.data.tokens.token_store import Stream
from probes.classifiers.crossfit import PENALTIES, cross_fit, cross_fit_priors
from probes.classifiers.linear import Features, one_hot
from probes.leakage.factors import Factor
from probes.nulls.circular_shift import OVER_SPEAKERS, ShiftedStream, speaker_rings
from probes.nulls.derangement import deranged_codes
from probes.tokens.frame_matching import codes_at

Vectors = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ProbeOutcome:
    """What probes said.

    Attributes:
        records: of every stream and factor, then of what streams add, of all streams, and the summary.
        protocols: what the protocol names of the records mean.
        importance: float64 [n_streams, n_factors], usable information, chance-corrected, at least 0.
        streams, factors: names of its rows and columns; joint streams are none of them.
    """

    records: list[Record]
    protocols: dict[str, dict[str, Any]]
    importance: NDArray[np.float64]
    streams: tuple[str, ...]
    factors: tuple[str, ...]


def probe_streams(
    streams: Sequence[Stream],
    factors: Sequence[Factor],
    voices: Voices,
    protocol: ProbeProtocol,
    embeddings: Mapping[str, Vectors] | None = None,
    jobs: int = -1,
    joint: Collection[str] = (),
) -> ProbeOutcome:
    """Probe every stream for every factor.

    Args:
        streams: of the same utterances as the factors.
        factors: what may be told.
        voices: who speaks each utterance.
        protocol: see `ProbeProtocol`.
        embeddings: vectors by stream name, [n_frames of the stream, d].
        jobs: processes; 0 or less: one per core.
        joint: names of streams that join others: they are probed, but are none of those that stand beside each other.

    Raises:
        ValueError: vectors of a stream that is not there, or not as many as it has frames.
    """
    embeddings = dict(embeddings or {})
    _check(streams, embeddings)
    sample = samples_of(voices.ids, voices.languages, voices.speakers)[0]
    asked = _ask_all(streams, factors, voices, protocol)
    tasks = [
        (stream, asked[stream.name, factor.name], protocol, vectors)
        for factor in factors
        for stream in streams
        for vectors in ([None, embeddings[stream.name]] if stream.name in embeddings else [None])
    ]
    probed = parallel.run(_probe, tasks, jobs=jobs, what="probing streams")
    single = [stream for stream in streams if stream.name not in joint]
    together, added = _conditionals(single, factors, voices, asked, protocol, jobs)
    records = [record for one in probed for record in probe_records(one, sample)]
    records += [conditional_record(one, sample) for one in added]
    records += [record for one in together for record in probe_records(one, sample)]
    importance, summary = _summary(single, factors, probed, together, sample, protocol)
    names = tuple(stream.name for stream in single), tuple(factor.name for factor in factors)
    return ProbeOutcome([*records, *summary], _protocols(protocol, asked), importance, *names)


def _check(streams: Sequence[Stream], embeddings: Mapping[str, Vectors]) -> None:
    frames = {stream.name: len(stream.codes) for stream in streams}
    for name, vectors in embeddings.items():
        if name not in frames or len(vectors) != frames[name]:
            raise ValueError(f"{len(vectors)} vectors of stream {name!r}, which has {frames.get(name)} frames")


def _ask_all(
    streams: Sequence[Stream], factors: Sequence[Factor], voices: Voices, protocol: ProbeProtocol
) -> dict[tuple[str, str], Asked]:
    """The task of each stream and factor; streams of the same rate and lengths share it."""
    made: dict[tuple[Any, ...], Asked] = {}
    asked = {}
    for stream in streams:
        lie = stream.frame_rate, hashlib.sha256(stream.bounds.tobytes()).digest()
        for factor in factors:
            if (*lie, factor.name) not in made:
                made[*lie, factor.name] = ask(factor, stream, voices, protocol)
            asked[stream.name, factor.name] = made[*lie, factor.name]
    return asked


def _probe(stream: Stream, asked: Asked, protocol: ProbeProtocol, vectors: Vectors | None) -> Probed:
    """One stream and one factor: the probe and those of shuffled labels."""
    empty = Probed(stream.name, asked.factor, EMBEDDING if vectors is not None else "", note=asked.note)
    if asked.task is None:
        return empty
    features = one_hot([stream.codes]) if vectors is None else Features(vectors)
    return _filled(empty, features, asked, protocol)


def _filled(empty: Probed, features: Features, asked: Asked, protocol: ProbeProtocol) -> Probed:
    assert asked.task is not None
    task = asked.task
    nulls = (cross_fit(features, task, draw, protocol.seed) for draw in range(1, protocol.n_shuffles + 1))
    return replace(empty, held=cross_fit(features, task), prior=cross_fit_priors(task), nulls=tuple(nulls))


def _conditionals(
    streams: Sequence[Stream],
    factors: Sequence[Factor],
    voices: Voices,
    asked: Mapping[tuple[str, str], Asked],
    protocol: ProbeProtocol,
    jobs: int,
) -> tuple[list[Probed], list[Conditional]]:
    """Probes on all streams together, and what each stream adds to all others."""
    if not protocol.given or len(streams) < 2:
        return [], []
    # all streams are looked at where the first one has its frames, so that sums compare frame by frame
    first = streams[0]
    beside = [replace(first, name=s.name, codebook_size=s.codebook_size, codes=codes_at(first, s)) for s in streams]
    wholes = [(beside, asked[first.name, factor.name], protocol) for factor in factors]
    together = parallel.run(_together, wholes, jobs=jobs, what="probing all streams at once")
    parts = [
        (beside, i, factor.kind == "utterance", voices, asked[first.name, factor.name], whole, protocol)
        for factor, whole in zip(factors, together, strict=True)
        for i in range(len(streams))
    ]
    return together, parallel.run(_added, parts, jobs=jobs, what="probing what streams add")


def _together(streams: Sequence[Stream], asked: Asked, protocol: ProbeProtocol) -> Probed:
    empty = Probed(ALL, asked.factor, note=asked.note)
    return empty if asked.task is None else _filled(empty, _beside(streams), asked, protocol)


def _added(
    streams: Sequence[Stream],
    index: int,
    is_of_utterance: bool,
    voices: Voices,
    asked: Asked,
    whole: Probed,
    protocol: ProbeProtocol,
) -> Conditional:
    """What one stream adds to the others, under the penalties that the probe on all streams chose."""
    stream = streams[index]
    if asked.task is None or whole.held is None:
        return Conditional(stream.name, asked.factor, note=asked.note)
    task, penalties = asked.task, whole.held.penalties
    others = [other for i, other in enumerate(streams) if i != index]
    shifted = ShiftedStream(stream, speaker_rings(voices.ids, voices.languages, voices.speakers))
    nulls = []
    for draw in range(1, protocol.n_given_nulls + 1):
        # what is the same in all utterances of a speaker is not lost by a circular shift over them
        if is_of_utterance:
            codes = deranged_codes(voices.ids, stream, draw, protocol.seed)
        else:
            codes = shifted.draw(draw, protocol.seed).codes
        chance = [*streams[:index], replace(stream, codes=codes), *streams[index + 1 :]]
        nulls.append(cross_fit(_beside(chance), task, penalties=penalties))
    without = cross_fit(_beside(others), task, penalties=penalties)
    return Conditional(stream.name, asked.factor, without, whole.held, whole.prior, tuple(nulls), asked.note)


def _beside(streams: Sequence[Stream]) -> Features:
    return one_hot([stream.codes for stream in streams])


def _summary(
    streams: Sequence[Stream],
    factors: Sequence[Factor],
    probed: Sequence[Probed],
    together: Sequence[Probed],
    sample: Sample,
    protocol: ProbeProtocol,
) -> tuple[NDArray[np.float64], list[Record]]:
    """Disentanglement and completeness of the usable information, and how well factors are told from all streams."""
    shape = len(streams), len(factors)
    values, left_out = np.zeros(shape), np.zeros((sample.clusters.n, *shape))
    place = {stream.name: i for i, stream in enumerate(streams)}, {factor.name: j for j, factor in enumerate(factors)}
    n = 0
    for one in probed:
        if one.variant or one.stream not in place[0] or one.held is None or one.prior is None:
            continue
        at = place[0][one.stream], place[1][one.factor]
        information = information_of(one.held, one.prior)
        chance = mean_sd(np.array([information_of(null, one.prior).value() for null in one.nulls]))[0]
        # a null below zero is a probe that does worse than nothing, not a bias to be taken back
        floor = max(chance, 0.0) if one.nulls else 0.0
        values[at], left_out[:, *at] = information.value() - floor, sample.without_each(information) - floor
        n = max(n, int(one.held.n.sum()))
    names = [stream.name for stream in streams], [factor.name for factor in factors]
    made = dci_records(
        values,
        *names,
        source=PROTOCOL,
        protocol=PROTOCOL,
        n=n,
        left_out=np.nan_to_num(left_out),
        seed=protocol.seed,
    )
    return np.maximum(values, 0), [*made, *_informativeness(together, sample)]


def _informativeness(together: Sequence[Probed], sample: Sample) -> list[Record]:
    """The usable information of all streams under its name in the summary."""
    made = []
    for one in together:
        record = next(r for r in probe_records(one, sample) if ".probe_information" in r.id)
        made.append(record.model_copy(update={"id": f"{ALL}.dci_informativeness[{PROTOCOL}|{one.factor}]"}))
    return made


def _protocols(protocol: ProbeProtocol, asked: Mapping[tuple[str, str], Asked]) -> dict[str, dict[str, Any]]:
    splits = {one.factor: one.split for one in asked.values()}
    about = {
        "probe": "multinomial logistic regression on one-hot codes, or on standardized vectors where [embedding]",
        "penalties_c": list(PENALTIES),
        "penalty": "chosen on the training part's own folds, strongest first, until what is held out gets worse; "
        f"under [{GIVEN_OTHERS}] as the probe on all streams chose",
        "splits": splits,
        "n_folds": protocol.n_folds,
        "max_training_frames": protocol.max_frames,
        "thinning": "every s-th frame of each utterance, from a place that a hash of its id tells",
        "max_classes": protocol.max_classes,
        "null": "probes trained on labels exchanged between utterances (speaker, gender, language) or runs; under "
        f"[{GIVEN_OTHERS}] the stream's codes under {OVER_SPEAKERS}; or another utterance's",
        "nulls": {MAJORITY: "the training part's class shares"},
        "n_nulls": protocol.n_shuffles,
        "n_given_nulls": protocol.n_given_nulls,
        "interval": "95 %, cluster-jackknife-t, probes held fixed",
        "seed": protocol.seed,
        "logarithm": "natural",
    }
    return {PROTOCOL: about}
