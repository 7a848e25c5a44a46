"""Encode a corpus with any tokenizer, resumably.

The manifest is cut into *shards* of about two minutes of audio, in its own order. A shard's file is named
by a hash of everything its codes depend on (tokenizer, settings, utterances, their audio files' sizes and
times), and is renamed into place when it is whole. So a finished shard is never made again, whatever
stopped the run before, and one whose audio or tokenizer changed is never mistaken for finished. At the end
the shards become one token store.

The bytes depend neither on the number of processes nor on their timing: the shards are planned without
looking at either, and on a CPU every process computes in one thread (sums of several threads differ in
their last bits).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from joblib import effective_n_jobs

from hac.coding.encode_shard import Settings, encode_shard, loaded_tokenizer
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.formats import write_tokens
from hac.data.tokens.parquet import read_parquet
from hac.data.tokens.stream_options import StreamOptions
from hac.data.tokens.token_store import TokenStore, concatenate
from hac.errors import Failure, FailureLog, HacError
from hac.files.atomic import remove_leftovers
from hac.files.parsing import plain
from hac.parallel.parts import cut, run_parts
from hac.parallel.pool import on_cluster, wait_for
from hac.tokenizers.base import Embedder, Tokenizer, choose_streams
from hac.tokenizers.chunking import CHUNK_S

SHARD_S = 120.0
"""Seconds of audio in a shard: what a killed run can lose, per process."""
BATCH_S = 120.0
"""Seconds of audio, padding included, given to a tokenizer at once."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of utterances that is encoded, written and resumed as one; `path` tells its content."""

    path: Path
    utterances: tuple[Utterance, ...]

    @property
    def seconds(self) -> float:
        """Duration."""
        return sum(utterance.duration for utterance in self.utterances)


def encode_corpus(
    manifest: Manifest,
    tokenizer: str | Tokenizer,
    out: Path,
    *,
    device: str = "cpu",
    jobs: int = 1,
    streams: Sequence[str] | None = None,
    batch_s: float = BATCH_S,
    chunk_s: float = CHUNK_S,
    shard_s: float = SHARD_S,
    failures: FailureLog | None = None,
) -> Path:
    """Encode every utterance of a manifest; go on where an earlier run of the same call stopped.

    Args:
        tokenizer: `kind:where`, or a tokenizer (which must be picklable where `jobs` > 1).
        out: the token store to write, `*.parquet`, with the shards in `*.shards/` beside it; or a folder for
            `tokens.parquet` and `shards/`. The shards may be deleted afterwards; kept, they save work when
            the corpus grows.
        jobs: processes on a CPU, -1 for one per core; threads that read audio where the device is a GPU.
        streams: names of the streams to keep; None: all.
        batch_s: seconds of audio, padding included, in a batch.
        chunk_s: audio longer than this is encoded in chunks.
        shard_s: seconds of audio in a shard.
        failures: where audio that cannot be encoded is noted; such utterances are left out of the store.

    Raises:
        HacError: no such tokenizer or stream, a tokenizer that breaks its promises, no utterance that could
            be encoded, or (strict failures) the first that could not.
    """
    if jobs == 0:
        raise HacError("0 jobs were asked for; give 1 or more, or -1 for one per core")
    failures = FailureLog() if failures is None else failures
    target, folder = _places(Path(out))
    # where a cluster has the GPUs, there need be none here: the tokenizer is only asked what it is
    loaded = loaded_tokenizer(tokenizer, "cpu" if on_cluster() else device)
    names = choose_streams(loaded, streams)
    # a GPU waits for audio rather than for itself, so there the jobs read
    readers = 1 if device == "cpu" else effective_n_jobs(jobs)
    settings = Settings(tokenizer, device, names, batch_s, chunk_s, readers)
    provenance = provenance_of("tokenizer", loaded, names, device, chunk_s)
    shards = plan_shards(manifest, provenance, folder, shard_s)
    strict = failures.strict
    make_shards(
        _encode, shards, _is_finished, manifest.root, settings, jobs=jobs, strict=strict, description="encoding"
    )
    write_tokens(_merge(shards, provenance, failures), target)
    return target


