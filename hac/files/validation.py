"""What pydantic complains of, as one sentence of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


def complaint(error: ValidationError) -> str:
    """The first thing that is wrong: where it stands, what was expected there, and what was found.

    Examples:
        `losses.mel: Input should be a valid number, found 'much'`
    """
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    # what a whole section lacks needs no copy of the section
    found = "" if isinstance(first["input"], Mapping) else f", found {first['input']!r:.80}"
    return f"{place + ': ' if place else ''}{message}{found}"
