"""How near decoded speech is to the original: signal, pitch, words, voice, opinion, and what it costs in bits.

Every metric is measured for each utterance and kept; the corpus value is a sum divided once
(`analysis.results.ratios`), with a clustered interval. Its null compares each reconstruction with another utterance's
reference. The passes follow each other, so that one model is in memory at a time, and each is resumable: what was
measured is not measured again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from analysis.audio_quality.judged import (
    Opinions,
    Recordings,
    Vector,
    Verdicts,
    opinions_by_scale,
    scales_of,
    text_errors,
    voice_similarity,
)
from analysis.audio_quality.pairs import Pairing, compared
from analysis.audio_quality.signal import Pair, Row, SignalSettings, measure, signal_ratios
from analysis.inputs.corpus import voices_of
from analysis.inputs.request import examples, together
from analysis.parallel import cores
from analysis.reconstruction import judged, scores
from analysis.reconstruction.bit_rates import NOMINAL, Rates, given_rate
from analysis.reconstruction.coverage import coverage_of, length_warnings, table_rows
from analysis.reconstruction.inputs import REFERENCE, Condition, Material
from analysis.reconstruction.pairs import null_pairs, other_voices
from analysis.reconstruction.protocol import METRICS, ReconProtocol, protocols
from analysis.reconstruction.scores import Measured
from analysis.reconstruction.versa import read_versa
from analysis.results import ratios
from analysis.results.provenance import provenance
from analysis.results.ratios import Sample
from analysis.results.schema import Results
from hac.errors import Failure, FailureLog, HacError
from probes.transcripts import char_edits, word_edits

COMMAND = "recon"


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes:
        material: references and reconstructions.
        protocol: how to judge them.
        folder: keeps what was measured, so that a stopped run goes on.
        failures: what fell out so far.
        versa: VERSA's result files by condition.
        inputs: facts on the files that went in, by role.
        options: as given on the command line.
        system: what to call the codec.
        device: where judges compute.
    """

    material: Material
    protocol: ReconProtocol
    folder: Path
    failures: FailureLog = field(default_factory=FailureLog)
    versa: Mapping[str, Path] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    system: str = "codec"
    device: str = "cpu"


@dataclass(frozen=True)
class Outcome:
    """Results, and a row for each utterance under each condition."""

    results: Results
    rows: list[dict[str, Any]]


def run(request: Request, jobs: int = -1) -> Outcome:
    """Measure and score.

    Args:
        request: what was asked for.
        jobs: processes; 0 or less: one per core.
    """
    jobs = jobs if jobs > 0 else cores()
    material, protocol, folder, failures = request.material, request.protocol, request.folder, request.failures
    manifest, ids = material.manifest, material.manifest.ids
    languages, speakers = zip(*voices_of(ids, manifest), strict=True)
    signal_rows, measured = _signal_pass(material, protocol, folder, jobs)
    failures.extend(_unusable(ids, signal_rows))
    files = {REFERENCE: material.references, **{each.name: each.files for each in material.conditions}}
    recordings = Recordings(files, ids, folder, request.device, jobs, failures)
    words = None
    if protocol.recognizer is not None and protocol.asks("wer", "cer"):
        words = judged.transcribe(recordings, manifest, protocol.recognizer, protocol.normalizer)
        measured += _words(words, ids, protocol)
    notes = []
    if protocol.encoder is not None and protocol.asks("speaker_similarity"):
        draws, note = other_voices(ids, speakers, protocol.n_nulls, protocol.seed)
        measured += _voices(recordings.voices(protocol.encoder), draws, note)
        notes += [("speaker similarity", note)] if "same voice" in note else []
    if protocol.predictor is not None and protocol.asks("mos"):
        measured += _opinions(recordings.opinions(protocol.predictor))
    measured += _rates(material.conditions, ids, languages, speakers)
    for condition, path in request.versa.items():
        found = read_versa(path, ids, failures)
        measured += [Measured(condition, "versa", value, part=name) for name, value in found.items()]
    if not measured:
        raise HacError(f"nothing to measure: --metrics and the judges leave none of {', '.join(METRICS)}")
    samples = ratios.samples_of(ids, languages, speakers)
    notes += [(sample.names[0] or "whole corpus", sample.clusters.note) for sample in samples if _is_noted(sample)]
    warnings = [
        *length_warnings(material, signal_rows, protocol.sample_rate),
        *scores.worse_with_more(measured, material.conditions, samples[0]),
        *scores.undefined_everywhere(measured),
        *together(notes),
    ]
    order = [REFERENCE, *(condition.name for condition in material.conditions), *request.versa]
    measured.sort(key=lambda each: order.index(each.condition))
    results = Results(
        command=COMMAND,
        system=request.system,
        metrics=scores.records(measured, samples),
        protocols=protocols(protocol, judged.judges_of(folder)),
        coverage=coverage_of(material, signal_rows, protocol.sample_rate),
        failures=failures.by_reason(),
        failed=examples(failures),
        warnings=warnings,
        provenance=provenance(
            inputs=request.inputs,
            options=request.options,
            tokenizer={} if material.tokens is None else dict(material.tokens.provenance),
            alignment={},
        ),
    )
    return Outcome(results, table_rows(material, measured, signal_rows, words))


