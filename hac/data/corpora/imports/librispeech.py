"""LibriSpeech: `SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt` beside `SPEAKER-CHAPTER-NUMBER.flac`, at any depth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hac.data.corpora.imports.base import Item, Layout, Options, audio_beside, files, keyed_lines
from hac.errors import FailureLog


def _detect(source: Path) -> bool:
    return next(files(source, ".trans.txt"), None) is not None


def _find(source: Path, options: Options, failures: FailureLog) -> Iterator[Item]:
    for transcript in files(source, ".trans.txt"):
        for id, text in keyed_lines(transcript).items():
            audio = audio_beside(transcript.parent, id)
            if audio is None:
                failures.add(id, "audio-missing", f"{transcript} lists it, and no audio file lies beside")
                continue
            yield Item(id, audio, id.split("-")[0], options.language or "en", text or None)


LAYOUT = Layout("librispeech", "*.trans.txt files beside the audio", _detect, _find)
