"""k-means units: features of a speech encoder or MFCC, each frame named by its nearest centroid.

One stream, `units`. A fitted tokenizer is a folder of two files: `tokenizer.json` says how the units came
about (features, layer, K, seed, rate, the manifest's hash, versions), `centroids.safetensors` holds the
centroids. The same manifest, features and seed give the same bytes. `mfcc-kmeans` needs no weights and
never imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hac.data.audio.audio import iter_audio
from hac.data.manifest.manifest import Manifest
from hac.data.timeline import parse_rate
from hac.data.tokens.stream_options import StreamSpec
from hac.errors import FailureLog, HacError, failure_of
from hac.files.atomic import sha256_file, write_tensors, write_text
from hac.hub import model_folder, read_json
from hac.tokenizers.base import mono
from hac.tokenizers.kmeans_fit import N_STARTS, FrameReservoir, fit_centroids, nearest_centroid

FORMAT = "hac-kmeans"
VERSION = 1
STREAM = "units"
FIT_BLOCK_S = 30.0
"""Longer recordings are fitted in blocks, which bounds memory; encoding never cuts an utterance."""


class Features(Protocol):
    """Frames of an utterance: what k-means clusters."""

    sample_rate: int
    frame_rate: Fraction
    dim: int

    def describe(self) -> dict[str, Any]:
        """The settings that fix the features, for provenance."""
        ...

    def extract(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [n_samples] at `sample_rate` -> float32 [n_frames, dim]."""
        ...


@dataclass(frozen=True)
class FittedUnits:
    """What a fit leaves: the centroids, float32 [K, dim], and the record beside them (`tokenizer.json`)."""

    centroids: NDArray[np.float32]
    record: Mapping[str, Any]


class KMeansTokenizer:
    """Features and centroids behind the `Tokenizer` interface."""

    def __init__(
        self, name: str, features: Features, centroids: NDArray[np.float32], provenance: Mapping[str, Any]
    ) -> None:
        self.name = name
        self.sample_rate = features.sample_rate
        self.streams = (StreamSpec(STREAM, len(centroids), features.frame_rate),)
        self.provenance = dict(provenance)
        self._features = features
        self._centroids = centroids

    def encode(self, batch: Sequence[NDArray[np.float32]]) -> list[dict[str, NDArray[np.int32]]]:
        """Encode utterances one by one; the number of tokens is the features' number of frames."""
        return [{STREAM: self._encode_one(mono(samples))} for samples in batch]

    def embed(self, samples: NDArray[np.float32], quantized: bool = False) -> dict[str, NDArray[np.float32]]:
        """The features of each frame, or with `quantized` its centroid: float32 [n_frames, d]."""
        if quantized:
            return {STREAM: self._centroids[self._encode_one(mono(samples))]}
        return {STREAM: np.asarray(self._features.extract(mono(samples)), np.float32)}

    def _encode_one(self, samples: NDArray[np.float32]) -> NDArray[np.int32]:
        return nearest_centroid(self._features.extract(samples), self._centroids)


