"""Token stores: what a tokenizer said, as named streams at exact rates.

A store is columnar: per stream one long array of codes and the bounds of each utterance in it, so that
counting never loops over utterances in Python. On disk it is Parquet (`hac.data.tokens.parquet`); other
people's formats are read by `hac.data.tokens.formats`. Reading ends in `TokenStore.checked`, where bad tokens
are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.data.ragged import bounds_of, run_starts, take
from hac.data.tokens.stream_options import nominal_kbps
from hac.errors import HacError

_COUNTED_SIZE = 1 << 24
"""Codebooks up to this size are gone through with a count for each code, which is much quicker than sorting."""


@dataclass(frozen=True)
class Stream:
    """One stream of every utterance: the codes of utterance i are `codes[bounds[i]:bounds[i + 1]]`.

    Attributes:
        name: `acoustic.0`, `phonetic`, `lexical`, `units`, ...
        codebook_size: codes lie in [0, codebook_size).
        codes: int32 [n_frames over all utterances].
        bounds: int64 [n_utterances + 1], ascending.
    """

    name: str
    codebook_size: int
    frame_rate: Fraction
    codes: NDArray[np.int32]
    bounds: NDArray[np.int64]

    @classmethod
    def of_parts(cls, name: str, codebook_size: int, frame_rate: Fraction, parts: Sequence[NDArray[Any]]) -> Stream:
        """The stream whose utterances are `parts`, each [n_frames of it]; at least one."""
        return cls(name, codebook_size, frame_rate, np.concatenate(parts), bounds_of([len(part) for part in parts]))

    @property
    def kbps(self) -> float:
        """See `nominal_kbps`."""
        return nominal_kbps(self.codebook_size, self.frame_rate)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Frames of each utterance, int64 [n_utterances]."""
        return np.diff(self.bounds)

    def utterance(self, index: int) -> NDArray[np.int32]:
        """Codes of utterance `index`, int32 [n_frames of it], a view."""
        return self.codes[self.bounds[index] : self.bounds[index + 1]]

    def used_codes(self) -> NDArray[np.int64]:
        """The codes that occur, int64 [n_used], ascending."""
        if self.codebook_size > _COUNTED_SIZE:
            return np.unique(self.codes).astype(np.int64)
        return np.flatnonzero(np.bincount(self.codes, minlength=1)).astype(np.int64)

    def run_starts(self) -> NDArray[np.int64]:
        """Where runs of equal codes begin, int64 [n_runs], places in `codes`; a run ends with its utterance."""
        return run_starts(self.codes, self.bounds)

    def take(self, indices: NDArray[np.int64]) -> Stream:
        """The stream of utterances `indices` [m], in that order."""
        rows, bounds = take(self.bounds, indices)
        return replace(self, codes=self.codes[rows], bounds=bounds)

    def between(self, start: int, stop: int) -> Stream:
        """The stream of utterances `start` to `stop`; its codes are a view."""
        bounds = self.bounds[start : stop + 1]
        return replace(self, codes=self.codes[bounds[0] : bounds[-1]], bounds=bounds - bounds[0])


