"""How a table is printed: columns as wide as their texts, lines that break where a reader would."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reports.document.parts import Table

LETTER = 0.64
"""Width of a digit of DejaVu Sans, in sizes of the font; widths are counted in these."""
NARROW, NARROW_WIDTH = frozenset(" .,:;'|!ijlItf()[]/-"), 0.56
"""What is narrower, and how much of a digit it takes."""
WIDE, WIDE_WIDTH = frozenset("mwMW%±↑↓@—…"), 1.45
PAGE_PT = 774.0
"""Width of a page within its margins: A4 across, 12 mm on each side."""
SIZES_PT = (7.0, 6.4, 5.8)
"""Sizes of letters in a table: the first at which no number breaks."""
GAP_LETTERS = 2.3
"""Room beside a column's text."""
WORD_LETTERS, LINE_LETTERS, TEXT_LETTERS, HEAD_LETTERS = 26, 44, 90, 20
"""A word, a line of numbers or of text, and a word of a column's head get no more than this; longer ones break."""
PHRASE_LETTERS = 20
"""A column of texts has room for so much of a line, so that phrases do not stand a word a line."""
CLAIM_LETTERS, VERDICT_LETTERS = 32, 17
"""The same of a claim, and of what is said of it."""
LINE_NUMBERS = 25.0
"""A number with its interval stays on one line, where any size of letters allows it."""
BOLD = 1.12
"""Heads are bold: their letters are wider."""
SLACK = 0.01
"""Shares are rounded."""
SPREAD = 1.25
"""A table is at most so much wider than its texts: columns far apart are hard to read along."""
_PIECE = re.compile(r"p (?:< )?[\d.]\S*|\S+ ± \S+|\S*\[[^\]\n]{1,30}\]\S*|\S+ [↑↓]|\S+")
"""What stays on one line: a number with its deviation, an interval, a unit with its arrow, a word."""


@dataclass(frozen=True)
class Layout:
    """How a table is printed.

    Attributes:
        size_pt: size of its letters.
        width: of the table, in per cent of the page.
        columns: widths, in per cent of the table.
        rooms: of a line of each column, in digits.
        tight: whether even numbers must break, since there are too many columns.
    """

    size_pt: float
    width: float
    columns: tuple[float, ...]
    rooms: tuple[float, ...]
    tight: bool


def layout(table: Table) -> Layout:
    """Widths by the texts: every column gets its longest word or number whole, and what is left goes to long lines.

    Args:
        table: of any size; columns that cannot have their longest word share the page in proportion.
    """
    rooms = {size: PAGE_PT / (LETTER * size) for size in SIZES_PT}
    for line in (LINE_NUMBERS, 0):
        needs = [_needs(table, i, line) for i in range(len(table.columns))]
        least, wanted = [n[0] + GAP_LETTERS for n in needs], [n[1] + GAP_LETTERS for n in needs]
        size = next((size for size, room in rooms.items() if sum(least) <= room), SIZES_PT[-1])
        if sum(least) <= rooms[size]:
            break
    room = rooms[size]
    if sum(wanted) <= room:
        given, width = wanted, min(room, SPREAD * sum(wanted))
    else:
        spare, asked = max(0.0, room - sum(least)), sum(wanted) - sum(least)
        share = min(1.0, spare / asked) if asked > 0 else 0.0
        given, width = [a + share * (b - a) for a, b in zip(least, wanted, strict=True)], room
    shares = tuple(round(100 * one / sum(given), 2) for one in given)
    inside = tuple(width * share / 100 - GAP_LETTERS + SLACK for share in shares)
    return Layout(size, round(100 * width / room, 1), shares, inside, sum(least) > room)


def unbroken(text: str) -> str:
    """The text with spaces that do not break where what stands around them belongs together."""
    return _PIECE.sub(lambda found: found[0].replace(" ", "\u00a0"), text)


def letters(text: str) -> float:
    """Width of a text, in digits."""
    narrow, wide = sum(map(NARROW.__contains__, text)), sum(map(WIDE.__contains__, text))
    return len(text) - narrow - wide + NARROW_WIDTH * narrow + WIDE_WIDTH * wide


def wrapped(text: str, room: float) -> str:
    """Numbers in lines of a width, broken between numbers and intervals only: WeasyPrint breaks within `.12` too.

    Args:
        text: lines of a cell.
        room: in digits, from a `Layout`.
    """
    lines: list[str] = []
    for line in text.split("\n"):
        lines.append("")
        for piece in _PIECE.findall(line):
            if lines[-1] and letters(f"{lines[-1]} {piece}") > room:
                lines.append(piece)
            else:
                lines[-1] = f"{lines[-1]} {piece}".lstrip()
    return "\n".join(lines)


def _needs(table: Table, column: int, numbers: float) -> tuple[float, float]:
    """Room that a column cannot do without, and room that it would have; so much of a line of numbers is not broken."""
    texts = {row[column].text for row in table.rows}
    lines = {line for text in texts for line in text.split("\n")}
    badge = 2 if any(row[column].mark in ("good", "bad", "warn") for row in table.rows) else 0
    is_number = table.columns[column].is_number
    word, line_most = (LINE_LETTERS, LINE_LETTERS) if is_number else (WORD_LETTERS, TEXT_LETTERS)
    phrase, head_most = numbers if is_number else float(PHRASE_LETTERS), float(HEAD_LETTERS)
    if table.cards:
        phrase = VERDICT_LETTERS if column else CLAIM_LETTERS
        head_most = VERDICT_LETTERS / BOLD
    head = [BOLD * min(letters(word), head_most) for word in _PIECE.findall(table.columns[column].title)]
    pieces = (min(letters(piece), word) for line in lines for piece in _PIECE.findall(line))
    line = max(map(letters, lines), default=0)
    least = max([4.0, *head, badge + max(pieces, default=0), min(line, phrase)])
    return least, max(least, min(badge + line, line_most))
