"""How near decoded speech is to the original: signal, pitch, words, voice, opinion, and what it costs in bits.

Every metric is measured for each utterance and kept; the corpus value is a sum divided once
(`analysis.results.ratios`), with a clustered interval. Its null compares each reconstruction with another utterance's
reference. The passes follow each other, so that one model is in memory at a time, and each is resumable: what was
measured is not measured again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from analysis.audio_quality.judged import Recordings, opinions_by_scale, scales_of, text_errors, voice_similarity
from analysis.audio_quality.pairs import compared
from analysis.audio_quality.signal import Pair, Row, SignalSettings, measure, signal_ratios
from analysis.inputs.request import examples, together
from analysis.parallel import cores
from analysis.reconstruction import judged, scores
from analysis.reconstruction.bit_rates import Rates
from analysis.reconstruction.coverage import coverage_of, length_warnings, table_rows
from analysis.reconstruction.inputs import REFERENCE, Material
from analysis.reconstruction.pairs import null_pairs, other_voices
from analysis.reconstruction.protocol import METRICS, ReconProtocol, protocols
from analysis.reconstruction.scores import Measurements
from analysis.reconstruction.versa import read_versa
from analysis.results import ratios
from analysis.results.provenance import provenance
from analysis.results.ratios import Sample
from analysis.results.schema import Results
from hac.errors import FailureLog, HacError
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
    material, protocol = request.material, request.protocol
    measurements, notes = Measurements(), list[tuple[str, str]]()
    signal_rows = _signal_pass(request, measurements, jobs)
    files = {REFERENCE: material.references, **{each.name: each.files for each in material.conditions}}
    ids = material.manifest.ids
    recordings = Recordings(files, ids, request.folder, request.device, jobs, request.failures)
    words = _word_pass(request, measurements, recordings)
    _voice_pass(request, measurements, notes, recordings)
    _opinion_pass(request, measurements, recordings)
    _rates(material, measurements)
    for condition, path in request.versa.items():
        for name, value in read_versa(path, material.manifest.ids, request.failures).items():
            measurements.add(condition, "versa", value, part=name)
    if not measurements.measured:
        raise HacError(f"nothing to measure: --metrics and the judges leave none of {', '.join(METRICS)}")
    utterances = material.manifest.utterances
    samples = ratios.samples_of(
        material.manifest.ids,
        [u.language for u in utterances],
        [u.speaker for u in utterances],
    )
    notes += [(sample.names[0] or "whole corpus", sample.clusters.note) for sample in samples if _is_told(sample)]
    warnings = [
        *length_warnings(material, signal_rows, protocol.sample_rate),
        *scores.worse_with_more(measurements, material.conditions, samples[0]),
        *scores.undefined_everywhere(measurements),
        *together(notes),
    ]
    coverage = coverage_of(material, signal_rows, protocol.sample_rate)
    results = _results(request, measurements, samples, coverage, warnings)
    return Outcome(results, table_rows(material, measurements, signal_rows, words))


def _is_told(sample: Sample) -> bool:
    """Notes on what is resampled: of the corpus and its languages; a single speaker never has ten."""
    return bool(sample.clusters.note) and not sample.names[0].startswith("speaker=")


def _signal_pass(request: Request, measurements: Measurements, jobs: int) -> dict[str, list[Row]]:
    """Signal and pitch metrics; rows by condition, in the order of the utterances."""
    material, protocol = request.material, request.protocol
    ids = material.manifest.ids
    settings = SignalSettings(protocol.sample_rate, protocol.signal, protocol.policy)
    if not protocol.signal:
        return {}
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
    measured = measure([*own, *others], settings, request.folder / "signal", jobs)
    found, null = iter(measured[: len(own)]), iter(measured[len(own) :])
    rows: dict[str, list[Row]] = {}
    for condition in material.conditions:
        rows[condition.name] = [next(found) for _ in ids]
        for id, row in zip(ids, rows[condition.name], strict=True):
            if row["failed"] is not None:
                request.failures.add(id, row["failed"][0], f"{condition.name}: {row['failed'][1]}")
        drawn = [signal_ratios([next(null) if v >= 0 else None for v in draw], protocol.signal) for draw in draws]
        for metric, value in signal_ratios(rows[condition.name], protocol.signal).items():
            measurements.add(condition.name, metric, value, [draw[metric] for draw in drawn])
    return rows


def _word_pass(request: Request, measurements: Measurements, recordings: Recordings) -> judged.Transcripts | None:
    protocol, ids = request.protocol, recordings.ids
    if protocol.recognizer is None or not protocol.asks("wer", "cer"):
        return None
    words = judged.transcribe(recordings, request.material.manifest, protocol.recognizer, protocol.normalizer)
    draws = null_pairs(ids, protocol.n_nulls, protocol.seed)
    for condition, recognized in words.recognized.items():
        for metric, count in (("wer", word_edits), ("cer", char_edits)):
            if protocol.asks(metric):
                found = compared(text_errors(count, recognized, words.texts), np.arange(len(ids)), draws)
                measurements.add(condition, metric, found.value, found.nulls)
    return words


def _voice_pass(
    request: Request, measurements: Measurements, notes: list[tuple[str, str]], recordings: Recordings
) -> None:
    protocol, manifest = request.protocol, request.material.manifest
    if protocol.encoder is None or not protocol.asks("speaker_similarity"):
        return
    voices = recordings.voices(protocol.encoder)
    speakers = [utterance.speaker for utterance in manifest.utterances]
    draws, note = other_voices(manifest.ids, speakers, protocol.n_nulls, protocol.seed)
    for condition in request.material.conditions:
        similarity = voice_similarity(voices[condition.name], voices[REFERENCE], judged.cosine)
        found = compared(similarity, np.arange(len(manifest)), draws)
        measurements.add(condition.name, "speaker_similarity", found.value, found.nulls, note=note)
    if "same voice" in note:
        notes.append(("speaker similarity", note))


def _opinion_pass(request: Request, measurements: Measurements, recordings: Recordings) -> None:
    protocol = request.protocol
    if protocol.predictor is None or not protocol.asks("mos"):
        return
    found = recordings.opinions(protocol.predictor)
    scales = scales_of(chain.from_iterable(found.values()))
    for condition, verdicts in found.items():
        for scale, value in opinions_by_scale(verdicts, scales).items():
            measurements.add(condition, "mos", value, part=scale)


def _rates(material: Material, measurements: Measurements) -> None:
    if material.tokens is None:
        return
    utterances = material.manifest.utterances
    rates = Rates(
        material.tokens, material.manifest.ids, [u.language for u in utterances], [u.speaker for u in utterances]
    )
    for condition in material.conditions:
        if condition.streams:
            found = rates.ratios(condition.streams)
            for kind, value in found.items():
                measurements.add(condition.name, "kbps", value, part=kind)


def _results(
    request: Request,
    measurements: Measurements,
    samples: Sequence[Sample],
    coverage: Mapping[str, Any],
    warnings: Sequence[str],
) -> Results:
    tokens = request.material.tokens
    order = [REFERENCE, *(condition.name for condition in request.material.conditions), *request.versa]
    measurements.measured.sort(key=lambda each: order.index(each.condition))
    return Results(
        command=COMMAND,
        system=request.system,
        metrics=scores.records(measurements, samples),
        protocols=protocols(request.protocol, judged.judges_of(request.folder)),
        coverage=dict(coverage),
        failures=request.failures.by_reason(),
        failed=examples(request.failures),
        warnings=list(warnings),
        provenance=provenance(
            inputs=request.inputs,
            options=request.options,
            tokenizer={} if tokens is None else dict(tokens.provenance),
            alignment={},
        ),
    )
