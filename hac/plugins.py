"""Parts by name: built in, or of other packages by entry point; and the options behind a name.

An entry point's name is the part's (a kind of tokenizer, a teacher, a judge). Nothing of a package is imported before
its part is asked for.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from hac.errors import HacError


def plugins(group: str) -> dict[str, EntryPoint]:
    """Entry points of installed packages by name."""
    return {entry.name: entry for entry in entry_points(group=group)}


def known_names(builtin: Iterable[str], group: str) -> list[str]:
    """The built-in names as given, then those of installed packages, sorted."""
    builtin = list(builtin)
    return [*builtin, *sorted(set(plugins(group)) - set(builtin))]


def load_plugin(entry: EntryPoint, what: str) -> Any:
    """The object of an entry point.

    Raises:
        HacError: it cannot be imported; `what` begins the sentence.
    """
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        raise HacError(f"{what} {entry.name!r}: its plugin {entry.value} cannot be imported ({error})") from error


def unknown_name(name: str, known: Sequence[str], what: str, hint: str = "") -> HacError:
    """The error of a name that nobody has; proposes the nearest one, unless there is a better hint."""
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = hint or (f"did you mean {near[0]}?" if near else "")
    return HacError(f"{what} {name!r} is unknown; known are {', '.join(known)}{'; ' * bool(hint)}{hint}")


def split_options(name: str) -> tuple[str, dict[str, str]]:
    """`kind:where?option=value&...` -> `kind:where` and the options; a file's name may hold a question mark.

    Raises:
        HacError: what follows the question mark is no list of options.
    """
    bare, mark, query = name.partition("?")
    places = [place for place in (name, name.partition(":")[2]) if place]
    if not mark or any(Path(place).exists() for place in places):
        return name, {}
    try:
        return bare, dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True))
    except ValueError as error:
        raise HacError(f"{name}: behind the question mark, expected option=value&option=value") from error