@dataclass(frozen=True)
class TokenStore:
    """Streams by name over the same utterances, and where they came from."""

    ids: tuple[str, ...]
    streams: Mapping[str, Stream]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Stream:
        """The stream called `name`.

        Raises:
            HacError: there is none of that name.
        """
        if name not in self.streams:
            raise HacError(f"no stream {name!r} in the tokens; there are {', '.join(self.streams)}")
        return self.streams[name]

    def __len__(self) -> int:
        """Count of utterances."""
        return len(self.ids)

    def n_frames(self, stream: str) -> int:
        """Frames of one stream over all utterances."""
        return int(self[stream].bounds[-1])

    def select(self, ids: Iterable[str]) -> TokenStore:
        """The store of the given utterances only, in the given order.

        Raises:
            HacError: an id is not in the store, or is asked for twice.
        """
        chosen = tuple(ids)
        position = {id: index for index, id in enumerate(self.ids)}
        missing = [id for id in chosen if id not in position]
        if missing:
            raise HacError(f"{len(missing)} of {len(chosen)} utterances have no tokens, the first is {missing[0]!r}")
        check_unique(chosen, "the selection")
        if chosen == self.ids:
            return self
        indices = np.array([position[id] for id in chosen], dtype=np.int64)
        streams = {name: stream.take(indices) for name, stream in self.streams.items()}
        return TokenStore(chosen, streams, self.provenance)

    def checked(self, where: str | Path) -> TokenStore:
        """This store, after proving it sound; `where` (a file name) opens each complaint.

        Raises:
            HacError: no streams or utterances, a bracket in a stream's name, an id twice, a code outside its
                codebook, or two streams of one rate that differ in length in an utterance.
        """
        if not self.streams:
            raise HacError(f"{where}: holds no token stream, expected at least one")
        if named := next((name for name in self.streams if "[" in name or "]" in name), None):
            raise HacError(
                f"{where}: stream {named[:80]!r} has a bracket in its name, expected none: in results brackets hold "
                "protocols (`phonetic.pnmi[silence-dropped]`); rename the stream"
            )
        if not self.ids:
            raise HacError(f"{where}: holds no utterances; was the encoding interrupted?")
        check_unique(self.ids, where)
        for stream in self.streams.values():
            _check_codes(stream, self.ids, where)
        for first, second in combinations(self.streams.values(), 2):
            _check_ragged(first, second, self.ids, where)
        # readers hand over the integer type they found: narrowing it before the check could wrap a code round
        narrow = {
            name: replace(stream, codes=stream.codes.astype(np.int32, copy=False))
            for name, stream in self.streams.items()
        }
        return TokenStore(self.ids, narrow, self.provenance)


def check_unique(ids: Sequence[str], where: str | Path) -> None:
    """Complain about an utterance id that stands twice in `where`."""
    if len(set(ids)) == len(ids):
        return
    seen: set[str] = set()
    twice = next(id for id in ids if id in seen or seen.add(id))  # type: ignore[func-returns-value]
    raise HacError(f"{where}: utterance id {twice!r} stands there {ids.count(twice)} times; ids must be unique")


def _check_codes(stream: Stream, ids: Sequence[str], where: str | Path) -> None:
    """Complain about the first code outside [0, codebook_size)."""
    codes = stream.codes
    if not codes.size or (codes.min() >= 0 and codes.max() < stream.codebook_size):
        return
    at = int(np.argmax((codes < 0) | (codes >= stream.codebook_size)))
    row = int(np.searchsorted(stream.bounds, at, side="right")) - 1
    problem = (
        "is negative (padding must be cut off)"
        if codes[at] < 0
        else f"is beyond the codebook of {stream.codebook_size} codes (0 to {stream.codebook_size - 1})"
    )
    raise HacError(
        f"{where}: utterance {ids[row]!r}, stream {stream.name!r}, frame {at - int(stream.bounds[row])}: "
        f"code {codes[at]} {problem}"
    )


def _check_ragged(first: Stream, second: Stream, ids: Sequence[str], where: str | Path) -> None:
    """Complain about two streams of one rate whose lengths differ in an utterance."""
    if first.frame_rate != second.frame_rate or np.array_equal(first.bounds, second.bounds):
        return
    row = int(np.argmax(first.lengths != second.lengths))
    raise HacError(
        f"{where}: utterance {ids[row]!r} has {first.lengths[row]} frames of {first.name!r} but "
        f"{second.lengths[row]} of {second.name!r}, both at {first.frame_rate} Hz; "
        "streams of one rate must be equally long"
    )


def concatenate(stores: Sequence[TokenStore], provenance: Mapping[str, Any]) -> TokenStore:
    """Join stores of the same streams, utterance after utterance, in the given order.

    Raises:
        HacError: the stores differ in their streams, codebook sizes or rates.
    """
    specs = [{name: (s.codebook_size, s.frame_rate) for name, s in store.streams.items()} for store in stores]
    if any(spec != specs[0] for spec in specs):
        raise HacError("token files of one corpus must hold the same streams, codebook sizes and frame rates")
    streams = {}
    for name, stream in stores[0].streams.items():
        parts = [store.streams[name] for store in stores]
        bounds = bounds_of(np.concatenate([part.lengths for part in parts]))
        streams[name] = replace(stream, codes=np.concatenate([part.codes for part in parts]), bounds=bounds)
    return TokenStore(tuple(id for store in stores for id in store.ids), streams, provenance)
