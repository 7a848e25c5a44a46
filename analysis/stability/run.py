"""Does the same speech get the same tokens? Edit distances of the tokens of clean and of perturbed speech."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from analysis import parallel
from analysis.inputs.corpus import voices_of
from analysis.inputs.request import Request, about_of
from analysis.inputs.token_corpus import check_streams, token_corpus
from analysis.results import ratios
from analysis.results.builder import make_results, named, undefined_record
from analysis.results.ratios import Ratios, Sample
from analysis.results.schema import Record, Results, StreamInfo
from analysis.stability.perturbed_tokens import LEFT_OUT, Variant
from hac.data.tokens.token_store import Stream
from hac.errors import FailureLog
from probes.nulls.derangement import cycle, derangement, length_blocks
from probes.tokens.edits import Codes, Edits, borrowed, edits

Pair = tuple[Codes, Codes]
"""Codes of an utterance, clean and perturbed."""

COMMAND = "stability"
PROTOCOL = "stability"
METRICS = ("ued", "frame_ued", "frame_agreement")
NO_CLEAN, NO_PERTURBED, OTHER_TEMPO = "no-tokens-clean", "no-tokens-perturbed", "other-tempo"


@dataclass(frozen=True)
class StabilityProtocol:
    """How stability is measured; recorded with every number.

    Attributes:
        n_nulls: null draws (other utterances of like length).
        seed: of noises, nulls and draws.
    """

    n_nulls: int = 10
    seed: int = 0


@dataclass(frozen=True)
class Compared:
    """One stream under one perturbation.

    Attributes:
        stream, perturbation: which.
        ids: utterance ids.
        actual: counts of each utterance; None where it has no tokens.
        n_perturbed: frames after the perturbation; None where it has no tokens.
        reasons: why an utterance has none, else empty.
        nulls: for each null draw, counts of each utterance against another's perturbed tokens.
        keeps_time: whether frames are compared.
    """

    stream: str
    perturbation: str
    ids: tuple[str, ...]
    actual: list[Edits | None]
    n_perturbed: list[int | None]
    reasons: list[str]
    nulls: list[list[Edits | None]]
    keeps_time: bool


@dataclass(frozen=True)
class Outcome:
    """Results, and the counts behind them."""

    results: Results
    compared: list[Compared]


def run(request: Request[StabilityProtocol], variants: Sequence[Variant], jobs: int = -1) -> Outcome:
    """Compare the clean tokens of a request with those of each perturbation.

    Args:
        request: what was asked for; its tokens are the clean ones.
        variants: the perturbations.
        jobs: processes; 0 or less: one per core.

    Raises:
        HacError: there is no such stream, or no utterance that can be compared.
    """
    protocol = request.protocol
    names = check_streams(request.tokens, request.streams)
    corpus = token_corpus(request.labels.manifest, request.tokens, request.failures)
    streams = [corpus.tokens.streams[name] for name in names]
    tasks = [(stream, corpus.ids, each, protocol) for stream in streams for each in variants]
    compared: list[Compared] = parallel.run(compare, tasks, jobs=jobs, what="comparing tokens")
    languages, speakers = zip(*voices_of(corpus.ids, request.labels.manifest), strict=True)
    samples = ratios.without_speakers(ratios.samples_of(corpus.ids, languages, speakers))
    coverage = {**corpus.coverage, "perturbations": [each.name for each in variants]}
    warnings = [*corpus.warnings, *_warnings(samples[0], request.failures)]
    results = make_results(
        COMMAND,
        about_of(request, coverage, warnings),
        [record for each in compared for sample in samples for record in _records(each, sample)],
        {PROTOCOL: _protocol(protocol, variants)},
        streams={stream.name: StreamInfo.of(stream) for stream in streams},
    )
    return Outcome(results, compared)


def compare(clean: Stream, ids: tuple[str, ...], variant: Variant, protocol: StabilityProtocol) -> Compared:
    """Counts of every utterance of a stream under one perturbation, and of its nulls."""
    perturbed, places = variant.tokens[clean.name], {id: u for u, id in enumerate(variant.tokens.ids)}
    lag = nearest_frame(variant.lag_s * clean.frame_rate)
    pairs: list[Pair | None] = []
    reasons = []
    for u, id in enumerate(ids):
        reference = clean.utterance(u)
        hypothesis = perturbed.utterance(places[id]) if id in places else None
        usable = hypothesis is not None and len(reference) > 0
        pairs.append((reference, hypothesis) if hypothesis is not None and usable else None)
        reasons.append("" if usable else NO_PERTURBED if hypothesis is None else NO_CLEAN)
    actual = [edits(*pair, lag) if pair else None for pair in pairs]
    drawn = (_null(ids, pairs, lag, draw, protocol.seed) for draw in range(1, protocol.n_nulls + 1))
    nulls = list(drawn) if sum(pair is not None for pair in pairs) > 1 else []
    n_perturbed = [len(pair[1]) if pair else None for pair in pairs]
    return Compared(clean.name, variant.name, ids, actual, n_perturbed, reasons, nulls, variant.keeps_time)


def _null(ids: Sequence[str], pairs: Sequence[Pair | None], lag: int, draw: int, seed: int) -> list[Edits | None]:
    """Clean tokens of each utterance against as many perturbed tokens of others as it has itself."""
    there = [u for u, pair in enumerate(pairs) if pair]
    who = [ids[u] for u in there]
    references, hypotheses = zip(*(pair for pair in pairs if pair), strict=True)
    lengths = np.array([len(each) for each in references], np.int64)
    others = derangement(who, draw, seed, length_blocks(who, lengths, draw, seed))
    found: list[Edits | None] = [None] * len(pairs)
    for k, u in enumerate(there):
        found[u] = edits(references[k], borrowed(hypotheses, cycle(others, k), len(hypotheses[k])), lag)
    return found


def nearest_frame(frames: Fraction) -> int:
    """The frame that a place lies nearest to; half-way, the earlier one."""
    return math.ceil(frames - Fraction(1, 2))


def ratio_of(metric: str, counts: Sequence[Edits | None], reasons: Sequence[str], keeps_time: bool) -> Ratios:
    """A metric of counts, as numerators and denominators by utterance."""
    above, below = {
        "ued": ("unit_edits", "units"),
        "frame_ued": ("frame_edits", "frames"),
        "frame_agreement": ("equal", "compared"),
    }[metric]
    if metric == "frame_agreement" and not keeps_time:
        none = np.full(len(counts), np.nan)
        return ratios.ratios(none, none, [OTHER_TEMPO] * len(counts))
    numerators = [getattr(each, above) if each else math.nan for each in counts]
    denominators = [getattr(each, below) if each else math.nan for each in counts]
    return ratios.ratios(numerators, denominators, reasons)


def _records(each: Compared, sample: Sample) -> list[Record]:
    made: list[Record] = []
    for metric in METRICS:
        id = f"{each.stream}.{metric}[{each.perturbation}]"
        if metric == "frame_agreement" and not each.keeps_time:
            why = "the perturbation changes the speech's tempo"
            record = undefined_record(id, each.stream, metric, protocol=PROTOCOL, why=why, about=sample.note)
            made += named(record, sample.names)
            continue
        value = ratio_of(metric, each.actual, each.reasons, each.keeps_time)
        nulls = [ratio_of(metric, drawn, each.reasons, each.keeps_time) for drawn in each.nulls]
        notes = [] if nulls else ["no null: one utterance only"]
        made += ratios.records(id, each.stream, metric, PROTOCOL, value, sample, nulls, notes)
    return made


def _warnings(whole: Sample, failures: FailureLog) -> list[str]:
    """What a reader must know of the intervals, and of perturbations that are left out."""
    note = whole.clusters.note
    left_out = (failure for failure in failures if failure.reason == LEFT_OUT)
    return [
        *([f"whole corpus: {note}"] if note else []),
        *(f"{failure.id} is left out: {failure.detail}" for failure in left_out),
    ]


def _protocol(protocol: StabilityProtocol, variants: Sequence[Variant]) -> dict[str, Any]:
    return {
        "perturbations": [each.name for each in variants],
        "edits": "Levenshtein (rapidfuzz), each insertion, deletion and substitution 1",
        "normalization": "edits and clean lengths summed over utterances, divided once",
        "clipping": "none: tokenizers take floats beyond full scale",
        "null": "as many perturbed tokens of other utterances of like length (a derangement in blocks of 8)",
        "n_nulls": protocol.n_nulls,
        "interval": "95 %, cluster-jackknife-t",
        "seed": protocol.seed,
    }
