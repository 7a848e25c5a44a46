"""VCTK: `wav48*/SPEAKER/ID.wav` (0.92: `ID_mic1.flac`, `ID_mic2.flac`) and `txt/SPEAKER/ID.txt`.

Of two microphones the first is taken: the second repeats the same speech.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hac.data.corpora.imports.base import SUFFIXES, Item, Layout, Options, files, read_text
from hac.errors import FailureLog, HacError


def _audio_folder(source: Path) -> Path | None:
    return next((folder for folder in sorted(source.glob("wav*")) if folder.is_dir()), None)


def _detect(source: Path) -> bool:
    return (source / "txt").is_dir() and _audio_folder(source) is not None


def _find(source: Path, options: Options, failures: FailureLog) -> Iterator[Item]:
    folder = _audio_folder(source)
    if folder is None:
        return
    for audio in files(folder, *SUFFIXES):
        id = audio.stem.removesuffix("_mic1")
        if id.endswith("_mic2"):
            if not audio.with_name(audio.name.replace("_mic2", "_mic1")).exists():
                failures.add(id, "one-microphone", f"{audio} has no recording by the first microphone beside")
            continue
        speaker = audio.parent.name
        transcript = source / "txt" / speaker / f"{id}.txt"
        try:
            text = read_text(transcript).strip() if transcript.is_file() else None
        except HacError as error:
            failures.add(id, "text-encoding", str(error))
            continue
        yield Item(id, audio, speaker, options.language or "en", text)


LAYOUT = Layout("vctk", "wav48*/SPEAKER/ beside txt/SPEAKER/", _detect, _find)