def plan_shards(
    manifest: Manifest, provenance: Mapping[str, Any], folder: Path, shard_s: float = SHARD_S, ending: str = "parquet"
) -> list[Shard]:
    """Cut a manifest into shards of at least `shard_s` seconds (the last may be shorter), in its order."""
    shards = []
    for group in cut(manifest.utterances, lambda utterance: utterance.duration, shard_s):
        content = {"provenance": provenance, "utterances": [_fingerprint(manifest, u) for u in group]}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        shards.append(Shard(folder / f"{digest[:32]}.{ending}", group))
    return shards


def _fingerprint(manifest: Manifest, utterance: Utterance) -> list[Any]:
    """What tells one utterance's audio from another's without reading it."""
    try:
        stat = manifest.audio_path(utterance).stat()
    except (HacError, OSError):
        return [utterance.id, utterance.path, utterance.duration, None, None]
    return [utterance.id, utterance.path, utterance.duration, stat.st_size, stat.st_mtime_ns]


def _places(out: Path) -> tuple[Path, Path]:
    """The token store's path and the folder of its shards.

    Raises:
        HacError: the name is that of another token format.
    """
    if out.suffix == ".parquet":
        return out, out.with_suffix(".shards")
    if out.suffix in (".jsonl", ".json", ".npz", ".km", ".pq", ".gz"):
        raise HacError(f"{out}: token stores are written as .parquet; give -o a name that ends so, or a folder")
    return out / "tokens.parquet", out / "shards"


def provenance_of(
    what: str, maker: Tokenizer | Embedder, streams: Sequence[str], device: str, chunk_s: float = CHUNK_S, **more: Any
) -> dict[str, Any]:
    """Everything that is made of audio by a tokenizer or embedder depends on, but the audio; as plain JSON."""
    content = {
        "program": f"hac-codec {version('hac-codec')}",
        what: maker.name,
        f"{what}_provenance": dict(maker.provenance),
        "sample_rate": maker.sample_rate,
        "streams": list(streams),
        "device": device.split(":")[0],
        "chunk_s": chunk_s,
    }
    return plain({**content, **more})


def make_shards(
    call: Callable[..., None],
    shards: Sequence[Shard],
    is_finished: Callable[[Path], bool],
    root: Path,
    settings: Any,
    *,
    jobs: int,
    strict: bool,
    description: str,
) -> None:
    """Make the shards that are not there yet by `call(shard, root, settings, strict)`, on a CPU in `jobs` processes."""
    missing = [shard for shard in shards if not is_finished(shard.path)]
    total_s = sum(shard.seconds for shard in shards)
    jobs = jobs if settings.device == "cpu" else 1
    for _ in run_parts(call, missing, root, settings, strict, total_s=total_s, jobs=jobs, description=description):
        pass
    wait_for(shard.path for shard in shards)
    remove_leftovers(shard.path for shard in shards)


def _encode(shard: Shard, root: Path, settings: Settings, strict: bool) -> None:
    """One task of a process, to which only its own part of the manifest travels."""
    if _is_finished(shard.path):
        # by a worker of a cluster that was lost before it could say so; what failed in it is read when all are merged
        return
    failed = encode_shard(Manifest(root, shard.utterances), shard.path, settings)
    # raised here and not where results are gathered: joblib then stops the other processes in order
    FailureLog(strict).extend(failed)


def none_left(sentence: str, failed: Sequence[Failure]) -> HacError:
    """The error of a corpus of which nothing could be made, with the first reason."""
    return HacError(f"{sentence}; the first: {failed[0].detail}" if failed else sentence)


def _is_finished(path: Path) -> bool:
    """Whether a shard is there and whole (a crash of the machine may leave a name without content)."""
    try:
        pq.read_metadata(path)
    except (OSError, ValueError):
        return False
    return True


def _merge(shards: Sequence[Shard], provenance: Mapping[str, Any], failures: FailureLog) -> TokenStore:
    """All shards as one store in the manifest's order, their failures noted."""
    stores = [read_parquet(shard.path, None, StreamOptions()) for shard in shards]
    failed = [Failure(**entry) for store in stores for entry in store.provenance["failures"]]
    order = {u.id: position for position, u in enumerate(u for shard in shards for u in shard.utterances)}
    failed.sort(key=lambda failure: order[failure.id])
    failures.extend(failed)
    if not any(store.ids for store in stores):
        raise none_left(f"none of the {len(order)} utterances could be encoded", failed)
    counts = FailureLog(items=failed).by_reason()
    return concatenate(stores, {**provenance, "failures": counts})
