"""Ids of parts, which are names of files too: made of the names of what is shown, so that they stay what they are.

A system that is added renames no file, and neither does the order in which systems are given.
"""

from __future__ import annotations

import re
import zlib

MOST = 48
"""Letters of a name in an id."""
_OTHER = re.compile(r"[^a-z0-9._]+")


def part_id(kind: str, *names: str) -> str:
    """The id of a part: `heat--hac-reference--acoustic.0`.

    Args:
        kind: what it is, such as `chart-leakage`.
        names: of systems and streams.
    """
    return "--".join((kind, *map(slug, names)))


def slug(name: str) -> str:
    """A name as a part of an id: small letters, digits, `.`, `_` and single dashes.

    Where that is not the name itself, its checksum follows: no two names have one slug, where capitals do not count
    neither.
    """
    plain = _OTHER.sub("-", name.lower()).strip("-.")[:MOST]
    return (
        plain
        if plain and plain == name
        else f"{plain}-{zlib.crc32(name.encode('utf-8', 'backslashreplace')):08x}".lstrip("-")
    )
