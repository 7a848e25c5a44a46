"""What every reader of alignment text files shares: decoding, numbers, and one sentence for what is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from hac.data.timeline import MAX_SECONDS, to_us
from hac.errors import HacError, Unusable
from hac.files.text import encoding_of

Interval = tuple[str, int, int]
"""Label, onset and offset in microseconds."""
FileTiers = Mapping[str, list[Interval]]
"""Intervals by tier name, of one utterance."""


class AlignmentFileError(Unusable, HacError):
    """An alignment file, or one utterance in it, that cannot be used."""


def read_text(path: Path) -> str:
    """The text of a file in UTF-8 or UTF-16, with or without byte-order mark; plain newlines.

    Praat writes UTF-16 as soon as a label holds a character beyond ASCII; both are legal.

    Raises:
        AlignmentFileError: the file is missing, unreadable, empty, or in another encoding.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AlignmentFileError(
            "alignment-unreadable", f"{path}: cannot be read ({error.strerror}); expected an alignment file"
        ) from error
    if not data.strip(b" \t\r\n\0"):
        raise AlignmentFileError("alignment-empty", f"{path}: the file is empty; write the alignment again")
    if data.startswith(b"ooBinaryFile"):
        raise AlignmentFileError(
            "alignment-format", f"{path}: a binary file of Praat; save it there as a text file (TextGrid)"
        )
    encoding = encoding_of(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise AlignmentFileError(
            "alignment-encoding",
            f"{path}: byte {error.start} is not valid {encoding.upper()}; expected UTF-8 or UTF-16: convert "
            "the file, for instance with `iconv -f LATIN1 -t UTF-8`",
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def seconds_us(text: str, where: str) -> int:
    """A time in seconds, as text, to microseconds; `where` (file and line) opens the complaint.

    Raises:
        AlignmentFileError: it is no number, or beyond 30 years.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not abs(seconds) < MAX_SECONDS:  # which neither NaN nor infinity is
        raise AlignmentFileError("alignment-number", f"{where}: {text!r} stands where a time in seconds was expected")
    return to_us(seconds)


def check_intervals(intervals: list[Interval], where: str) -> list[Interval]:
    """The intervals, if none ends before it begins.

    Raises:
        AlignmentFileError: the times of one are swapped.
    """
    for label, onset, offset in intervals:
        if offset < onset:
            raise AlignmentFileError(
                "alignment-swapped-times",
                f"{where}: {label!r} begins at {onset / 1e6} s and ends at {offset / 1e6} s, before it "
                "begins; the times are swapped or the file is damaged",
            )
    return intervals
