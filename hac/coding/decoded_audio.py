"""Decoded audio as files: safe names for untrusted ids, block-wise writing, and a mark of what a file was made from.

The mark is a hash of all that the audio depends on, kept in the file's own comment field. So a file and its mark
appear together or not at all, and a run that goes on knows a finished file by itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from hac.data.audio.audio import AudioError
from hac.files.atomic import atomic_path, distinct

FORMATS = {"wav": "WAV", "flac": "FLAC"}
"""Formats that are written, both with 16 bits, by the name's ending."""

_MARK = "hac-decode "
_LONGEST = 100
"""Bytes of a name: temporary names and endings are added to it, and file systems allow 255."""


def file_names(ids: Iterable[str]) -> list[str]:
    """A file name, without ending, for each id: no two alike, even where capitals do not count."""
    return distinct(safe_name(id) for id in ids)


def safe_name(id: str) -> str:
    """An id as a file name: letters, digits, `-`, `_` and `.` stay, all else becomes `_`, 100 bytes at most.

    It starts with neither `.` nor `-`, and where it is not the id itself, a hash of the id ends it.
    """
    clean = re.sub(r"[^\w.-]", "_", id).lstrip(".-")
    name = clean.encode()[:_LONGEST].decode(errors="ignore")
    if id and name == id:
        return name
    digest = hashlib.sha256(id.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{name}-{digest}" if name else digest


def write_marked(path: Path, blocks: Iterable[NDArray[np.float32]], sample_rate: int, mark: str) -> int:
    """Write audio block by block, never half a file; returns the number of samples.

    Args:
        path: where to, `.wav` or `.flac`; values beyond full scale are clipped.
        blocks: float32 [n] each, full scale is 1.
        sample_rate: Hz.
        mark: what `read_mark` will find.

    Raises:
        AudioError: the samples are not finite.
        HacError: the folder cannot be written, or the disk is full.
    """
    n_samples = 0
    with atomic_path(path) as temporary, temporary.open("w+b") as raw:
        sink = _Sink(raw)
        try:
            with soundfile.SoundFile(sink, "w", sample_rate, 1, format=FORMATS[path.suffix[1:]]) as sound:
                sound.comment = _MARK + mark
                for block in blocks:
                    if not np.isfinite(block).all():
                        detail = "the decoder gave NaN or infinity; are the model's weights sound?"
                        raise AudioError(path, "audio-not-finite", detail)
                    sound.write(block)
                    n_samples += len(block)
        except (soundfile.LibsndfileError, AssertionError):
            if sink.trouble is None:
                raise
        if sink.trouble is not None:
            raise sink.trouble
    return n_samples


def read_mark(path: Path, n_samples: int) -> str | None:
    """The mark of a file that `write_marked` wrote; None where there is none, or not a whole file of that length."""
    try:
        with soundfile.SoundFile(path) as sound:
            comment = str(sound.comment)
            sound.seek(n_samples - 1)  # a crash of the machine may leave a header without its audio
            whole = sound.frames == n_samples and len(sound.read(1)) == 1
    except (soundfile.LibsndfileError, OSError):
        return None
    return comment.removeprefix(_MARK) if whole and comment.startswith(_MARK) else None


class _Sink:
    """A file for libsndfile that remembers why it could not be written: libsndfile itself forgets the errno."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.trouble: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            self._raw.write(data)
        except OSError as error:
            self.trouble = error
            return 0
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._raw.seek(offset, whence))

    def tell(self) -> int:
        return int(self._raw.tell())

    def read(self, size: int) -> bytes:
        return bytes(self._raw.read(size))
