"""Rows to columns: what the readers of row-wise token formats share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens.stream_options import StreamOptions
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import HacError


@dataclass
class Rows:
    """Utterances of the file `where`, one by one; the first settles which streams there are, or `wanted` does."""

    where: str | Path
    wanted: Sequence[str] | None = None
    ids: list[str] = field(default_factory=list)
    columns: dict[str, list[NDArray[Any]]] = field(default_factory=dict)

    def add(self, id: Any, streams: Mapping[str, Any]) -> None:
        """Add one utterance, its codes being a list of integers per stream.

        Raises:
            HacError: the id is no text, the streams are not those of the first utterance, the codes no
                integers.
        """
        if not isinstance(id, str):
            raise HacError(f"{self.where}: utterance id {id!r} is not text")
        if not self.ids:
            self.columns = {name: [] for name in self._choose(streams)}
        elif len(self.columns) != len(streams) and self.wanted is None:
            odd = next(iter(set(streams) ^ set(self.columns)))
            raise HacError(f"{self.where}: utterance {id!r} and {self.ids[0]!r} differ in stream {odd!r}: one lacks it")
        for name, parts in self.columns.items():
            if name not in streams:
                raise HacError(f"{self.where}: utterance {id!r} has no stream {name!r}, which {self.ids[0]!r} has")
            parts.append(integers(streams[name], f"{self.where}: utterance {id!r}, stream {name!r}"))
        self.ids.append(id)

    def store(
        self,
        options: StreamOptions,
        sizes: Mapping[str, Any],
        rates: Mapping[str, Any],
        provenance: Mapping[str, Any],
    ) -> TokenStore:
        """The gathered utterances as a store (unchecked)."""
        streams = {}
        for name, spec in options.resolve(self.where, self.columns, sizes, rates).items():
            streams[name] = Stream.of_parts(name, spec.codebook_size, spec.frame_rate, self.columns[name])
        return TokenStore(tuple(self.ids), streams, provenance)

    def _choose(self, streams: Iterable[str]) -> list[str]:
        present = list(streams)
        unknown = [name for name in self.wanted or () if name not in present]
        if unknown:
            raise HacError(f"{self.where}: no stream {unknown[0]!r}; there are {', '.join(present)}")
        return present if self.wanted is None else list(self.wanted)


def integers(values: Any, where: str) -> NDArray[Any]:
    """A flat list or array of integers as an array of an integer type.

    Raises:
        HacError: the values are nested, or something else than integers; names the first odd one.
    """
    if not isinstance(values, list | np.ndarray):
        raise HacError(f"{where}: expected a list of integers, found {type(values).__name__}")
    if isinstance(values, list) and not values:
        return np.empty(0, dtype=np.int64)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise HacError(f"{where}: expected a flat list of integers, found lists of several lengths") from error
    if array.ndim != 1:
        raise HacError(f"{where}: expected a flat list of integers, found {array.ndim} dimensions {array.shape}")
    if array.dtype.kind in "iu":
        return array
    if isinstance(values, np.ndarray):
        raise HacError(f"{where}: expected integer codes, found {array.dtype}")
    odd = next((at for at, value in enumerate(values) if type(value) is not int), None)
    found = "there is one beyond 64 bits" if odd is None else f"frame {odd} is {values[odd]!r}"
    raise HacError(f"{where}: expected integer codes, but {found}")
