"""Segments: stretches of speech that somebody found to be words, each in a class of its likes.

Three ways to have them, all of which end in a `Tier` whose labels are the classes:

- a class file, the format of the Zero Resource Speech Challenges: `Class N` (and perhaps a transcription), then one
  `id onset offset` a line in seconds, and an empty line at the end of each class;
- CSV or Parquet with the columns `id`, `onset`, `offset` (seconds) and `cluster`;
- the runs of equal codes of a token stream, the code being the class.

Segments may overlap and need not cover the speech. The class file is read a little more kindly than by the challenges'
own reader: ids may hold spaces (but not begin with the word `Class`), a class also ends where the next begins, and the
last empty line may be missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hac.data.ragged import bounds_of
from hac.data.tiers import Row, Tier, tier_from_rows
from hac.data.timeline import MAX_SECONDS, US_PER_S, frame_edges_us, to_us
from hac.data.tokens.token_store import Stream
from hac.errors import FailureLog, HacError
from hac.files.text import read_text, require_columns, table_rows

NAME = "segments"
COLUMNS = ("id", "onset", "offset", "cluster")
_EXPECTED = f"a class file (`Class 1`, then `id onset offset`), or CSV or Parquet with {', '.join(COLUMNS)}"

_Found = tuple[str, Any, Any, Any, Any]
"""Where it stands, id, onset, offset and class, as found."""


def read_segments(path: Path, failures: FailureLog | None = None) -> Tier:
    """Read segments from a class file, CSV or Parquet: a tier whose vocabulary is the classes, sorted by name.

    Args:
        path: the file; Parquet by its suffix, a class file by its first word, else CSV.
        failures: takes segments that end before they begin; without it the first of them is raised.

    Raises:
        HacError: the file is missing or damaged, is in none of the formats, or holds no segment.
    """
    path = Path(path)
    log = FailureLog(strict=True) if failures is None else failures
    if not path.is_file():
        raise HacError(f"{path}: no such file of segments")
    found = _from_parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _from_text(path)
    rows = list(_checked(found, log))
    if not rows:
        raise HacError(f"{path}: holds no segment; expected {_EXPECTED}")
    return tier_from_rows(NAME, rows)


def runs_of(stream: Stream, ids: Sequence[str]) -> Tier:
    """The runs of equal codes of each utterance as segments, the code (as text) being the class.

    Args:
        stream: the codes; times are frame edges, to the nearest microsecond.
        ids: the utterances, in the stream's order.
    """
    first = stream.run_starts()
    last = np.append(first[1:], len(stream.codes))
    utterance = np.searchsorted(stream.bounds, first, side="right") - 1
    base = stream.bounds[utterance]
    codes, labels = np.unique(stream.codes[first], return_inverse=True)
    return Tier(
        NAME,
        tuple(ids),
        bounds_of(np.bincount(utterance, minlength=len(ids))),
        labels.astype(np.int32),
        frame_edges_us(first - base, stream.frame_rate),
        frame_edges_us(last - base, stream.frame_rate),
        tuple(map(str, codes.tolist())),
    )


def within(segments: Tier, ids: Sequence[str], durations_us: Mapping[str, int], failures: FailureLog | None) -> Tier:
    """The segments of these utterances, cut at the end of each.

    Args:
        segments: from `read_segments` or `runs_of`.
        ids: the utterances that can be scored; those without a segment keep none.
        durations_us: of each of them, in microseconds.
        failures: takes the ids that are not among `ids`, unless it knows them already, and segments that begin
            where the utterance has ended. Without it they are left out in silence: a tokenizer's padding.

    Raises:
        HacError: not one of the segments' ids is among `ids`.
    """
    known = set(ids)
    if not known & set(segments.ids):
        raise HacError(
            f"none of the {len(segments.ids)} ids of the segments has an alignment: segments have ids such as "
            f"{segments.ids[0]!r}, alignments {ids[0]!r}; ids must be the same text"
        )
    has = set(segments.ids)
    kept = segments.select([id for id in ids if id in has])
    end = np.array([durations_us[id] for id in kept.ids], np.int64)[kept.utterance_index()]
    inside = kept.onset_us < end
    if failures is not None:
        _report(segments, known, failures)
        for row in np.flatnonzero(~inside):
            id = kept.ids[int(kept.utterance_index()[row])]
            detail = f"a segment begins at {_s(kept.onset_us[row])}, the utterance ends at {_s(end[row])}"
            failures.add(id, "segment-outside", detail)
    return _of_ids(replace(kept, offset_us=np.minimum(kept.offset_us, end)), inside, ids)


def _report(segments: Tier, known: set[str], failures: FailureLog) -> None:
    said = failures.ids
    for id, n in zip(segments.ids, np.diff(segments.bounds).tolist(), strict=True):
        if id not in known and id not in said:
            failures.add(id, "segments-unknown-id", f"{n} segments of an utterance without words and phones")


def _of_ids(tier: Tier, keep: np.ndarray[Any, np.dtype[np.bool_]], ids: Sequence[str]) -> Tier:
    """The rows to keep, over all of `ids` (which hold the tier's ids in the same order)."""
    place = {id: i for i, id in enumerate(ids)}
    to = np.array([place[id] for id in tier.ids], np.int64)
    utterance = to[tier.utterance_index()][keep]
    return Tier(
        tier.name,
        tuple(ids),
        bounds_of(np.bincount(utterance, minlength=len(ids))),
        tier.labels[keep],
        tier.onset_us[keep],
        tier.offset_us[keep],
        tier.vocabulary,
    )


def _s(us: int) -> str:
    return f"{int(us) / US_PER_S:.3f} s"


def _checked(found: Iterable[_Found], failures: FailureLog) -> Iterator[Row]:
    for where, id, onset, offset, cluster in found:
        for name, value in (("id", id), ("cluster", cluster)):
            if value is None or not str(value).strip():
                raise HacError(f"{where}: the {name} is missing; expected {', '.join(COLUMNS)}")
        start, end = _time(onset, where), _time(offset, where)
        if end <= start:
            detail = f"{where}: a segment from {onset} to {offset} s; expected an offset after the onset"
            failures.add(str(id), "segment-times", detail)
            continue
        yield str(id), str(cluster).strip(), start, end


def _time(value: Any, where: str) -> int:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 <= seconds < MAX_SECONDS:  # which NaN is not
        shown = "nothing" if value is None else repr(value)
        raise HacError(f"{where}: {shown} stands where a time in seconds was expected (0 or more)")
    return to_us(seconds)


def _from_text(path: Path) -> Iterator[_Found]:
    text = read_text(path, "a file of segments")
    if not text.strip():
        raise HacError(f"{path}: the file is empty; expected segments")
    return _from_classes(path, text) if text.split(maxsplit=1)[0] == "Class" else _from_csv(path, text)


def _from_classes(path: Path, text: str) -> Iterator[_Found]:
    cluster, seen = None, set()
    for number, line in enumerate(text.split("\n"), start=1):
        where, words = f"{path}, line {number}", line.split()
        if not words:
            cluster = None
        elif words[0] == "Class":
            if len(words) < 2:
                raise HacError(f"{where}: a class without a name; expected `Class N`")
            cluster = words[1]
            if cluster in seen:
                raise HacError(f"{where}: class {cluster!r} begins a second time; expected each class once")
            seen.add(cluster)
        elif len(words) < 3:
            raise HacError(f"{where}: {line.strip()!r}; expected `Class N`, `id onset offset` or an empty line")
        elif cluster is None:
            raise HacError(f"{where}: a segment outside of a class; expected `Class N` before it and no empty line")
        else:
            id, onset, offset = line.strip().rsplit(maxsplit=2)
            yield where, id, onset, offset, cluster


def _from_csv(path: Path, text: str) -> Iterator[_Found]:
    for line, row in table_rows(text, path, COLUMNS, _EXPECTED):
        yield f"{path}, line {line}", row["id"], row["onset"], row["offset"], row["cluster"]


def _from_parquet(path: Path) -> Iterator[_Found]:
    try:
        require_columns(pq.read_schema(path).names, path, COLUMNS, _EXPECTED)
        columns = [pq.read_table(path, columns=[name]).column(0).to_pylist() for name in COLUMNS]
        rows = list(zip(*columns, strict=True))
    except (pa.ArrowException, OSError, EOFError, ValueError) as error:  # ValueError: text that is no UTF-8
        raise HacError(f"{path}: not a Parquet file, or a truncated one; write it again") from error
    for number, (id, onset, offset, cluster) in enumerate(rows, start=1):
        yield f"{path}, row {number}", id, onset, offset, cluster
