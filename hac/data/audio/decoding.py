"""Decoding audio files block by block, with every way a file can be bad put into words.

Memory follows the samples that are really there, never what a header promises; a file that holds less than
its header promises is an error, not a shorter recording.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import soundfile
from numpy.typing import NDArray

from hac.errors import HacError, Unusable

Channels = Literal["mix", "first", "left", "right", "error"]
"""How several channels become one: their mean; the first; the left or right of two; or an error."""

BLOCK = 1 << 18
"""Samples decoded at a time, per channel."""

_UNKNOWN = 1 << 62
"""libsndfile reports its largest count where a header leaves the length open (streamed FLAC)."""

_CHUNK_SHORT = re.compile(r"^\s*(?:data|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
_OPEN_SIZES = range(0x7FFF0000, 0x80000000), range(0xFFFF0000, 1 << 32)
"""Chunk sizes that writers to a pipe leave in a WAV header, meaning "until the end"."""


class AudioError(Unusable, HacError):
    """An audio file that cannot be used.

    Attributes:
        detail: what is wrong with it, in words.
        reason: slug for counting: `audio-missing`, `audio-empty`, `audio-unreadable`, `audio-truncated`,
            `audio-not-finite`, `audio-channels`, `audio-range`, `audio-silent` or `audio-duration`.
    """

    def __init__(self, path: Path | str, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.path = str(path)
        self.args = self.path, reason, detail  # what it is pickled by, on its way to a parent

    def __str__(self) -> str:
        return f"{self.path}: {self.detail}"


@dataclass(frozen=True)
class Decoder:
    """An open audio file of `n_samples` samples per channel."""

    path: Path
    sound: Any
    n_samples: int

    @property
    def sample_rate(self) -> int:
        """Hz, as stored."""
        return int(self.sound.samplerate)

    def blocks(self, channels: Channels, first: int, last: int) -> Iterator[NDArray[np.float32]]:
        """Decode samples `first` to `last` as mono blocks [n], checked to be there and to be finite.

        Raises:
            AudioError: fewer samples than that, damaged data, NaN or infinity, or the channel policy refuses.
        """
        at, trouble = first, ""
        try:
            self._go_to(first)
            while at < last:
                data = self.sound.read(min(BLOCK, last - at), dtype="float32", always_2d=True)
                if len(data) == 0:
                    break
                self._check_finite(data, at)
                yield one_channel(data, channels, self.path)
                at += len(data)
        except soundfile.LibsndfileError as error:
            trouble = f" ({error.error_string.removeprefix('Error : ').strip(' .')})"
        if at < last:
            rate = self.sample_rate
            decoded = f"only {at / rate:.3f} s of {self.n_samples / rate:.3f} s could be decoded{trouble}"
            raise AudioError(self.path, "audio-truncated", f"truncated or damaged: {decoded}; copy it again")

    def _go_to(self, first: int) -> None:
        """Seek; in Ogg to a second before, since a Vorbis or Opus decoder needs to run in to be itself again."""
        run_in = min(first, self.sample_rate) if self.sound.format == "OGG" else 0
        self.sound.seek(first - run_in)
        if run_in:
            self.sound.read(run_in, dtype="float32")

    def _check_finite(self, data: NDArray[np.float32], at: int) -> None:
        finite = np.isfinite(data).all(axis=1)
        if not finite.all():
            bad_s = (at + int(np.argmin(finite))) / self.sample_rate
            raise AudioError(self.path, "audio-not-finite", f"the sample at {bad_s:.3f} s is NaN or infinite")


@contextmanager
def opened(path: Path) -> Iterator[Decoder]:
    """Open a file for decoding.

    Raises:
        AudioError: the file is missing, empty, not audio, or visibly shorter than its header promises.
    """
    with _sound(path) as sound:
        _check_promise(sound, path)
        if sound.frames == 0:
            raise AudioError(path, "audio-empty", "it holds no samples")
        if sound.frames >= _UNKNOWN:
            detail = "its header does not say how long it is (written to a pipe?); convert it to a file again"
            raise AudioError(path, "audio-unreadable", detail)
        yield Decoder(path, sound, int(sound.frames))


def one_channel(data: NDArray[np.float32], channels: Channels, path: Path | str) -> NDArray[np.float32]:
    """Make a block [n, c] mono [n] by a channel policy.

    Raises:
        AudioError: the policy is `error` and there are several channels, or the asked channel is not there.
        HacError: there is no such policy.
    """
    count = data.shape[1]
    if channels not in get_args(Channels):
        raise HacError(f"channel policy {channels!r} is not one of {', '.join(get_args(Channels))}")
    if channels == "error" and count != 1:
        detail = f"{count} channels where one is expected; choose mix, first, left or right"
        raise AudioError(path, "audio-channels", detail)
    if (channels == "right" and count != 2) or (channels == "left" and count > 2):
        detail = f"there is no {channels} channel among {count}; choose mix or first"
        raise AudioError(path, "audio-channels", detail)
    if count == 1 or channels in ("first", "left"):
        return np.ascontiguousarray(data[:, 0])
    if channels == "right":
        return np.ascontiguousarray(data[:, 1])
    mean: NDArray[np.float32] = data.mean(axis=1, dtype=np.float64).astype(np.float32)
    return mean


def _sound(path: Path) -> Any:
    try:
        there = path.is_file()
    except OSError:  # a name too long for any file
        there = False
    if not there:
        raise AudioError(path, "audio-missing", "no such audio file")
    if path.stat().st_size == 0:
        raise AudioError(path, "audio-empty", "the file is empty (0 bytes)")
    try:
        return soundfile.SoundFile(os.fsencode(path))
    except (soundfile.LibsndfileError, TypeError) as error:
        # TypeError: a name ending in .raw, whose rate nobody knows
        why = str(getattr(error, "error_string", error)).strip(" .")
        if not why or "possibly a pipe" in why:  # libsndfile's words for an mp3 without one valid frame
            why = "unknown format"
        detail = f"not audio that can be read ({why}); expected wav, flac, ogg or mp3"
        raise AudioError(path, "audio-unreadable", detail) from error


def _check_promise(sound: Any, path: Path) -> None:
    """Refuse a container that ends before its own header says."""
    if sound.format == "OGG":
        if not _ogg_ends(path):
            detail = "truncated: the Ogg stream stops without its last page; copy it again"
            raise AudioError(path, "audio-truncated", detail)
        return
    found = _CHUNK_SHORT.search(sound.extra_info)
    if found is None:
        return
    promised, present = int(found[1]), int(found[2])
    # one byte is the padding that a chunk of odd length should have and often lacks
    if promised > present + 1 and not any(promised in sizes for sizes in _OPEN_SIZES):
        detail = f"truncated: its header promises {promised} bytes of audio and {present} are there"
        raise AudioError(path, "audio-truncated", f"{detail}; copy it again")


def _ogg_ends(path: Path) -> bool:
    """Whether the last Ogg page is whole and marked as the end of its stream (RFC 3533, section 6)."""
    longest_page = 27 + 255 + 255 * 255
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - longest_page))
        tail = stream.read()
    at = tail.rfind(b"OggS")
    if at < 0 or len(tail) < at + 27:
        return False
    table = tail[at + 27 : at + 27 + tail[at + 26]]
    whole = len(table) == tail[at + 26] and len(tail) >= at + 27 + len(table) + sum(table)
    return whole and bool(tail[at + 5] & 4)
