"""SVG as matplotlib writes it, made small: without remarks, names that nothing refers to, and needless digits."""

from __future__ import annotations

import re

_METADATA = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_NUMBER = re.compile(r"(\d+\.\d{2})\d+")
_ID = re.compile(r' id="([^"]*)"')
_REFERENCE = re.compile(r'(?:url\(#|href="#)([^)"]*)')
_GAP = re.compile(r"\s*\n\s*")
_USES = re.compile(r'(?:<use [^>]*style="[^"]*"/>\s*){2,}')
_STYLE = re.compile(r' style="([^"]*)"')
_TAG = re.compile(r"<[^>]*>")
_ATTRIBUTE = re.compile(r'="([^"\']*)"')
_FAMILY = re.compile(r"font-family: 'DejaVu Sans'; ")
_UNTURNED = re.compile(r' transform="rotate\(-0 [^)]*\)"')
_EMPTY = re.compile(r"<g>\s*</g>|<defs>\s*</defs>")


def _hoisted(found: re.Match[str]) -> str:
    """Marks of one look say it once, in a group."""
    looks = set(_STYLE.findall(found[0]))
    return found[0] if len(looks) > 1 else f'<g style="{looks.pop()}">{_STYLE.sub("", found[0])}</g>'


def small_svg(text: str) -> str:
    """The same picture in fewer bytes: coordinates to a hundredth of a point; apostrophes, which an address may hold.

    Args:
        text: SVG of matplotlib. Its texts hold no line ends and no tags of their own (they are escaped).
    """
    text = _METADATA.sub("", text)
    used = set(_REFERENCE.findall(text))
    text = _ID.sub(lambda found: found[0] if found[1] in used else "", text)
    # the family once, for all texts; where it is not installed, another without serifs, never the browser's own choice
    text = text.replace("<svg ", '<svg font-family="DejaVu Sans, sans-serif" ', 1)
    text = _TAG.sub(lambda found: _UNTURNED.sub("", _FAMILY.sub("", found[0])), text)
    # within tags only: a number beside an axis is a text, and must stay what it is
    text = _TAG.sub(lambda found: _NUMBER.sub(r"\1", found[0]), text)
    text = _USES.sub(_hoisted, text)
    text = _GAP.sub(lambda found: "\n" if found.start() == 0 else " ", text).replace("> <", "><")
    while (less := _EMPTY.sub("", text)) != text:
        text = less
    return _TAG.sub(lambda found: _ATTRIBUTE.sub(r"='\1'", found[0]), text)
