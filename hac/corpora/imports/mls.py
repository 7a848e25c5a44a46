"""Multilingual LibriSpeech: `mls_LANGUAGE/SPLIT/transcripts.txt` and `SPLIT/audio/SPEAKER/BOOK/ID.flac` (or opus).

`segments.txt` says where an utterance lay in its LibriVox chapter; the audio is cut already, so it is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hac.corpora.imports.item import Item, Layout, Options, audio_beside, files, keyed_lines
from hac.errors import FailureLog

LANGUAGES = {
    "dutch": "nl",
    "english": "en",
    "french": "fr",
    "german": "de",
    "italian": "it",
    "polish": "pl",
    "portuguese": "pt",
    "spanish": "es",
}
"""Codes of the languages in folder names."""


def _transcripts(source: Path) -> Iterator[Path]:
    return (path for path in files(source, "transcripts.txt", depth=3) if (path.parent / "audio").is_dir())


def _detect(source: Path) -> bool:
    return next(_transcripts(source), None) is not None


def _language(folder: Path) -> str | None:
    """The language that the nearest folder `mls_LANGUAGE...` names."""
    for name in (folder.name, *(parent.name for parent in folder.parents)):
        parts = name.lower().split("_")
        if parts[0] == "mls" and len(parts) > 1 and parts[1] in LANGUAGES:
            return LANGUAGES[parts[1]]
    return None


def _find(source: Path, options: Options, failures: FailureLog) -> Iterator[Item]:
    for transcript in _transcripts(source):
        language = options.language or _language(transcript.parent.absolute())
        for id, text in keyed_lines(transcript, "\t").items():
            parts = id.split("_")
            if len(parts) != 3:
                detail = f"{transcript} lists it; expected an id such as 6892_10049_000000"
                failures.add(id, "bad-id", detail)
                continue
            audio = audio_beside(transcript.parent / "audio" / parts[0] / parts[1], id)
            if audio is None:
                failures.add(id, "audio-missing", f"{transcript} lists it, and audio/ does not have it")
                continue
            yield Item(id, audio, parts[0], language, text or None)


LAYOUT = Layout("mls", "transcripts.txt beside a folder audio/", _detect, _find)
