"""VCTK: `wav48*/SPEAKER/ID.wav` (0.92: `ID_mic1.flac`, `ID_mic2.flac`) and `txt/SPEAKER/ID.txt`.

Of two microphones the first is taken: the second repeats the same speech. Gender is read from `speaker-info.txt`
(`ID AGE GENDER ...`, ids with or without the `p`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hac.corpora.imports.item import SUFFIXES, Item, Layout, Options, files, gender_of, lines_of_table
from hac.errors import FailureLog, HacError
from hac.files.text import read_text


def _audio_folder(source: Path) -> Path | None:
    return next((folder for folder in sorted(source.glob("wav*")) if folder.is_dir()), None)


def _detect(source: Path) -> bool:
    return (source / "txt").is_dir() and _audio_folder(source) is not None


def _find(source: Path, options: Options, failures: FailureLog) -> Iterator[Item]:
    folder = _audio_folder(source)
    if folder is None:
        return
    genders = _genders(source / "speaker-info.txt", failures)
    for audio in files(folder, *SUFFIXES):
        id = audio.stem.removesuffix("_mic1")
        if id.endswith("_mic2"):
            if not audio.with_name(audio.name.replace("_mic2", "_mic1")).exists():
                failures.add(id, "one-microphone", f"{audio} has no recording by the first microphone beside")
            continue
        speaker = audio.parent.name
        transcript = source / "txt" / speaker / f"{id}.txt"
        try:
            text = read_text(transcript, "a transcript").strip() if transcript.is_file() else None
        except HacError as error:
            failures.add(id, "text-encoding", str(error))
            continue
        yield Item(id, audio, speaker, options.language or "en", text, gender=genders.get(speaker))


def _genders(table: Path, failures: FailureLog) -> dict[str, str | None]:
    """Gender of each speaker: the third column, below one line of names. Some editions cut the `p` off the ids."""
    rows = [line.split() for line in lines_of_table(table, failures)[1:]]
    of = {row[0]: gender_of(row[2]) for row in rows if len(row) > 2}
    return {**{f"p{id}": gender for id, gender in of.items()}, **of}


LAYOUT = Layout("vctk", "wav48*/SPEAKER/ beside txt/SPEAKER/", _detect, _find)
