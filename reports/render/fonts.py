"""Fonts for names of a corpus in any script: DejaVu Sans, and what else is installed for letters that it lacks."""

from __future__ import annotations

import logging
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIRST = "DejaVu Sans"
"""Comes with matplotlib: Latin, IPA, Greek, Cyrillic, Armenian, Georgian, Hebrew, Arabic."""
OTHERS = (
    *("Noto Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR"),
    *(f"Noto Sans {script}" for script in ("Devanagari", "Bengali", "Tamil", "Telugu", "Gujarati", "Gurmukhi")),
    *(f"Noto Sans {script}" for script in ("Kannada", "Malayalam", "Sinhala", "Thai", "Lao", "Khmer", "Myanmar")),
    *("Noto Sans Ethiopic", "Noto Sans Arabic", "Noto Sans Hebrew", "WenQuanYi Zen Hei", "Lohit Devanagari"),
    *("Arial Unicode MS", "Hiragino Sans", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Nirmala UI"),
)
"""Asked in this order for letters that the first font lacks, where they are installed."""
GET = "apt-get install fonts-noto-core fonts-noto-cjk (Debian, Ubuntu)"
LISTED = 12
"""Letters that a warning names."""

log = logging.getLogger(__name__)


def use_fonts(canvas: Figure, *, warn: bool) -> None:
    """Give texts with letters that `FIRST` lacks further fonts.

    Args:
        canvas: with all its texts.
        warn: of letters that no font has; in SVG they are left to what shows it.
    """
    from matplotlib.text import Text

    lacking: set[str] = set()
    for text in canvas.findobj(Text):
        strange = frozenset(text.get_text()) - letters(FIRST) - {"\n"}
        if strange:
            families, missing = fonts_for(strange)
            text.set_fontfamily([FIRST, *families])
            lacking |= missing
    if warn:
        warn_of(lacking)


@cache
def fonts_for(strange: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Fonts that have these letters, and the letters that none has."""
    from matplotlib.font_manager import fontManager

    _look_again()
    found = []
    for name in dict.fromkeys([*OTHERS, *sorted(fontManager.get_font_names())]):
        if not strange:
            break
        if strange & letters(name):
            found.append(name)
            strange -= letters(name)
    return tuple(found), strange


def warn_of_text(text: str) -> None:
    """Warn of letters of a text that no font has."""
    strange = frozenset(letter for letter in set(text) - letters(FIRST) if letter.isprintable())
    if strange:
        warn_of(fonts_for(strange)[1])


def warn_of(lacking: AbstractSet[str]) -> None:
    """Warn of letters, of each once in a process."""
    new = sorted(lacking - _told)
    if new:
        _told.update(new)
        shown = " ".join(new[:LISTED]) + (" ..." if len(new) > LISTED else "")
        log.warning(
            "warning: there are boxes for %d letters that no font here has (%s); get one with %s", len(new), shown, GET
        )


_told: set[str] = set()
"""Letters that were warned of in this process."""


@cache
def _look_again() -> None:
    """Find fonts that were installed after matplotlib wrote its list of them."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {font.fname for font in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - known):
        with suppress(OSError, RuntimeError):  # a broken file, or a kind that cannot be read
            fontManager.addfont(path)


@cache
def letters(family: str) -> frozenset[str]:
    """The letters of a font, none where it is not installed or cannot be read."""
    from matplotlib.font_manager import fontManager, get_font

    # of its faces the upright, middling one: others may have fewer letters
    faces = [font for font in fontManager.ttflist if font.name == family]
    faces.sort(key=lambda font: (font.style != "normal", font.stretch != "normal", abs(int(font.weight) - 400)))
    with suppress(OSError, RuntimeError, ValueError):
        return frozenset(map(chr, get_font(faces[0].fname).get_charmap())) if faces else frozenset()
    return frozenset()