def _is_noted(sample: Sample) -> bool:
    """Notes on what is resampled: of the corpus and its languages; a single speaker never has three."""
    return bool(sample.clusters.note) and not sample.names[0].startswith("speaker=")


def _signal_pass(
    material: Material, protocol: ReconProtocol, folder: Path, jobs: int
) -> tuple[dict[str, list[Row]], list[Measured]]:
    """Rows by condition, in the order of the utterances, and the signal and pitch metrics made of them."""
    if not protocol.signal:
        return {}, []
    ids = material.manifest.ids
    settings = SignalSettings(protocol.sample_rate, protocol.signal, protocol.policy)
    draws = null_pairs(ids, protocol.n_nulls, protocol.seed, protocol.null_pairs)
    # other utterances have other lengths: the null cuts, whatever the policy is for an utterance's own reference
    own = [Pair(material.references[id], c.files[id]) for c in material.conditions for id in ids]
    others = [
        Pair(material.references[ids[v]], c.files[ids[u]], "cut-to-shorter")
        for c in material.conditions
        for draw in draws
        for u, v in enumerate(draw.tolist())
        if v >= 0
    ]
    pairs = measure([*own, *others], settings, folder / "signal", jobs)
    found, null = iter(pairs[: len(own)]), iter(pairs[len(own) :])
    rows: dict[str, list[Row]] = {}
    measured = []
    for condition in material.conditions:
        rows[condition.name] = [next(found) for _ in ids]
        drawn = [signal_ratios([next(null) if v >= 0 else None for v in draw], protocol.signal) for draw in draws]
        for metric, value in signal_ratios(rows[condition.name], protocol.signal).items():
            measured.append(Measured(condition.name, metric, value, [draw[metric] for draw in drawn]))
    return rows, measured


def _unusable(ids: Sequence[str], rows: Mapping[str, Sequence[Row]]) -> Iterator[Failure]:
    """Pairs of which nothing could be measured."""
    for condition, of in rows.items():
        for id, row in zip(ids, of, strict=True):
            if row["failed"] is not None:
                yield Failure(id, row["failed"][0], f"{condition}: {row['failed'][1]}")


def _words(words: judged.Transcripts, ids: Sequence[str], protocol: ReconProtocol) -> list[Measured]:
    """Word and character error rates of every condition and of the references."""
    draws = null_pairs(ids, protocol.n_nulls, protocol.seed)
    measured = []
    for condition, recognized in words.recognized.items():
        for metric, count in (("wer", word_edits), ("cer", char_edits)):
            if protocol.asks(metric):
                found = compared(text_errors(count, recognized, words.texts), np.arange(len(ids)), draws)
                measured.append(Measured(condition, metric, found.value, found.nulls))
    return measured


def _voices(voices: Verdicts[Vector], draws: Sequence[Pairing], note: str) -> list[Measured]:
    """Speaker similarity of every condition to the references."""
    references = voices[REFERENCE]
    measured = []
    for condition in voices:
        if condition != REFERENCE:
            similarity = voice_similarity(voices[condition], references, judged.cosine)
            found = compared(similarity, np.arange(len(references)), draws)
            measured.append(Measured(condition, "speaker_similarity", found.value, found.nulls, note=note))
    return measured


def _opinions(opinions: Verdicts[Opinions]) -> list[Measured]:
    """Predicted opinion scores of every condition and of the references, by scale."""
    scales = scales_of(chain.from_iterable(opinions.values()))
    return [
        Measured(condition, "mos", value, part=scale)
        for condition, verdicts in opinions.items()
        for scale, value in opinions_by_scale(verdicts, scales).items()
    ]


def _rates(
    conditions: Sequence[Condition],
    ids: Sequence[str],
    languages: Sequence[str | None],
    speakers: Sequence[str | None],
) -> list[Measured]:
    """Bit rates of the conditions whose tokens, or rates, are known."""
    measured = []
    of_store: dict[int, Rates] = {}
    for condition in conditions:
        if (tokens := condition.tokens) is not None:
            if id(tokens) not in of_store:
                of_store[id(tokens)] = Rates(tokens, ids, languages, speakers)
            found = of_store[id(tokens)].ratios(condition.streams)
            measured += [Measured(condition.name, "kbps", value, part=kind) for kind, value in found.items()]
        elif condition.kbps is not None:
            value = given_rate(condition.kbps, len(ids))
            measured.append(Measured(condition.name, "kbps", value, part=NOMINAL, note="as given by --kbps"))
    return measured
