"""Tokens as JSON lines: our own layout and discophon's.

Ours has the codebook sizes in a first line, then one object a line:

    {"codebook_size": {"phonetic": 1024, "acoustic.0": 1024}}
    {"id": "84-121123-0000", "frame_rate": "44100/512", "streams": {"phonetic": [3, 3], "acoustic.0": [5, 8]}}

`frame_rate` may be an object `{stream: rate}` where streams differ in rate, and may stand in the first line
instead; the first line may be missing where the reader is given codebook sizes. Both may be gzipped.

discophon's (<https://github.com/bootphon/discophon>, guide "Evaluation") has one stream and no header:

    {"file": "0188-135249-0001", "units": [12, 12, 45]}

Its rate is 50 Hz unless the reader is told otherwise, as in discophon itself (`step_units` = 20 ms).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from hac.data.timeline import parse_rate
from hac.data.tokens.rows import Rows
from hac.data.tokens.stream_options import StreamOptions, by_stream, check_keys
from hac.data.tokens.token_store import TokenStore
from hac.errors import HacError
from hac.files.text import json_objects

HEADER_KEYS = {"codebook_size", "frame_rate", "provenance"}
ROW_KEYS = {"id", "frame_rate", "streams"}
DISCOPHON_KEYS = {"file", "units"}
DISCOPHON_RATE = 50


def read_jsonl(path: Path, streams: Sequence[str] | None, options: StreamOptions) -> TokenStore:
    """Read our JSON lines (unchecked).

    Raises:
        HacError: a line that is no JSON object, an unknown or missing key, a frame rate that changes,
            streams that differ between utterances, codes that are no integers, no codebook size.
    """
    header: Mapping[str, Any] = {}
    rows = Rows(path, streams)
    rates: dict[str, Any] = {}
    for number, entry in json_objects(path):
        where = f"{path}, line {number}"
        check_keys(entry, HEADER_KEYS | ROW_KEYS, where)
        if number == 1 and not entry.keys() & {"id", "streams"}:
            header = entry
            continue
        check_keys(entry, ROW_KEYS, where)
        _need(entry, ("id", "streams"), where)
        if not isinstance(entry["streams"], dict):
            raise HacError(f"{where}: `streams` is {type(entry['streams']).__name__}, expected an object of lists")
        rows.add(entry["id"], entry["streams"])
        _note_rates(rates, entry.get("frame_rate", header.get("frame_rate")), rows.columns, where)
    sizes = by_stream(header.get("codebook_size"), rows.columns)
    return rows.store(options, sizes, rates, header.get("provenance", {}))


def read_discophon(path: Path, streams: Sequence[str] | None, options: StreamOptions) -> TokenStore:
    """Read discophon's JSON lines as one stream named `options.stream` (unchecked).

    Raises:
        HacError: as `read_jsonl`; the codebook size must be given.
    """
    rows = Rows(path, streams)
    for number, entry in json_objects(path):
        where = f"{path}, line {number}"
        check_keys(entry, DISCOPHON_KEYS, where)
        _need(entry, ("file", "units"), where)
        rows.add(entry["file"], {options.stream: entry["units"]})
    rate = DISCOPHON_RATE if options.frame_rate is None else options.frame_rate
    return rows.store(replace(options, frame_rate=rate), {}, {}, {})


def is_discophon(path: Path) -> bool:
    """Whether the first line of a JSON lines file looks like discophon's."""
    with closing(json_objects(path)) as entries:
        _, first = next(entries, (0, {}))
    return bool(first.keys() & DISCOPHON_KEYS)


def _need(entry: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    """Complain about a missing key."""
    for key in keys:
        if key not in entry:
            raise HacError(f"{where}: no key {key!r}, found {', '.join(entry) or 'none'}")


def _note_rates(rates: dict[str, Any], declared: Any, names: Iterable[str], where: str) -> None:
    """Remember the rate each stream declares; it must be the one of the utterances before."""
    for name, rate in by_stream(declared, names).items():
        before = rates.setdefault(name, rate)
        # equal text needs no parsing; "50" and "50/1" do
        if before != rate and parse_rate(before) != parse_rate(rate):
            raise HacError(f"{where}: stream {name!r} is at {rate} Hz here and at {before} Hz in the lines before")
