"""Decode a token store to audio files, resumably.

An utterance becomes one file, named by its id as far as that is safe (`hac.coding.decoded_audio`). The file holds a
hash of all that its audio depends on (weights, streams, codes, length), so a finished file is never made again, and one
whose tokens or model changed is never mistaken for finished.

Length: tokens tell how many frames there are, `ceil(n / hop)`, and not the number n of samples. So the audio is
whole frames, up to one frame longer than the recording was, unless a manifest tells the duration.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hac.coding.decode_input import check_streams, check_weights, loaded_decoder, open_tokens
from hac.coding.decoded_audio import FORMATS, file_names, read_mark, write_marked
from hac.coding.decoders import BLOCK_S, Decoder, decode_blocks
from hac.data.audio.audio import AudioError, resampled_length
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.timeline import US_PER_S, samples_to_us
from hac.data.tokens.token_store import TokenStore
from hac.errors import Failure, FailureLog, HacError
from hac.files.atomic import remove_leftovers
from hac.parallel.parts import cut, run_parts
from hac.parallel.pool import on_cluster, wait_for

TASK_S = 60.0
"""Seconds of audio given to a process at a time."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a run made.

    Attributes:
        path: `manifest.jsonl` in the folder of the audio files.
        manifest: its content: every decoded utterance, also those that were finished before.
        n_new: utterances decoded in this run.
        streams: names of the streams that are heard.
    """

    path: Path
    manifest: Manifest
    n_new: int
    decoder: str
    streams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """One utterance to decode; `mark` is the hash of what its audio depends on."""

    id: str
    path: Path
    codes: Mapping[str, NDArray[np.int32]]
    n_samples: int
    mark: str


@dataclass(frozen=True, slots=True)
class _Task:
    """Utterances that a process is given at a time."""

    jobs: tuple[_Job, ...]
    sample_rate: int

    @property
    def seconds(self) -> float:
        return sum(job.n_samples for job in self.jobs) / self.sample_rate


@dataclass(frozen=True, slots=True)
class _Settings:
    """How to decode, as every process needs to know it."""

    decoder: str | Decoder
    device: str
    block_s: float
    strict: bool


def decode_corpus(
    tokens: Path,
    out: Path,
    *,
    checkpoint: str | Decoder | None = None,
    levels: Sequence[str] | None = None,
    n_quantizers: int | None = None,
    format: str = "wav",
    ids: Iterable[str] | None = None,
    manifest: Manifest | None = None,
    device: str = "cpu",
    jobs: int = 1,
    block_s: float = BLOCK_S,
    force: bool = False,
    failures: FailureLog | None = None,
) -> Decoded:
    """Decode every utterance of a token store; go on where an earlier run of the same call stopped.

    Args:
        tokens: a token store of any format that `read_tokens` reads.
        out: folder for the audio files and their `manifest.jsonl`.
        checkpoint: the model that made the tokens, or a decoder (which must be picklable where `jobs` > 1); None:
            what the store's provenance names.
        levels: the levels of a HAC model to be heard; None: all.
        n_quantizers: residual quantizers to use; None: as many as the tokens have.
        format: `wav` or `flac`, both with 16 bits.
        ids: utterances to decode; None: all.
        manifest: cuts each utterance to its duration there, and hands its speaker, language and text on.
        block_s: seconds of audio made at once.
        force: decode even if the provenance names other weights than the checkpoint has.
        failures: where utterances that cannot be decoded are noted; they are left out.

    Raises:
        HacError: no such tokens, model, level or utterance; tokens of another model; nothing that could be
            decoded; a full disk; or (strict failures) the first utterance that could not be decoded.
    """
    if jobs == 0:
        raise HacError("0 jobs were asked for; give 1 or more, or -1 for one per core")
    if format not in FORMATS:
        raise HacError(f"format {format!r} was asked for; expected {' or '.join(FORMATS)}")
    failures = FailureLog() if failures is None else failures
    here = "cpu" if on_cluster() else device  # where a cluster has the GPUs, there need be none here
    store, name = open_tokens(Path(tokens), checkpoint, here)
    decoder = loaded_decoder(name, here)
    if not force:
        check_weights(store, decoder, tokens)
    streams = decoder.choose(store.streams, levels, n_quantizers)
    check_streams(store, decoder, streams, tokens)
    # over all ids, so that a part of the store gets the names that the whole would give
    paths = {id: Path(out, f"{name}.{format}") for id, name in zip(store.ids, file_names(store.ids), strict=True)}
    planned = _plan(store if ids is None else store.select(ids), decoder, streams, paths, manifest, failures)
    missing = [job for job in planned if read_mark(job.path, job.n_samples) != job.mark]
    settings = _Settings(name, device, block_s, failures.strict)
    failed = _decode_missing(planned, missing, settings, decoder.sample_rate, jobs if device == "cpu" else 1)
    failures.extend(failed.values())
    remove_leftovers(job.path for job in missing)
    made = _manifest([job for job in planned if job.id not in failed], decoder, Path(out), manifest, failures)
    write_manifest(made, Path(out, "manifest.jsonl"))
    return Decoded(Path(out, "manifest.jsonl"), made, len(missing) - len(failed), decoder.name, streams)


def _plan(
    store: TokenStore,
    decoder: Decoder,
    streams: Sequence[str],
    paths: Mapping[str, Path],
    manifest: Manifest | None,
    failures: FailureLog,
) -> list[_Job]:
    """What is to be decoded; what cannot be is noted."""
    jobs = []
    basis = [f"hac-codec {version('hac-codec')}", decoder.weights_sha256, decoder.sample_rate, list(streams)]
    for index, id in enumerate(store.ids):
        codes = {name: store[name].utterance(index) for name in streams}
        n_samples = _length(id, len(codes[streams[0]]), decoder, manifest)
        if isinstance(n_samples, Failure):
            failures.extend([n_samples])
            continue
        digest = hashlib.sha256(json.dumps([*basis, id, n_samples]).encode())
        for row in codes.values():
            digest.update(np.ascontiguousarray(row, dtype="<i4").tobytes())
        jobs.append(_Job(id, paths[id], codes, n_samples, digest.hexdigest()))
    return jobs


def _length(id: str, n_frames: int, decoder: Decoder, manifest: Manifest | None) -> int | Failure:
    """Samples to write for an utterance, or why there can be none."""
    if not id or id.encode(errors="ignore").decode() != id:
        return Failure(ascii(id), "id-text", "its id is empty or holds half a character; rename it in the token file")
    if n_frames == 0:
        return Failure(id, "tokens-empty", "it has no frames, so there is nothing to decode")
    n_whole = n_frames * decoder.hop_samples
    if manifest is None:
        return n_whole
    if id not in manifest.by_id:
        return Failure(id, "manifest-missing", "it is not in the manifest, which was to tell its duration")
    n_samples = resampled_length(manifest.durations_us[id], US_PER_S, decoder.sample_rate)
    n_expected = -(-n_samples // decoder.hop_samples)
    # a duration is rounded to the microsecond, and so may be off by the sample that starts a frame
    if abs(n_frames - n_expected) > 1:
        detail = f"it has {n_frames} frames, and its duration in the manifest would give {n_expected}"
        return Failure(id, "tokens-duration", f"{detail}; give the manifest that was encoded")
    return min(n_samples, n_whole)


def _decode_missing(
    planned: Sequence[_Job], missing: Sequence[_Job], settings: _Settings, sample_rate: int, jobs: int
) -> dict[str, Failure]:
    """Make the files that are not there yet, in `jobs` processes; returns what failed by id, in order."""
    failed: dict[str, Failure] = {}
    total_s = sum(job.n_samples for job in planned) / sample_rate
    tasks = [_Task(group, sample_rate) for group in cut(missing, lambda job: job.n_samples / sample_rate, TASK_S)]
    for trouble in run_parts(_decode, tasks, settings, total_s=total_s, jobs=jobs, description="decoding"):
        failed |= {failure.id: failure for failure in trouble}
    wait_for(job.path for job in missing if job.id not in failed)
    return {job.id: failed[job.id] for job in missing if job.id in failed}


def _decode(task: _Task, settings: _Settings) -> list[Failure]:
    """What a process does at a time; returns what failed."""
    decoder = loaded_decoder(settings.decoder, settings.device)
    failed = FailureLog(settings.strict)
    # as when encoding: on a CPU every process computes in one thread
    with threadpool_limits(1 if settings.device == "cpu" else None):
        for job in task.jobs:
            blocks = _cut(decode_blocks(decoder, job.codes, settings.block_s), job.n_samples)
            try:
                write_marked(job.path, blocks, decoder.sample_rate, job.mark)
            except AudioError as error:
                failed.add(job.id, error.reason, error.detail)
    return failed.items


def _cut(blocks: Iterable[NDArray[np.float32]], n_samples: int) -> Iterator[NDArray[np.float32]]:
    """The first `n_samples` of a stream of blocks."""
    for block in blocks:
        yield block[:n_samples]
        n_samples -= len(block[:n_samples])


def _manifest(
    done: Sequence[_Job], decoder: Decoder, out: Path, manifest: Manifest | None, failures: FailureLog
) -> Manifest:
    """The decoded utterances; speaker, language and text as the given manifest has them."""
    if not done:
        first = next(iter(failures), None)
        reason = f"; the first: {first.detail} (utterance {first.id[:80]!r})" if first else ""
        raise HacError(f"none of the utterances could be decoded{reason}")
    rows = []
    for job in done:
        seconds = samples_to_us(job.n_samples, decoder.sample_rate) / US_PER_S
        row = Utterance(job.id, job.path.name, seconds)
        if manifest is not None:
            row = replace(manifest.by_id[job.id], path=row.path, duration=seconds, alignment=None)
        rows.append(row)
    return Manifest(out, tuple(rows))
