"""JSON and YAML as their libraries read them, with every complaint a `ValueError`.

The libraries have more ways to give up: too deep nesting is a `RecursionError`, a date that is none a `ValueError`
inside YAML, which has errors of its own. Whoever reads a file that somebody else wrote wants one kind of them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

import yaml

LONGEST_LINE = 1 << 28
"""Characters of a line: nine streams of a hundred hours in one utterance are fewer."""
DEEPEST = 200
"""Lists and mappings within each other in YAML; its reader takes quadratic time in it, and a configuration has five."""
MOST_VALUES = 1_000_000
"""Values of a YAML text with its aliases written out: a kilobyte of them can stand for more than any memory holds."""


def whole_lines(text: TextIO | io.TextIOBase) -> Iterator[str]:
    """The lines of a text, none longer than memory should hold: a few kilobytes of gzip can be one of terabytes.

    Raises:
        ValueError: a line is longer than `LONGEST_LINE`.
    """
    while line := text.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise ValueError(f"a line of more than {LONGEST_LINE:,} characters")
        yield line


def load_json(text: str | bytes) -> Any:
    """A JSON value.

    Raises:
        ValueError: it is none, or is nested more deeply than Python follows.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def plain(content: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as it is when JSON was written of it and read again: keys sorted, what JSON has no word for as text."""
    return dict(json.loads(json.dumps(content, sort_keys=True, default=str)))


class _Loader(yaml.SafeLoader):
    """The safe loader, which also refuses a key that stands twice: one of the two would be lost without a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping, its keys all different."""
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            line = key.start_mark.line + 1
            if (before := lines.get((key.tag, key.value))) is not None:
                raise yaml.YAMLError(f"line {line}: the key {key.value!r:.60} stands twice, first in line {before}")
            lines[key.tag, key.value] = line
        return dict(super().construct_mapping(node, deep))


def load_yaml(text: str) -> Any:
    """A YAML value of plain types.

    Raises:
        ValueError: it is none, is nested too deeply, contains itself, grows too large by its aliases, or holds a key
            twice or a text that no file can.
    """
    if _brackets(text) > DEEPEST:
        raise ValueError("nested too deeply")
    try:
        value = _read_yaml(text)
        _count(value, {})
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except (RecursionError, OverflowError, AttributeError) as error:  # AttributeError: `!!timestamp x`
        raise ValueError("nested too deeply, or a value that is none") from error
    return value


def _read_yaml(text: str) -> Any:
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _brackets(text: str) -> int:
    """How many brackets are open at the deepest place; those in quotes count too."""
    deepest = depth = 0
    for letter in text:
        if letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth = max(0, depth - 1)
    return deepest


def _count(value: Any, known: dict[int, int]) -> int:
    """Values that a tree holds, each alias counted as what it stands for."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"a text with half of a surrogate pair: {value!r:.40}") from error
    if not isinstance(value, dict | list | tuple | set):
        return 1
    if id(value) in known:
        if known[id(value)] == 0:
            raise ValueError("an alias stands for what it is in")
        return known[id(value)]
    known[id(value)] = 0
    parts = [*value.keys(), *value.values()] if isinstance(value, dict) else list(value)
    n = 1 + sum(_count(part, known) for part in parts)
    if n > MOST_VALUES:
        raise ValueError(f"its aliases stand for more than {MOST_VALUES:,} values")
    known[id(value)] = n
    return n
