"""Embedding stores: real-valued vectors of every frame, by stream; read without torch.

A store is a folder:

    embeddings.json       ids, streams (dimension, rate), provenance, and the shards in order; written last
    shards/*.safetensors  float16 [n_frames of the shard, d] for each stream, utterance after utterance

Half precision is enough for probes, which standardize what they are given. Reading one stream reads its bytes only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.data.ragged import bounds_of
from hac.data.timeline import parse_rate
from hac.errors import HacError
from hac.files.atomic import write_tensors
from hac.files.parsing import load_json

FORMAT = "hac-embeddings"
VERSION = 1
WIDEST = 1 << 20
"""Dimensions that no vector has."""
NAME = "embeddings.json"
SHARDS = "shards"
HEADER = "hac"
"""The only key of a shard's metadata: with several, their order would differ from run to run."""

Vectors = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class EmbeddingSpec:
    """One stream of vectors: its name, how long each is, and how many come a second."""

    name: str
    dim: int
    frame_rate: Fraction


@dataclass(frozen=True)
class EmbeddingStore:
    """Vectors of every utterance, on the disk until they are asked for.

    Attributes:
        lengths: int64 [n_utterances] by stream, frames of each utterance.
        shards: file name and number of utterances of each, in the order of the ids.
    """

    folder: Path
    ids: tuple[str, ...]
    streams: Mapping[str, EmbeddingSpec]
    lengths: Mapping[str, NDArray[np.int64]]
    provenance: Mapping[str, Any]
    shards: tuple[tuple[str, int], ...]

    def vectors(self, stream: str, ids: Sequence[str]) -> Vectors:
        """Vectors of these utterances, one after another: float16 [n_frames of them, d].

        Raises:
            HacError: no such stream or utterance, or a shard is missing or damaged.
        """
        if stream not in self.streams:
            raise HacError(f"{self.folder}: no stream {stream!r}; there are {', '.join(self.streams)}")
        place = {id: i for i, id in enumerate(self.ids)}
        missing = [id for id in ids if id not in place]
        if missing:
            raise HacError(
                f"{self.folder}: {len(missing)} of {len(ids)} utterances have no vectors, the first is {missing[0]!r};"
                " embed the corpus that the tokens are of"
            )
        wanted = np.array([place[id] for id in ids], np.int64)
        lengths = self.lengths[stream][wanted]
        ends = np.cumsum(lengths)
        last = np.cumsum([n for _, n in self.shards])
        of_shard = np.searchsorted(last, wanted, side="right")
        needed = np.unique(of_shard).tolist()
        for k in needed:  # before room is made for what a damaged description promises
            self._check(k, stream, int(last[k]))
        out = np.empty((int(ends[-1]) if len(ends) else 0, self.streams[stream].dim), np.float16)
        for k in needed:
            name, n = self.shards[k]
            first = int(last[k]) - n
            bounds = bounds_of(self.lengths[stream][first : first + n])
            with _opened(self.folder / SHARDS / name) as file:
                held: Vectors = file.get_tensor(stream)
            for i in np.flatnonzero(of_shard == k).tolist():
                at = int(wanted[i]) - first
                out[ends[i] - lengths[i] : ends[i]] = held[bounds[at] : bounds[at + 1]]
        return out

    def _check(self, k: int, stream: str, last: int) -> None:
        """Compare a shard's shape with what the description says of it."""
        name, n = self.shards[k]
        path = self.folder / SHARDS / name
        with _opened(path) as file:
            found = tuple(file.get_slice(stream).get_shape())
        expected = (int(self.lengths[stream][last - n : last].sum()), self.streams[stream].dim)
        if found != expected:
            raise HacError(f"{path}: {stream!r} has the shape {found}, {expected} is written; embed the corpus anew")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except (OSError, SafetensorError, ValueError) as error:  # ValueError: a name of half characters
        raise HacError(f"{path}: cannot be read ({error}); embed the corpus anew") from error


def write_shard(path: Path, vectors: Mapping[str, Vectors], header: Mapping[str, Any]) -> None:
    """Write one shard, atomically; same vectors, same bytes."""
    write_tensors(path, vectors, {HEADER: json.dumps(header, sort_keys=True)})


def read_header(path: Path) -> dict[str, Any] | None:
    """What a shard says of itself; None where it is not there or not whole."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return dict(load_json(file.metadata()[HEADER]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None


def read_embeddings(folder: Path) -> EmbeddingStore:
    """Open a store that `hac embed` wrote.

    Raises:
        HacError: there is none, or it is of a newer version.
    """
    folder = Path(folder)
    folder = folder.parent if folder.name == NAME else folder
    path = folder / NAME
    try:
        data = load_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HacError(f"{folder}: holds no {NAME}; expected a folder that hac embed wrote to its end") from error
    except ValueError as error:
        raise HacError(f"{path}: cannot be read as JSON ({error}); embed the corpus anew") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT or data.get("version") != VERSION:
        raise HacError(f"{path}: is no embedding store of version {VERSION}; embed the corpus anew")
    try:
        return _store(folder, data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise HacError(f"{path}: is damaged ({error}); embed the corpus anew") from error


def _store(folder: Path, data: Mapping[str, Any]) -> EmbeddingStore:
    """The store of a description, checked to describe one."""
    streams = {
        name: EmbeddingSpec(name, int(entry["dim"]), parse_rate(entry["frame_rate"]))
        for name, entry in data["streams"].items()
    }
    ids = tuple(data["ids"])
    lengths = {name: np.array(data["lengths"][name], np.int64) for name in streams}
    shards = tuple((str(name), int(n)) for name, n in data["shards"])
    if any(not 1 <= spec.dim <= WIDEST for spec in streams.values()):
        raise ValueError("a stream without dimensions")
    if not all(isinstance(id, str) for id in ids) or len(set(ids)) < len(ids):
        raise ValueError("ids are not texts, each once")
    if any(each.shape != (len(ids),) or (each < 0).any() for each in lengths.values()):
        raise ValueError("lengths are not one for each id")
    if any(n < 0 or Path(name).name != name for name, n in shards) or sum(n for _, n in shards) != len(ids):
        raise ValueError("shards do not hold the ids")
    return EmbeddingStore(folder, ids, streams, lengths, dict(data["provenance"]), shards)
