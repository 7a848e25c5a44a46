"""Ways to spoil a file: its bytes, or where it has a structure, a value somewhere inside it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from random import Random
from typing import Any

DEEP = "@deep@"
"""Stands for a nesting of three thousand lists, deeper than Python follows."""
NESTED = "[" * 3_000 + "]" * 3_000
_NUMBER = re.compile(rb"[-+]?\d+(?:\.\d+)?")
_NUMBERS = (b"9" * 5000, b"1e999", b"-1", b"nan", b"-inf", b"0", b"1e-320", b"18446744073709551616", b"1.5", b"")
_INSERTS = (
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\r",
    b"\n",
    b'"',
    b"\t",
    b" ",
    b"{",
    b"\xef\xbb\xbf",
    b"\x1f\x8b",
)
STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, 1e308, math.nan, math.inf, -math.inf, 2**31, 2**63, 2**64, -(2**63), 10**4000),
    *("", " ", "\0", "\ud800", "0", "nan", "-1", "../../x", "/etc/passwd", "a" * 5000, "=1+1", DEEP, "é", "e\u0301"),
    *([], {}, [[]], [None], {"": None}, [0, "a"], {"a": {"b": 1}}),
)


def spoilt_bytes(data: bytes, rng: Random) -> bytes:
    """The bytes with one to three changes, mostly small ones."""
    for _ in range(rng.randint(1, 3)):
        data = rng.choice(_BYTE_CHANGES)(data, rng)
    return data


def spoilt_tree(tree: Any, rng: Random) -> Any:
    """A JSON value with one to three changes; the value given stays as it is."""
    for _ in range(rng.randint(1, 3)):
        tree = _changed(tree, rng)
    return tree


def _flip(data: bytes, rng: Random) -> bytes:
    if not data:
        return b"\0"
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _truncate(data: bytes, rng: Random) -> bytes:
    return data[: rng.randint(0, len(data))]


def _insert(data: bytes, rng: Random) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + rng.choice(_INSERTS) + data[at:]


def _delete(data: bytes, rng: Random) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + data[at + rng.randint(1, 8) :]


def _repeat(data: bytes, rng: Random) -> bytes:
    at = rng.randint(0, len(data))
    return data[: at + rng.randint(1, 64)] + data[at:]


def _number(data: bytes, rng: Random) -> bytes:
    found = list(_NUMBER.finditer(data))
    if not found:
        return _flip(data, rng)
    place = rng.choice(found)
    return data[: place.start()] + rng.choice(_NUMBERS) + data[place.end() :]


def _lines(data: bytes, rng: Random) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    return b"\n".join(rng.choice((lines[:at] + lines[at + 1 :], lines[: at + 1] + lines[at:], lines[at:] + lines[:at])))


def _whole(data: bytes, rng: Random) -> bytes:
    return rng.choice((b"", b"\0" * 100, NESTED.encode(), b"null", b"\xff" * 50, data * 2))


_BYTE_CHANGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(_flip, _flip, _truncate, _insert, _insert, _delete, _repeat, _number, _number, _lines, _lines, _whole),
)


def _changed(tree: Any, rng: Random) -> Any:
    """The value with one change somewhere: the deeper, the likelier."""
    if isinstance(tree, dict) and tree and rng.random() < 0.9:
        key = rng.choice(list(tree))
        if rng.random() < 0.15:
            return {name: value for name, value in tree.items() if name != key}
        if rng.random() < 0.1:
            return {(f"{name}x" if name == key else name): value for name, value in tree.items()}
        return {**tree, key: _changed(tree[key], rng)}
    if isinstance(tree, list) and tree and rng.random() < 0.9:
        at = rng.randrange(len(tree))
        if rng.random() < 0.2:
            return rng.choice((tree[:at] + tree[at + 1 :], tree + tree[at:], tree[::-1]))
        return [*tree[:at], _changed(tree[at], rng), *tree[at + 1 :]]
    return rng.choice(STRANGE)
