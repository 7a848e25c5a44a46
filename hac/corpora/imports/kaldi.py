"""A Kaldi data directory: `wav.scp`, and where there are `segments`, `text`, `utt2spk` or `spk2utt`, `utt2lang`.

Commands in `wav.scp` (`sox ... |`) are refused: a corpus is data, and running what it says is not reading it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from hac.corpora.imports.item import Item, Layout, Options, keyed_lines, numbered_lines, resolve
from hac.data.timeline import MAX_SECONDS
from hac.errors import FailureLog, HacError

_ARCHIVE = re.compile(r"\.ark:\d+$")


def _detect(source: Path) -> bool:
    return (source / "wav.scp").is_file()


def _recordings(source: Path, options: Options) -> dict[str, Path]:
    """Audio files by recording id."""
    recordings: dict[str, Path] = {}
    for where, line in numbered_lines(source / "wav.scp"):
        id, _, value = line.strip().partition(" ") if " " in line.strip() else line.strip().partition("\t")
        value = value.strip()
        if not value:
            raise HacError(f"{where} has no path; expected RECORDING PATH")
        if value.endswith("|") or value.startswith("|"):
            detail = f"{where} is a command ({value[:60]!r}), which hac never runs"
            raise HacError(f"{detail}; write the audio to files first and list these, e.g. with wav-copy")
        if _ARCHIVE.search(value):
            raise HacError(f"{where} points into a Kaldi archive; write the audio to files with wav-copy first")
        recordings[id] = resolve(value, options.audio_root, source)
    return recordings


def _speakers(source: Path) -> Mapping[str, str]:
    if (source / "utt2spk").is_file():
        return keyed_lines(source / "utt2spk")
    if not (source / "spk2utt").is_file():
        return {}
    lines = keyed_lines(source / "spk2utt")
    return {id: speaker for speaker, ids in lines.items() for id in ids.split()}


def _segments(
    source: Path, recordings: Mapping[str, Path], failures: FailureLog
) -> Iterator[tuple[str, Path, float, float | None]]:
    """Utterance id, recording, start and stop; whole recordings where there is no `segments`."""
    if not (source / "segments").is_file():
        yield from ((id, path, 0.0, None) for id, path in recordings.items())
        return
    for where, line in numbered_lines(source / "segments"):
        parts = line.split()
        try:
            id, recording, start, stop = parts[0], parts[1], float(parts[2]), float(parts[3])
        except (IndexError, ValueError):
            failures.add(where, "bad-segment", f"{where} is not UTTERANCE RECORDING START END")
            continue
        # an end of -1 means that of the recording
        if not 0 <= start < MAX_SECONDS or (stop != -1 and not start < stop < MAX_SECONDS):
            failures.add(id, "bad-segment", f"{where} runs from {start:g} to {stop:g} s; expected 0 <= start < end")
        elif recording not in recordings:
            failures.add(id, "bad-segment", f"{where} names recording {recording!r}, which wav.scp lacks")
        else:
            yield id, recordings[recording], start, None if stop == -1 else stop


def _find(source: Path, options: Options, failures: FailureLog) -> Iterator[Item]:
    recordings = _recordings(source, options)
    tables = {name: keyed_lines(source / name) if (source / name).is_file() else {} for name in ("text", "utt2lang")}
    speakers = _speakers(source)
    for id, path, start_s, stop_s in _segments(source, recordings, failures):
        yield Item(
            id,
            path,
            speakers.get(id) or None,
            options.language or tables["utt2lang"].get(id) or None,
            tables["text"].get(id) or None,
            start_s=start_s,
            stop_s=stop_s,
        )


LAYOUT = Layout("kaldi", "wav.scp", _detect, _find)
