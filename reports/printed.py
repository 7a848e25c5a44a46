"""What paper needs and a screen does not: columns as wide as their texts, no more rows and sounds than a page shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reports.view.parts import Clip, Page, Sound, Table

LETTER = 0.62
"""Width of a letter, in sizes of the font."""
PAGE_PT = 774.0
"""Width of a page within its margins: A4 across, 12 mm on each side."""
SIZES_PT = (7.0, 6.4, 5.8)
"""Sizes of letters in a table: the first at which no number breaks."""
GAP_LETTERS = 2.6
"""Room beside a column's text."""
WORD_LETTERS, LINE_LETTERS, HEAD_LETTERS = 26, 44, 15
"""A word, a line, and a word of a column's head get no more than this; longer ones break."""
PHRASE_LETTERS = 20
"""A column of texts has room for so much of a line, so that phrases do not stand a word a line."""
BOLD = 1.12
"""Heads are bold: their letters are wider."""
SPREAD = 1.25
"""A table is at most so much wider than its texts: columns far apart are hard to read along."""
ROWS = 30
"""Rows of a long table that are printed, as many as fit a page: all of them are in the HTML page and its CSV."""
SPARED_ROWS = 50
"""A table up to here is printed whole."""
SOUNDS = 8
"""Spectrograms of an utterance: as many as fit a page."""
CLIPS = 4
"""Utterances of a system, or of the same systems together."""
FIRST = ("original", "reconstruction", "drop", "swap")
"""Kinds of sounds that are printed before others."""
_PIECE = re.compile(r"\S+ ± \S+|\[[^\]]*\]|\S+")
"""What stays on one line: an interval, a number with its deviation, a word."""


@dataclass(frozen=True)
class Layout:
    """How a table is printed.

    Attributes:
        size_pt: size of its letters.
        width: of the table, in per cent of the page.
        columns: widths, in per cent of the table.
    """

    size_pt: float
    width: float
    columns: tuple[float, ...]


def layout(table: Table) -> Layout:
    """Widths by the texts: every column gets its longest word or number whole, and what is left goes to long lines.

    Args:
        table: of any size; columns that cannot have their longest word share the page in proportion.
    """
    needs = [_needs(table, i) for i in range(len(table.columns))]
    least, wanted = [n[0] + GAP_LETTERS for n in needs], [n[1] + GAP_LETTERS for n in needs]
    rooms = {size: PAGE_PT / (LETTER * size) for size in SIZES_PT}
    size = next((size for size, room in rooms.items() if sum(least) <= room), SIZES_PT[-1])
    room = rooms[size]
    if sum(wanted) <= room:
        given, width = wanted, min(room, SPREAD * sum(wanted))
    else:
        spare, asked = max(0.0, room - sum(least)), sum(wanted) - sum(least)
        share = min(1.0, spare / asked) if asked > 0 else 0.0
        given, width = [a + share * (b - a) for a, b in zip(least, wanted, strict=True)], room
    return Layout(size, round(100 * width / room, 1), tuple(round(100 * one / sum(given), 2) for one in given))


def _needs(table: Table, column: int) -> tuple[float, float]:
    """Letters that a column cannot do without, and letters that it would have."""
    texts = {row[column].text for row in table.rows[:SPARED_ROWS]}
    lines = {line for text in texts for line in text.split("\n")}
    badge = 2 if any(row[column].mark in ("good", "bad", "warn") for row in table.rows) else 0
    head = [BOLD * min(len(word), HEAD_LETTERS) for word in _PIECE.findall(table.columns[column].title)]
    is_number = table.columns[column].is_number
    pieces = (min(len(p), LINE_LETTERS if is_number else WORD_LETTERS) for line in lines for p in _PIECE.findall(line))
    line = max(map(len, lines), default=0)
    least = max([4.0, *head, badge + max(pieces, default=0), 0 if is_number else min(line, PHRASE_LETTERS)])
    return least, max(least, min(badge + line, LINE_LETTERS))


def printed_rows(table: Table) -> Sequence[object]:
    """The rows of a table that are printed; a verdict is whole."""
    whole = table.id == "table-verdict" or len(table.rows) <= SPARED_ROWS
    return table.rows if whole else table.rows[:ROWS]


def printed_sounds(clip: Clip) -> list[Sound]:
    """The sounds of an utterance whose spectrograms are printed."""
    pictured = [sound for sound in clip.sounds if sound.picture]
    first = sorted(pictured, key=lambda sound: sound.kind not in FIRST)[:SOUNDS]
    return [sound for sound in pictured if sound in first]


def left_to_hear(page: Page) -> frozenset[str]:
    """Ids of utterances that are not printed: paper shows nothing new of them, or enough others of their systems.

    A recording that several systems kept is printed once, unless there is more to see than the recording.
    """
    seen: set[str] = set()
    printed: dict[tuple[str, ...], int] = {}
    left = set()
    clips = [part for part in page.parts if isinstance(part, Clip)]
    for clip in sorted(clips, key=lambda clip: -min(len(clip.sounds), SOUNDS)):  # those with most to see first
        pictures = {sound.picture for sound in printed_sounds(clip)}
        if printed.get(clip.systems, 0) >= CLIPS or not pictures - seen:
            left.add(clip.id)
            continue
        seen |= pictures
        printed[clip.systems] = printed.get(clip.systems, 0) + 1
    return frozenset(left)
