"""Vectors behind the tokens of a corpus, resumably: what a quantizer was offered, what it answered, or features.

As in `hac.coding.encode`, a shard is named by everything its vectors depend on and renamed into place when it is whole;
utterances go through the model one by one, long ones in the same chunks as there, so that there are exactly as many
vectors as tokens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hac.coding.encode import Shard, make_shards, none_left, plan_shards, provenance_of
from hac.data.audio.audio import read_utterance
from hac.data.embedding_store import FORMAT, NAME, SHARDS, VERSION, Vectors, read_header, write_shard
from hac.data.manifest.manifest import Manifest
from hac.data.tokens.stream_options import StreamSpec
from hac.errors import Failure, FailureLog, HacError, failure_of
from hac.files.atomic import write_text
from hac.parallel.pool import on_cluster
from hac.tokenizers.base import Embedder, choose_streams, mono
from hac.tokenizers.chunking import encode_long

ENCODER = "encoder:"
"""Before the folder or hub id of a speech encoder: `encoder:facebook/hubert-base-ls960?layer=9`."""
FEATURES = "features"
"""The only stream of a speech encoder."""
LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True)
class EmbedSettings:
    """How to embed, as every process needs to know it."""

    embedder: str | Embedder
    device: str
    streams: tuple[str, ...]
    quantized: bool


class _EncoderFeatures:
    """A layer of a speech encoder as an `Embedder`."""

    def __init__(self, name: str, features: Any) -> None:
        self.name = name
        self.sample_rate = int(features.sample_rate)
        self.streams: tuple[StreamSpec, ...] = (StreamSpec(FEATURES, 0, features.frame_rate),)
        self.provenance: Mapping[str, Any] = dict(features.describe())
        self._features = features

    def embed(self, samples: NDArray[np.float32], quantized: bool = False) -> dict[str, NDArray[np.float32]]:
        return {FEATURES: self._features.extract(mono(samples))}


@lru_cache(maxsize=1)
def load_embedder(name: str, device: str = "cpu") -> Embedder:
    """A tokenizer that has vectors, or a speech encoder named `encoder:WHERE?layer=9`.

    Raises:
        HacError: it cannot be loaded, has no vectors, or an option is wrong.
    """
    if name.startswith(ENCODER):
        return _load_encoder(name, device)
    from hac.tokenizers.registry import load_tokenizer

    loaded = load_tokenizer(name, device=device)
    if not isinstance(loaded, Embedder):
        raise HacError(f"{name}: this kind of tokenizer gives tokens only, no vectors; HAC, codecs and k-means do")
    return loaded


def _load_encoder(name: str, device: str) -> Embedder:
    from hac.features.speech_encoder import load_encoder

    where, _, query = name.removeprefix(ENCODER).partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    layer = options.pop("layer", "average")
    revision = options.pop("revision", None)
    if options or not (layer == "average" or layer.isdecimal()):
        raise HacError(f"{name}: expected {ENCODER}WHERE?layer=NUMBER, or layer=average, and at most a revision")
    return _EncoderFeatures(
        name, load_encoder(where, "average" if layer == "average" else int(layer), device, revision)
    )


def embed_corpus(
    manifest: Manifest,
    ckpt: str | Embedder,
    path: Path,
    streams: Sequence[str] | None = None,
    quantized: bool = False,
    *,
    device: str = "cpu",
    jobs: int = 1,
    failures: FailureLog | None = None,
) -> Path:
    """Write the vectors of a manifest's audio into a folder; go on where an earlier run of the same call stopped.

    Args:
        ckpt: a tokenizer's name, `encoder:WHERE?layer=9`, or an embedder (picklable where `jobs` > 1).
        streams: names of the streams to keep; None: all.
        quantized: what the codes stand for, instead of what was quantized.
        failures: where audio that cannot be embedded is noted; it is left out.

    Raises:
        HacError: no such model or stream, nothing could be embedded, or (strict failures) the first that could not.
    """
    failures = FailureLog() if failures is None else failures
    loaded = load_embedder(ckpt, "cpu" if on_cluster() else device) if isinstance(ckpt, str) else ckpt
    names = choose_streams(loaded, streams)
    settings = EmbedSettings(ckpt, device, names, quantized)
    provenance = provenance_of("embedder", loaded, names, device, quantized=quantized)
    folder, strict = Path(path), failures.strict
    shards = plan_shards(manifest, provenance, folder / SHARDS, ending="safetensors")
    make_shards(
        _embed_shard, shards, _is_finished, manifest.root, settings, jobs=jobs, strict=strict, description="embedding"
    )
    _write_index(folder, loaded, shards, settings, provenance, failures)
    return folder


def _is_finished(path: Path) -> bool:
    return read_header(path) is not None


def _embed_shard(shard: Shard, root: Path, settings: EmbedSettings, strict: bool) -> None:
    """Embed one shard, in a process."""
    given = settings.embedder
    embedder = load_embedder(given, settings.device) if isinstance(given, str) else given
    manifest = Manifest(root, shard.utterances)
    parts: dict[str, list[Vectors]] = {name: [] for name in settings.streams}
    ids: list[str] = []
    failed: list[Failure] = []
    with threadpool_limits(1 if settings.device == "cpu" else None):
        for utterance in shard.utterances:
            try:
                samples = read_utterance(manifest, utterance, embedder.sample_rate).samples
                vectors = encode_long(embedder, samples, encode=partial(embedder.embed, quantized=settings.quantized))
                halves = {name: _half(vectors[name]) for name in settings.streams}
            except HacError as error:
                failed.append(failure_of(utterance.id, error, "embedder-refused"))
                continue
            ids.append(utterance.id)
            for name in settings.streams:
                parts[name].append(halves[name])
    FailureLog(strict).extend(failed)
    lengths = {name: [len(part) for part in parts[name]] for name in settings.streams}
    header = {"ids": ids, "lengths": lengths, "failures": [asdict(failure) for failure in failed]}
    joined = {name: np.concatenate(part) if part else np.empty((0, 0), np.float16) for name, part in parts.items()}
    write_shard(shard.path, joined, {**header, "dims": {name: rows.shape[1] for name, rows in joined.items()}})


def _half(vectors: NDArray[np.float32]) -> Vectors:
    """In half precision.

    Raises:
        HacError: a value is not finite or too large for that.
    """
    if vectors.size and not float(np.abs(vectors).max()) <= LARGEST:
        raise HacError(f"vectors with values that are not finite or beyond {LARGEST:g}, the largest of half precision")
    return vectors.astype(np.float16)


def _write_index(
    folder: Path,
    embedder: Embedder,
    shards: Sequence[Shard],
    settings: EmbedSettings,
    provenance: dict[str, Any],
    failures: FailureLog,
) -> None:
    """Write `embeddings.json`, which names the shards; note what failed in them."""
    headers = [read_header(shard.path) or {} for shard in shards]
    failed = [Failure(**entry) for header in headers for entry in header["failures"]]
    failures.extend(failed)
    ids = [id for header in headers for id in header["ids"]]
    if not ids:
        raise none_left("none of the utterances could be embedded", failed)
    rates = {spec.name: spec.frame_rate for spec in embedder.streams}
    dims = {name: max(header["dims"][name] for header in headers) for name in settings.streams}
    index = {
        "format": FORMAT,
        "version": VERSION,
        "streams": {name: {"dim": dims[name], "frame_rate": str(rates[name])} for name in settings.streams},
        "provenance": {**provenance, "failures": FailureLog(items=failed).by_reason()},
        "shards": [[shard.path.name, len(header["ids"])] for shard, header in zip(shards, headers, strict=True)],
        "ids": ids,
        "lengths": {name: [n for header in headers for n in header["lengths"][name]] for name in settings.streams},
    }
    write_text(folder / NAME, json.dumps(index, ensure_ascii=False) + "\n")
