"""LibriSpeech: `SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt` beside `SPEAKER-CHAPTER-NUMBER.flac`, at any depth.

Gender is read from `SPEAKERS.TXT` (`14 | F | train-clean-360 | ...`) in the folder or one of the two above it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hac.corpora.imports.item import (
    Item,
    Layout,
    Options,
    audio_beside,
    files,
    gender_of,
    is_file,
    keyed_lines,
    lines_of_table,
)
from hac.errors import FailureLog


def _detect(source: Path) -> bool:
    return next(files(source, ".trans.txt"), None) is not None


def _find(source: Path, options: Options, failures: FailureLog) -> Iterator[Item]:
    genders = _genders(source, failures)
    for transcript in files(source, ".trans.txt"):
        for id, text in keyed_lines(transcript).items():
            audio = audio_beside(transcript.parent, id)
            if audio is None:
                failures.add(id, "audio-missing", f"{transcript} lists it, and no audio file lies beside")
                continue
            speaker = id.split("-")[0]
            gender = genders.get(speaker)
            yield Item(id, audio, speaker, options.language or "en", text or None, gender=gender)


def _genders(source: Path, failures: FailureLog) -> dict[str, str | None]:
    """Gender of each speaker; a subset such as `dev-clean` lies below the table, and comments begin with `;`."""
    tables = [folder / "SPEAKERS.TXT" for folder in (source, *source.absolute().parents[:2])]
    table = next((path for path in tables if is_file(path)), tables[0])
    rows = (line.split("|") for line in lines_of_table(table, failures) if not line.startswith(";"))
    return {row[0].strip(): gender_of(row[1]) for row in rows if len(row) > 1}


LAYOUT = Layout("librispeech", "*.trans.txt files beside the audio", _detect, _find)
