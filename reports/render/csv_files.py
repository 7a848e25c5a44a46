"""CSV, out and in again: texts that a spreadsheet would run as formulas are disarmed, and armed again by our readers.

Words, phones and names come from a corpus, and a spreadsheet runs a cell that begins with `=`, `+`, `-` or `@`. Such a
text gets an apostrophe before it, as spreadsheets have it for text. Numbers, also those in texts, stay what they are.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

_FORMULA = re.compile(r"'*\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How a text begins that is disarmed; the wide signs are run by spreadsheets in East Asian settings. Apostrophes before
it are a part of this, so that the way back is one."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: an apostrophe before what would be one."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def plain(text: str) -> str:
    """The text of a cell that `harmless` made."""
    return text[1:] if text[:1] == "'" and harmless(text[1:]) == text else text


def csv_text(fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV as text, empty where a number could not be had; the one place where tables become CSV."""
    out = io.StringIO()
    plain_writer = csv.writer(out, lineterminator="\n")
    # before Python 3.13 a carriage return is not quoted by itself, and would begin a row of its own
    quoting_writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in chain([fields], rows):
        cells = ["" if isinstance(x, float) and not math.isfinite(x) else harmless(x) for x in row]
        returns = any(isinstance(x, str) and "\r" in x for x in cells)
        (quoting_writer if returns else plain_writer).writerow(cells)
    return out.getvalue()
