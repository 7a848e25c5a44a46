"""Text from a corpus as a page may show it: what cannot be seen is written out, so that it cannot mislead."""

from __future__ import annotations

import unicodedata

JOINERS = "\u200c\u200d"
"""Letters of some scripts need these."""
INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def clean(text: str) -> str:
    """The text with marks that turn, hide or break it written as `⟨U+202E⟩`; ordinary line ends stay.

    Examples:
        >>> clean("a\\u202eb")
        'a⟨U+202E⟩b'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if _is_seen(letter) else f"⟨U+{ord(letter):04X}⟩" for letter in text)


def _is_seen(letter: str) -> bool:
    return letter in JOINERS or letter == "\n" or unicodedata.category(letter) not in INVISIBLE


def shortened(text: str, most: int = 90) -> str:
    """A text that is longer than `most` letters without its middle, cleaned."""
    if len(text) <= most:
        return clean(text)
    return clean(f"{text[: most // 2 - 1]}…{text[-(most // 2) :]}")
