"""Readers of CTM, TIMIT and MFA's CSV: one file to intervals in microseconds.

- CTM (NIST, Kaldi): `utterance [channel] start duration label [confidence …]`, comments after `;;`; many utterances.
- TIMIT `.phn` and `.wrd`: `start end label` in samples; one utterance.
- MFA's CSV: a header `Begin,End,Label,Type,Speaker`, seconds; one utterance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from hac.data.alignments.text import AlignmentFileError, FileTiers, Interval, check_intervals, read_text, seconds_us
from hac.data.phones.policy import looks_like_phones
from hac.data.tiers import PHONES, WORDS
from hac.data.timeline import samples_to_us
from hac.errors import HacError
from hac.files.text import table_rows

CSV_HEADER = ("Begin", "End", "Label", "Type")


def read_ctm(
    path: Path, tier: str | None = None
) -> tuple[str, Mapping[str, list[Interval]], list[tuple[str, AlignmentFileError]]]:
    """A CTM file.

    Args:
        tier: `phones` or `words`; by default as the file's name says (`phone_ctm`, `words.ctm`), else as its
            labels look.

    Returns:
        The tier's name; its intervals by utterance; and for each utterance that cannot be used, why.

    Raises:
        AlignmentFileError: nothing in the file is CTM, or its encoding is wrong.
    """
    lines = [(i, fields) for i, fields in _fields(read_text(path), comment=";;") if fields]
    if not lines or not any(len(fields) >= 4 for _, fields in lines):
        raise AlignmentFileError(
            "alignment-format",
            f"{path}: no line has CTM's 4 fields or more; expected `utterance channel start duration label`",
        )
    skip = _channel_column(lines)
    good: dict[str, list[Interval]] = {}
    bad: dict[str, AlignmentFileError] = {}
    for i, fields in lines:
        try:
            good.setdefault(fields[0], []).append(_ctm_interval(fields, skip, f"{path}, line {i}"))
        except AlignmentFileError as error:
            bad.setdefault(fields[0], error)
    kept = {id: intervals for id, intervals in good.items() if id not in bad}
    return tier or _ctm_tier(path, kept), kept, list(bad.items())


def _ctm_interval(fields: list[str], channel: int, where: str) -> Interval:
    n = len(fields) - 1 - (channel if len(fields) > 4 else 0)
    if n < 3:
        raise AlignmentFileError(
            "alignment-format",
            f"{where}: {len(fields)} fields; expected `utterance [channel] start duration label`",
        )
    start = len(fields) - n  # what follows the label is confidence, type, speaker: not ours
    onset = seconds_us(fields[start], where)
    interval = (fields[start + 2], onset, onset + seconds_us(fields[start + 1], where))
    check_intervals([interval], where)
    return interval


def _channel_column(lines: Iterable[tuple[int, list[str]]]) -> int:
    """1 where the file has a channel column. Five fields are ambiguous: the majority of lines decides, so
    that one damaged line cannot turn the columns of the others."""
    votes = 0
    for _, fields in lines:
        if len(fields) > 5:
            votes += 1
        elif len(fields) == 5:
            votes += 1 if _is_number(fields[3]) else -1
    return 1 if votes >= 0 else 0


def _ctm_tier(path: Path, intervals: Mapping[str, list[Interval]]) -> str:
    name = path.name.casefold()
    for tier, hints in ((PHONES, ("phone", "phn")), (WORDS, ("word", "wrd"))):
        if any(hint in name for hint in hints):
            return tier
    return PHONES if looks_like_phones({label for rows in intervals.values() for label, *_ in rows}) else WORDS


def read_timit(path: Path, sample_rate: int = 16_000) -> list[Interval]:
    """The intervals of a TIMIT `.phn` or `.wrd` file, whose times count samples.

    Raises:
        AlignmentFileError: a line is no `start end label`, or its times are swapped.
    """
    intervals = []
    for i, fields in _fields(read_text(path)):
        if not fields:
            continue
        where = f"{path}, line {i}"
        if len(fields) < 3:
            raise AlignmentFileError("alignment-format", f"{where}: {len(fields)} fields; expected `start end label`")
        onset, offset = (samples_to_us(_samples(text, where), sample_rate) for text in fields[:2])
        intervals.append((" ".join(fields[2:]), onset, offset))
    return check_intervals(intervals, str(path))


def read_mfa_csv(path: Path) -> FileTiers:
    """The tiers of one of MFA's CSV files; speakers are joined and sorted in time.

    Raises:
        AlignmentFileError: a column is missing, a time is no number, or times are swapped.
    """
    text = read_text(path)
    try:
        rows = list(table_rows(text, path, CSV_HEADER, "MFA's CSV with Begin, End, Label, Type, Speaker"))
    except HacError as error:
        raise AlignmentFileError("alignment-format", str(error)) from error
    tiers: dict[str, list[Interval]] = {}
    for line, row in rows:
        where = f"{path}, line {line}"
        tier = {"word": WORDS, "phone": PHONES}.get(row["Type"].casefold().removesuffix("s"))
        label = row["Label"].strip()
        if tier is None or not label:
            continue
        interval = (label, seconds_us(row["Begin"], where), seconds_us(row["End"], where))
        tiers.setdefault(tier, []).extend(check_intervals([interval], where))
    if not tiers:
        raise AlignmentFileError(
            "alignment-missing-tier", f"{path}: no row of Type `words` or `phones`; expected MFA's CSV"
        )
    return tiers


def _fields(text: str, comment: str | None = None) -> list[tuple[int, list[str]]]:
    """Line numbers from 1, and the fields between white space before a comment."""
    lines = text.split("\n")
    return [(i, (line.partition(comment)[0] if comment else line).split()) for i, line in enumerate(lines, 1)]


def _samples(text: str, where: str) -> int:
    if not text.lstrip("-").isdecimal() or len(text) > 15:
        raise AlignmentFileError("alignment-number", f"{where}: {text!r} stands where a number of samples was expected")
    return int(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
