"""Lhotse manifests, `.jsonl` or `.jsonl.gz`: `*recordings*` and `*supervisions*`, or `*cuts*`.

An utterance is a supervision; a cut without one is an utterance too. Only recordings that are plain files are
read: commands, URLs and transforms (speed, volume, ...) are refused item by item.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hac.corpora.imports.item import Item, Layout, Options, files, resolve
from hac.data.timeline import MAX_SECONDS
from hac.errors import FailureLog, HacError
from hac.files.text import json_objects

_ENDINGS = (".jsonl", ".jsonl.gz")
_SLACK_S = 1e-4  # Lhotse rounds times, so a supervision of a whole recording may miss its end by this

Row = Mapping[str, Any]


class _Unusable(Exception):
    """Why a supervision or cut cannot be used."""


def _sources(source: Path) -> dict[str, list[Path]]:
    """The manifests by what they hold, as their names say."""
    found = [source] if source.is_file() else list(files(source, *_ENDINGS, depth=2))
    kinds = ("cuts", "supervisions", "recordings")
    return {kind: [path for path in found if path.name.endswith(_ENDINGS) and kind in path.name] for kind in kinds}


def _detect(source: Path) -> bool:
    found = _sources(source)
    return bool(found["cuts"] or (found["recordings"] and found["supervisions"]))


def _rows(path: Path) -> Iterator[Row]:
    return (row for _, row in json_objects(path))


def _file_of(recording: Row, source: Path, options: Options) -> Path:
    """The one plain file that a recording is."""
    sources = recording.get("sources") or []
    if recording.get("transforms"):
        raise _Unusable("its recording has transforms; apply and save them with Lhotse first")
    if len(sources) != 1 or sources[0].get("type") != "file":
        kinds = ", ".join(str(entry.get("type")) for entry in sources) or "nothing"
        raise _Unusable(f"its recording comes from {kinds}; only one plain file is read")
    folder = source if source.is_dir() else source.parent
    return resolve(str(sources[0].get("source")), options.audio_root, folder)


def _text(supervision: Row, field: str) -> str | None:
    value = supervision.get(field)
    return None if value is None else str(value)


def _item(
    id: str, supervision: Row, recording: Row, start_s: float, duration_s: float, path: Path, options: Options
) -> Item:
    """The utterance that a supervision describes in its recording; the whole where it spans it."""
    channel = supervision.get("channel", 0)
    if isinstance(channel, list):
        if len(channel) != 1:
            raise _Unusable(f"it lies on {len(channel)} channels; one is expected")
        channel = channel[0]
    channels = recording["sources"][0].get("channels") or [0]
    stop_s = start_s + duration_s
    if not -_SLACK_S < start_s < stop_s < MAX_SECONDS:
        raise _Unusable(f"it runs from {start_s:g} to {stop_s:g} s; expected 0 <= start < end")
    length_s = float(recording["num_samples"]) / float(recording["sampling_rate"])
    whole = abs(start_s) < _SLACK_S and abs(stop_s - length_s) < _SLACK_S
    return Item(
        id,
        path,
        _text(supervision, "speaker"),
        options.language or _text(supervision, "language"),
        _text(supervision, "text"),
        start_s=0.0 if whole else round(max(0.0, start_s), 6),
        stop_s=None if whole else round(stop_s, 6),
        channel=int(channel) if len(channels) > 1 else None,
    )


def _from_supervisions(found: Mapping[str, list[Path]]) -> Iterator[tuple[str, Row, Row, float, float]]:
    """Supervision and recording, with start and duration in the recording."""
    recordings = {row.get("id"): row for path in found["recordings"] for row in _rows(path)}
    for path in found["supervisions"]:
        for row in _rows(path):
            recording = recordings.get(row.get("recording_id"), {})
            yield str(row["id"]), row, recording, float(row["start"]), float(row["duration"])


def _from_cuts(found: Mapping[str, list[Path]]) -> Iterator[tuple[str, Row, Row, float, float]]:
    """The same for cuts, whose supervisions start at the cut."""
    for path in found["cuts"]:
        for cut in _rows(path):
            recording = cut.get("recording") or {}
            channel = cut.get("channel", 0)
            start_s, duration_s = float(cut.get("start", 0.0)), float(cut.get("duration", 0.0))
            supervisions = cut.get("supervisions") or []
            if len(supervisions) <= 1:
                row = {"channel": channel, **(supervisions[0] if supervisions else {})}
                yield str(row.get("id", cut["id"])), row, recording, start_s, duration_s
                continue
            for row in supervisions:
                yield str(row["id"]), row, recording, start_s + float(row["start"]), float(row["duration"])


def _find(source: Path, options: Options, failures: FailureLog) -> Iterator[Item]:
    found = _sources(source)
    rows = _from_cuts(found) if found["cuts"] else _from_supervisions(found)
    try:
        for id, supervision, recording, start_s, duration_s in rows:
            try:
                if not recording:
                    raise _Unusable("its recording is not in the manifest")
                path = _file_of(recording, source, options)
                yield _item(id, supervision, recording, start_s, duration_s, path, options)
            except _Unusable as error:
                failures.add(id, "lhotse-unusable", str(error))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise HacError(f"{source}: a Lhotse manifest lacks or garbles a field ({error!r})") from error


LAYOUT = Layout("lhotse", "*cuts*.jsonl(.gz), or *recordings* and *supervisions*", _detect, _find)
