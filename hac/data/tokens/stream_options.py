"""Codebook sizes and frame rates of streams, as the file declares them, the caller gives them, or both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from hac.data.timeline import parse_rate
from hac.errors import HacError
from hac.files.yaml_config import check_key

Rate = str | int | float | Fraction
TokenFormat = Literal["parquet", "jsonl", "discophon", "npz", "km"]
Ids = str | Path | Sequence[str]
"""A file that lists utterance ids in order, or the ids."""
MAX_CODEBOOK_SIZE = 1 << 31
"""Codes are int32."""


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What the caller says of the streams: one value for all, or one per stream name; None: the file says.

    Attributes:
        codebook_size: codes lie in [0, codebook_size).
        stream: name of the only stream of formats that name none.
    """

    frame_rate: Rate | Mapping[str, Rate] | None = None
    codebook_size: int | Mapping[str, int] | None = None
    stream: str = "units"

    def resolve(
        self, where: str | Path, names: Iterable[str], sizes: Mapping[str, Any], rates: Mapping[str, Any]
    ) -> dict[str, StreamSpec]:
        """Size and rate of each stream from the file's (`sizes`, `rates`) and the caller's word.

        Raises:
            HacError: neither says it, the two disagree, or the value makes no sense.
        """
        specs = {}
        for name in names:
            size = _one(where, name, "codebook size", _size, sizes.get(name), _of(self.codebook_size, name))
            rate = _one(where, name, "frame rate", _rate, rates.get(name), _of(self.frame_rate, name))
            specs[name] = StreamSpec(name, size, rate)
        return specs


def check_keys(found: Any, known: Iterable[str], where: str) -> None:
    """Refuse what is no JSON object, or has an unknown key; see `check_key`."""
    if not isinstance(found, Mapping):
        raise HacError(f"{where}: expected a JSON object, found {type(found).__name__}")
    names = sorted(known)
    for key in found:
        check_key(key, names, where)


def by_stream(declared: Any, names: Iterable[str]) -> Mapping[str, Any]:
    """A declaration by stream name: as it is if it names streams, else one value for each of `names`."""
    return declared if isinstance(declared, Mapping) else dict.fromkeys(names, declared)


def _of(option: Any, name: str) -> Any:
    return option.get(name) if isinstance(option, Mapping) else option


def _one(where: str | Path, name: str, what: str, parse: Any, declared: Any, given: Any) -> Any:
    """The one value that file and caller agree on."""
    values = [parse(value, f"{where}: {what} of stream {name!r}") for value in (declared, given) if value is not None]
    if not values:
        option = what.replace(" ", "_")
        raise HacError(f"{where}: no {what} for stream {name!r}; the file must declare it or give {option}=")
    if values[0] != values[-1]:
        raise HacError(f"{where}: stream {name!r} declares {what} {values[0]}, but {values[-1]} was asked for")
    return values[0]


def _size(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_CODEBOOK_SIZE:
        raise HacError(f"{where} is {value!r}, expected a whole number of codes from 1 to {MAX_CODEBOOK_SIZE}")
    return value


def _rate(value: Any, where: str) -> Fraction:
    try:
        return parse_rate(value)
    except HacError as error:
        raise HacError(f"{where}: {error}") from error


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """What a tokenizer promises of one stream: its name, codebook size and exact frame rate in Hz."""

    name: str
    codebook_size: int
    frame_rate: Fraction

    @property
    def kbps(self) -> float:
        """See `nominal_kbps`."""
        return nominal_kbps(self.codebook_size, self.frame_rate)


def nominal_kbps(codebook_size: int, frame_rate: Fraction | float) -> float:
    """Kilobits per second of a stream, each code counted as log2(codebook size) bits."""
    return math.log2(codebook_size) * float(frame_rate) / 1000
