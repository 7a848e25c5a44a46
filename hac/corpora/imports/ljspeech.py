"""LJSpeech and its like: `metadata.csv` of `ID|text|normalized text` and `wavs/ID.wav`; one speaker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hac.corpora.imports.item import SUFFIXES, Item, Layout, Options, audio_beside, numbered_lines
from hac.errors import FailureLog


def _detect(source: Path) -> bool:
    return (source / "metadata.csv").is_file() and (source / "wavs").is_dir()


def _find(source: Path, options: Options, failures: FailureLog) -> Iterator[Item]:
    name = source.absolute().name
    # only LJSpeech itself is known to be English; its like come in many languages
    language = options.language or ("en" if name.lower().startswith("ljspeech") else None)
    for where, line in numbered_lines(source / "metadata.csv"):
        parts = [part.strip() for part in line.split("|")]
        if len(parts) < 2 or not parts[0]:
            failures.add(where, "bad-row", f"{where} is not ID|text or ID|text|normalized text")
            continue
        id = parts[0][:-4] if parts[0].lower().endswith(SUFFIXES) else parts[0]
        audio = audio_beside(source / "wavs", id)
        if audio is None:
            failures.add(id, "audio-missing", f"{where} lists it, and wavs/ does not have it")
            continue
        yield Item(id, audio, name, language, parts[2] if len(parts) > 2 and parts[2] else parts[1])


LAYOUT = Layout("ljspeech", "metadata.csv beside a folder wavs/", _detect, _find)
