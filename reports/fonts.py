"""Fonts for names of a corpus in any script: DejaVu Sans, and what else is installed for letters that it lacks."""

from __future__ import annotations

import logging
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


def use_fonts(canvas: Figure) -> None:
    """Give texts with letters that `FIRST` lacks further fonts; warn once of each letter that none has.

    Args:
        canvas: with all its texts.
    """
    from matplotlib.text import Text

    lacking = set()
    for text in canvas.findobj(Text):
        strange = set(text.get_text()) - letters(FIRST) - {"\n"}
        if strange:
            families = [name for name in OTHERS if strange & letters(name)]
            text.set_fontfamily([FIRST, *families])
            lacking |= strange.difference(*(letters(name) for name in families))
    _warn(frozenset(lacking))


def _warn(lacking: frozenset[str]) -> None:
    new = sorted(lacking - _told)
    if new:
        _told.update(new)
        shown = " ".join(new[:LISTED]) + (" ..." if len(new) > LISTED else "")
        log.warning(
            "warning: figures show boxes for %d letters that no font here has: %s; get one with %s",
            len(new),
            shown,
            GET,
        )


_told: set[str] = set()
"""Letters that were warned of in this process."""


@cache
def letters(family: str) -> frozenset[str]:
    """The letters of a font, none where it is not installed."""
    from matplotlib.font_manager import FontProperties, fontManager, get_font

    if family not in fontManager.get_font_names():
        return frozenset()
    path = fontManager.findfont(FontProperties(family=family), fallback_to_default=False)
    return frozenset(map(chr, get_font(path).get_charmap()))
