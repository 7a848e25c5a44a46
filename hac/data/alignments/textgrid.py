"""Praat TextGrids, long and short form, as Praat itself reads them.

Praat's text files are read by their free-standing numbers, quoted strings and flags; everything else is
ornament (https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html). So one tokenizer reads both
forms. praatio is the oracle of its tests and not its engine, since it takes a truncated short TextGrid for a
whole one, drops the sign of a negative time, and rejects numbers with an exponent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hac.data.alignments.text import AlignmentFileError, FileTiers, Interval, check_intervals, read_text, seconds_us
from hac.data.tiers import PHONES, WORDS

TIER_NAMES: Mapping[str, tuple[str, ...]] = {
    PHONES: ("phones", "phone", "phonemes", "phoneme", "segments", "segment", "phn", "mau"),
    WORDS: ("words", "word", "wrd", "ort-mau", "ort"),
}
"""Names that tiers go by, without regard to case; MFA puts `SPEAKER - ` before them when a file has more
speakers."""

_TOKEN = re.compile(
    r'"(?:[^"]|"")*"'
    r"|(?<!\S)(?:<\w+>|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?!\S)"
    r"|(?<!\S)![^\n]*"
)
_CLASSES = {"IntervalTier": 3, "TextTier": 2}  # tokens per entry


def read_textgrid(path: Path, tier_names: Mapping[str, Sequence[str]] = TIER_NAMES) -> FileTiers:
    """The word and phone tiers of a TextGrid that are found; intervals with an empty label are left out, they are gaps.

    Tiers of several speakers (MFA's `SPEAKER - phones`) are joined and sorted in time; where speakers
    overlap, the rules of `partition` decide.

    Raises:
        AlignmentFileError: no TextGrid, truncated, in a wrong encoding, with swapped times, or without the
        tiers.
    """
    tokens = _Tokens(path, [token for token in _TOKEN.findall(read_text(path)) if token[0] != "!"])
    wanted = {alias.casefold(): tier for tier, aliases in tier_names.items() for alias in aliases}
    found: list[str] = []
    tiers: dict[str, list[Interval]] = {}
    for name, intervals in _tiers(tokens):
        found.append(name)
        tier = wanted.get(name.casefold()) or wanted.get(name.rpartition(" - ")[2].casefold())
        if tier is not None and intervals is not None:
            tiers.setdefault(tier, []).extend(check_intervals(intervals, f"{path}, tier {name!r}"))
    if not tiers:
        listed = ", ".join(repr(name) for name in found) or "none"
        expected = " or ".join(repr(aliases[0]) for aliases in tier_names.values())
        raise AlignmentFileError(
            "alignment-missing-tier",
            f"{path}: no tier {expected} (tiers found: {listed}); rename the tier or say which one to read",
        )
    return tiers


def _tiers(tokens: _Tokens) -> Iterator[tuple[str, list[Interval] | None]]:
    """Name and intervals of each tier; None for tiers of points."""
    if tokens.text().casefold() not in ("ootextfile", "ootextfile short") or tokens.text() != "TextGrid":
        raise tokens.broken("it does not begin as a TextGrid does")
    tokens.take(2)
    if tokens.take(1) != ["<exists>"]:
        raise tokens.broken("it says that it has no tiers")
    for _ in range(tokens.count("tiers")):
        kind, name = tokens.text(), tokens.text()
        if kind not in _CLASSES:
            raise tokens.broken(f"a tier of class {kind!r} where IntervalTier or TextTier was expected")
        tokens.take(2)
        width = _CLASSES[kind]
        entries = tokens.take(width * tokens.count("intervals"))
        yield name, _intervals(tokens, name, entries) if width == 3 else None
    if tokens.left():
        raise tokens.broken("more intervals than its counts declare")


def _intervals(tokens: _Tokens, name: str, entries: list[str]) -> list[Interval]:
    where = f"{tokens.path}, tier {name!r}"
    labels = [tokens.unquote(quoted).strip() for quoted in entries[2::3]]
    onsets, offsets = ([seconds_us(text, where) for text in entries[k::3]] for k in (0, 1))
    return [interval for interval in zip(labels, onsets, offsets, strict=True) if interval[0]]


@dataclass
class _Tokens:
    """A cursor over the tokens of a file, which says where the file breaks off."""

    path: Path
    tokens: list[str]
    at: int = 0

    def take(self, n: int) -> list[str]:
        taken = self.tokens[self.at : self.at + n]
        if len(taken) < n:
            raise AlignmentFileError(
                "alignment-truncated",
                f"{self.path}: the TextGrid breaks off, fewer intervals or tiers follow than its counts "
                "declare; it is truncated, write it again",
            )
        self.at += n
        return taken

    def left(self) -> int:
        return len(self.tokens) - self.at

    def count(self, what: str) -> int:
        [token] = self.take(1)
        if not token.isdecimal() or len(token) > 15:
            raise self.broken(f"{token} where the number of {what} was expected")
        return int(token)

    def text(self) -> str:
        return self.unquote(self.take(1)[0])

    def unquote(self, token: str) -> str:
        if token[0] != '"':
            raise self.broken(f"{token} where a quoted text was expected")
        return token[1:-1].replace('""', '"')

    def broken(self, what: str) -> AlignmentFileError:
        return AlignmentFileError("alignment-format", f"{self.path}: no whole TextGrid: {what}; write it again")