def fit(
    kind: str,
    manifest: Manifest,
    features: Features,
    n_clusters: int,
    seed: int = 0,
    max_frames: int | None = None,
    n_starts: int = N_STARTS,
    failures: FailureLog | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> FittedUnits:
    """Fit k-means units on a manifest's audio.

    Args:
        kind: `kmeans` or `mfcc-kmeans`.
        manifest: the recordings; one that cannot be read is counted in `failures` and left out.
        seed: of the sample of frames and of k-means.
        max_frames: frames sampled uniformly from the corpus; by default as many as fit into 1 GiB.
        n_starts: k-means++ starts, of which the best is gone on with.
        advance: called with 1 after each recording.

    Raises:
        HacError: no recording is usable, or there are fewer frames than clusters.
    """
    failures = FailureLog() if failures is None else failures
    reservoir = FrameReservoir(features.dim, max_frames, seed)
    for utterance in manifest.utterances:
        try:
            path = manifest.audio_path(utterance)
            for block in iter_audio(path, features.sample_rate, FIT_BLOCK_S):
                reservoir.add(features.extract(mono(block)))
        except HacError as error:
            failures.extend([failure_of(utterance.id, error, "audio-unusable")])
        advance(1)
    if reservoir.n_seen == 0:
        raise HacError(f"{manifest.root}: none of the manifest's {len(manifest.utterances)} recordings gave a frame")
    frames = reservoir.sample()
    centroids = fit_centroids(frames, n_clusters, seed, n_starts)
    return FittedUnits(
        centroids,
        {
            "format": FORMAT,
            "version": VERSION,
            "kind": kind,
            "k": n_clusters,
            "seed": seed,
            "n_starts": n_starts,
            "sample_rate": features.sample_rate,
            "frame_rate": str(features.frame_rate),
            "features": features.describe(),
            "manifest_sha256": manifest.sha256,
            "n_utterances": len(manifest.utterances),
            "n_failures": len(failures),
            "n_frames": reservoir.n_seen,
            "n_frames_fitted": len(frames),
            "libraries": {name: version(name) for name in ("scikit-learn", "numpy")},
        },
    )


def save(fitted: FittedUnits, folder: Path) -> None:
    """Write `centroids.safetensors`, then `tokenizer.json`, which names its hash: a folder is whole or refused."""
    path = folder / "centroids.safetensors"
    write_tensors(path, {"centroids": fitted.centroids})
    record = {**fitted.record, "centroids_sha256": sha256_file(path)}
    write_text(folder / "tokenizer.json", json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def load(kind: str, where: str, device: str = "cpu", **options: str) -> KMeansTokenizer:
    """Load a fitted folder (or hub id).

    Args:
        kind: `kmeans` or `mfcc-kmeans`.
        where: the folder `hac tokenizer fit` wrote.
        device: torch device of the speech encoder; MFCC run on the CPU.
        options: `encoder`, where the speech encoder lies now if it was moved; `revision` of a hub id.

    Raises:
        HacError: the folder is missing, incomplete, damaged or of another kind, or the encoder differs from
            the one it was fitted on.
    """
    folder, commit = model_folder(where, options.get("revision"))
    record = read_json(folder / "tokenizer.json")
    if record.get("format") != FORMAT or record.get("kind") != kind:
        found = record.get("kind") if record.get("format") == FORMAT else "another program's file"
        raise HacError(f"{where}: its tokenizer.json is {found!r}, expected a {kind} that hac tokenizer fit wrote")
    if record.get("version") != VERSION:
        raise HacError(f"{where}: tokenizer.json has version {record.get('version')!r}, expected {VERSION}")
    centroids = _read_centroids(where, folder / "centroids.safetensors", record)
    features = _load_features(where, record, device, options)
    if centroids.shape != (record.get("k"), features.dim):
        raise HacError(
            f"{where}: centroids of shape {centroids.shape}, expected ({record.get('k')}, {features.dim}); fit it anew"
        )
    if parse_rate(str(record.get("frame_rate"))) != features.frame_rate:
        raise HacError(
            f"{where}: fitted at {record.get('frame_rate')} frames/s, but its features come at {features.frame_rate}"
        )
    provenance = {"where": where, "revision": commit, **record}
    return KMeansTokenizer(f"{kind}:{where}", features, centroids, provenance)


load_kmeans = partial(load, "kmeans")
load_mfcc_kmeans = partial(load, "mfcc-kmeans")


def _read_centroids(where: str, path: Path, record: Mapping[str, Any]) -> NDArray[np.float32]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.is_file():
        raise HacError(f"{where}: holds no centroids.safetensors; fit it anew with hac tokenizer fit")
    if sha256_file(path) != record.get("centroids_sha256"):
        raise HacError(f"{where}: centroids.safetensors is not the file its tokenizer.json names; fit it anew")
    try:
        return np.asarray(load_file(path)["centroids"], dtype=np.float32)
    except (SafetensorError, KeyError) as error:
        raise HacError(f"{where}: centroids.safetensors cannot be read ({error})") from error


def _load_features(where: str, record: Mapping[str, Any], device: str, options: Mapping[str, str]) -> Features:
    settings = record.get("features")
    if not isinstance(settings, dict):
        raise HacError(f"{where}: tokenizer.json names no features; fit it anew with hac tokenizer fit")
    if settings.get("kind") == "mfcc":
        from hac.features.mfcc import MfccFeatures

        return MfccFeatures()
    from hac.features.speech_encoder import load_encoder

    encoder = options.get("encoder", str(settings.get("where")))
    features = load_encoder(encoder, int(settings.get("layer", -1)), device, settings.get("revision"))
    if features.describe()["weights_sha256"] != settings.get("weights_sha256"):
        raise HacError(
            f"{where}: was fitted on another encoder than {encoder} (the weights' hashes differ);"
            " give the right one with ?encoder=FOLDER"
        )
    return features
