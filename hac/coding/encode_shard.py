"""Encode one shard of a corpus: read ahead, batch by length, encode, write. Runs in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hac.data.audio.audio import iter_utterance, read_utterance
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.ragged import bounds_of
from hac.data.tokens.parquet import write_parquet
from hac.data.tokens.stream_options import StreamSpec
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import Failure, HacError, failure_of
from hac.tokenizers.base import Tokenizer
from hac.tokenizers.chunking import encode_long

Codes = Mapping[str, NDArray[np.int32]]
Samples = NDArray[np.float32]

STREAMED_S = 600.0
"""Longer audio is read block by block while it is encoded, never held whole."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to encode, as every process needs to know it.

    Attributes:
        tokenizer: name to load, or the tokenizer itself.
        device: `cpu`, `cuda` or `cuda:1`.
        batch_s: seconds of audio, padding included, given to the tokenizer at once.
        chunk_s: longer audio goes through it in chunks of this many seconds.
        readers: threads that read audio ahead.
    """

    tokenizer: str | Tokenizer
    device: str
    streams: tuple[str, ...]
    batch_s: float
    chunk_s: float
    readers: int


@lru_cache(maxsize=1)
def _load(name: str, device: str) -> Tokenizer:
    from hac.tokenizers.registry import load_tokenizer  # torch, where the tokenizer needs it

    return load_tokenizer(name, device=device)


def loaded_tokenizer(tokenizer: str | Tokenizer, device: str) -> Tokenizer:
    """The tokenizer, loaded once per process."""
    return _load(tokenizer, device) if isinstance(tokenizer, str) else tokenizer


def encode_shard(manifest: Manifest, path: Path, settings: Settings) -> list[Failure]:
    """Encode a manifest of a few minutes into the Parquet file `path`; returns what failed.

    The failures are written into the file too, for the run that finds it finished.

    Raises:
        HacError: the tokenizer breaks its promises (streams, codebooks, equal lengths).
    """
    tokenizer = loaded_tokenizer(settings.tokenizer, settings.device)
    specs = [spec for spec in tokenizer.streams if spec.name in settings.streams]
    failed: list[Failure] = []
    coded: dict[str, Codes] = {}
    with threadpool_limits(1 if settings.device == "cpu" else None):
        for batch in _read_ahead(manifest, tokenizer.sample_rate, settings, failed):
            _encode_batch(tokenizer, batch, settings.chunk_s, coded, failed)
    ids = tuple(utterance.id for utterance in manifest.utterances if utterance.id in coded)
    provenance = {"failures": [asdict(failure) for failure in failed]}
    store = TokenStore(ids, {spec.name: _stream(tokenizer, spec, ids, coded) for spec in specs}, provenance)
    write_parquet(store.checked(f"tokenizer {tokenizer.name}") if ids else store, path)
    return failed


def plan_batches(utterances: Sequence[Utterance], batch_s: float) -> list[list[Utterance]]:
    """Group utterances of like length, so that longest x count stays within `batch_s` seconds (or count is 1)."""
    batches: list[list[Utterance]] = []
    for utterance in sorted(utterances, key=lambda u: u.duration):
        if batches and utterance.duration * (len(batches[-1]) + 1) <= batch_s:
            batches[-1].append(utterance)
        else:
            batches.append([utterance])
    return batches


@dataclass(frozen=True, slots=True)
class StreamedAudio:
    """Audio too long to hold: every iteration reads the file anew, in blocks float32 [n]."""

    manifest: Manifest
    utterance: Utterance
    sample_rate: int

    def __iter__(self) -> Iterator[Samples]:
        """Yield the blocks; errors as `iter_utterance`."""
        return iter_utterance(self.manifest, self.utterance, self.sample_rate)


Item = tuple[str, Samples | StreamedAudio]


def _read_ahead(
    manifest: Manifest, sample_rate: int, settings: Settings, failed: list[Failure]
) -> Iterator[list[Item]]:
    """Yield batches of (id, audio) while the next one is being read; note what cannot be read."""

    def read(utterance: Utterance) -> Samples | StreamedAudio | Failure:
        if utterance.duration > STREAMED_S:
            return StreamedAudio(manifest, utterance, sample_rate)
        try:
            return read_utterance(manifest, utterance, sample_rate).samples
        except HacError as error:
            return failure_of(utterance.id, error, "audio-path")

    def collect(pending: Sequence[tuple[str, Future[Any]]]) -> list[Item]:
        results = [(id, future.result()) for id, future in pending]
        failed.extend(result for _, result in results if isinstance(result, Failure))
        return [(id, result) for id, result in results if not isinstance(result, Failure)]

    with ThreadPoolExecutor(settings.readers) as pool:
        ahead: list[tuple[str, Future[Any]]] = []
        for batch in plan_batches(manifest.utterances, settings.batch_s):
            now, ahead = ahead, [(utterance.id, pool.submit(read, utterance)) for utterance in batch]
            yield collect(now)
        yield collect(ahead)


def _encode_batch(
    tokenizer: Tokenizer, batch: Sequence[Item], chunk_s: float, coded: dict[str, Codes], failed: list[Failure]
) -> None:
    """Encode a batch into `coded`; where the tokenizer refuses it, one by one, to find whom to blame."""
    limit = chunk_s * tokenizer.sample_rate
    short = [(id, a) for id, a in batch if isinstance(a, np.ndarray) and len(a) <= limit]
    done = {id for id, _ in short}
    try:
        if short:
            results = tokenizer.encode([audio for _, audio in short])
            coded.update(zip((id for id, _ in short), results, strict=True))
        for id, audio in batch:
            if id not in done:
                coded[id] = encode_long(tokenizer, audio, chunk_s=chunk_s)
    except HacError as error:
        if len(batch) == 1:
            failed.append(failure_of(batch[0][0], error, "tokenizer-refused"))
            return
        for item in batch:
            _encode_batch(tokenizer, [item], chunk_s, coded, failed)


def _stream(tokenizer: Tokenizer, spec: StreamSpec, ids: Sequence[str], coded: Mapping[str, Codes]) -> Stream:
    """One stream of a shard from its utterances' codes."""
    for id in ids:
        if spec.name not in coded[id]:
            raise HacError(f"tokenizer {tokenizer.name} promised stream {spec.name!r}, but made none for {id!r}")
    parts = [np.asarray(coded[id][spec.name]) for id in ids]
    codes = np.concatenate([np.empty(0, dtype=np.int32), *parts])
    return Stream(spec.name, spec.codebook_size, spec.frame_rate, codes, bounds_of([len(part) for part in parts]))
