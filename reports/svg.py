"""SVG as matplotlib writes it, made small: without remarks, names that nothing refers to, and needless digits."""

from __future__ import annotations

import re

_METADATA = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_NUMBER = re.compile(r"(\d+\.\d{2})\d+")
_ID = re.compile(r' id="([^"]*)"')
_REFERENCE = re.compile(r'(?:url\(#|href="#)([^)"]*)')
_GAP = re.compile(r"\s*\n\s*")
_EMPTY = re.compile(r"<g>\s*</g>|<defs>\s*</defs>")


def small_svg(text: str) -> str:
    """The same picture in fewer bytes: coordinates to a hundredth of a point.

    Args:
        text: SVG of matplotlib. Its texts hold no line ends and no tags of their own (they are escaped).
    """
    text = _METADATA.sub("", text)
    used = set(_REFERENCE.findall(text))
    text = _ID.sub(lambda found: found[0] if found[1] in used else "", text)
    text = _NUMBER.sub(r"\1", text)
    text = _GAP.sub(lambda found: "\n" if found.start() == 0 else " ", text).replace("> <", "><")
    while (less := _EMPTY.sub("", text)) != text:
        text = less
    return text
