"""Any folder of audio: transcripts (`.txt`, `.lab`, `.normalized.txt`) and TextGrids of the same name beside.

As for the Montreal Forced Aligner, the folder that a file lies in names its speaker, unless that is the corpus
folder itself. An id is the file's name, or its whole path where names repeat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hac.corpora.imports.item import SUFFIXES, Item, Layout, Options, files
from hac.errors import FailureLog, HacError
from hac.files.text import read_text

_TRANSCRIPTS = (".normalized.txt", ".txt", ".lab")
_ALIGNMENTS = (".TextGrid", ".textgrid")


def _detect(source: Path) -> bool:
    return source.is_dir() and next(files(source, *SUFFIXES), None) is not None


def _beside(audio: Path, endings: tuple[str, ...]) -> Path | None:
    return next((path for e in endings if (path := audio.with_name(audio.stem + e)).is_file()), None)


def _find(source: Path, options: Options, failures: FailureLog) -> Iterator[Item]:
    found = list(files(source, *SUFFIXES))
    repeated = {stem for stem, count in Counter(audio.stem for audio in found).items() if count > 1}
    for audio in found:
        inside = audio.relative_to(source)
        id = inside.as_posix() if audio.stem in repeated else audio.stem
        transcript = _beside(audio, _TRANSCRIPTS)
        try:
            text = read_text(transcript, "a transcript").strip() if transcript else None
        except HacError as error:
            failures.add(id, "text-encoding", str(error))
            continue
        named = options.speaker_folders and len(inside.parts) > 1
        speaker = audio.parent.name if named else None
        yield Item(id, audio, speaker, options.language, text or None, _beside(audio, _ALIGNMENTS))


LAYOUT = Layout("folder", "audio files at any depth", _detect, _find)
