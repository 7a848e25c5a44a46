"""Scores that VERSA made, read from its result file.

One utterance a line, `{"key": "utt-1", "pesq": 2.1, "espnet_wer_equal": 7, ...}`: JSON, or the Python dictionary that
older versions printed. Numbers are metrics under VERSA's own names; text and what is no number is no metric. Counts
`..._wer_equal`, `_delete`, `_insert` and `_replace` (also `_cer_`) become one rate, edits over reference length, summed
over utterances and divided once; all else is a mean over utterances.

VERSA writes what it could not measure as any number (a failed PESQ is 0.0 there): that cannot be told from a score.
Source: github.com/wavlab-speech/versa, `versa/scorer_shared.py`, `versa/result_summary.py`, `scripts/compute_wer.py`.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.results import ratios
from analysis.results.ratios import Ratios
from hac.errors import FailureLog, HacError
from hac.files.parsing import load_json

MISSING, NO_NUMBER = "versa-missing", "versa-no-number"
_COUNT = re.compile(r"(?P<rate>(?:.*_)?(?:wer|cer|per))_(?P<part>equal|delete|insert|replace)$")
_PARTS = ("equal", "delete", "insert", "replace")


def read_versa(path: Path, ids: Sequence[str], failures: FailureLog) -> dict[str, Ratios]:
    """Every metric of the file on these utterances, by VERSA's name.

    Args:
        path: result file of `versa-score`.
        ids: utterances in order; lines of others are noted and left out.
        failures: where they are noted.

    Raises:
        HacError: the file cannot be read, a line is broken, or no line is of one of the utterances.
    """
    lines = _lines(Path(path))
    known = set(ids)
    for key in lines:
        if key not in known:
            failures.add(key, "versa-unknown", f"{path}: scores an utterance that is not compared here")
    if not known & lines.keys():
        raise HacError(
            f"{path}: no line is of an utterance compared here (its first key is {next(iter(lines), '')!r}, the first "
            f"utterance {ids[0]!r}); VERSA's keys must be the manifest's ids"
        )
    rows = [lines.get(id) for id in ids]
    names = sorted({name for row in rows if row for name, value in row.items() if name != "key" and _is_score(value)})
    rates = dict.fromkeys(match["rate"] for name in names if (match := _COUNT.match(name)))
    plain = {name: _mean(name, rows) for name in names if not _COUNT.match(name)}
    return dict(sorted((plain | {rate: _rate(rate, rows) for rate in rates}).items()))


def _mean(name: str, rows: Sequence[Mapping[str, Any] | None]) -> Ratios:
    values = [_number(row, name) for row in rows]
    return ratios.means(values, [_why(row, value) for row, value in zip(rows, values, strict=True)])


def _rate(rate: str, rows: Sequence[Mapping[str, Any] | None]) -> Ratios:
    above, below, reasons = [], [], []
    for row in rows:
        equal, delete, insert, replace = (_number(row, f"{rate}_{part}") for part in _PARTS)
        above.append(delete + insert + replace)
        below.append(equal + delete + replace)
        reasons.append(_why(row, above[-1] + below[-1]))
    return ratios.ratios(above, below, reasons)


def _why(row: Mapping[str, Any] | None, value: float) -> str:
    if row is None:
        return MISSING
    return "" if math.isfinite(value) else NO_NUMBER


def _number(row: Mapping[str, Any] | None, name: str) -> float:
    value = None if row is None else row.get(name)
    if not _is_score(value):
        return math.nan
    try:
        value = float(value)  # type: ignore[arg-type]
    except OverflowError:  # an integer of more than 308 digits
        return math.nan
    return value if math.isfinite(value) else math.nan


def _is_score(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _lines(path: Path) -> dict[str, Mapping[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise HacError(f"{path}: no such file; expected what VERSA's scorer writes, one JSON object a line") from error
    except (OSError, ValueError) as error:
        raise HacError(f"{path}: cannot be read as text ({error}); expected VERSA's result file") from error
    found: dict[str, Mapping[str, Any]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        row = _parsed(line)
        # a Python dictionary may have other keys than text
        if not isinstance(row, dict) or not all(isinstance(name, str) for name in [*row, row.get("key")]):
            raise HacError(f"{path}: line {number}: expected an object with a text 'key', as VERSA writes")
        if row["key"] in found:
            raise HacError(f"{path}: line {number}: utterance {row['key']!r} is scored twice; give one run's file")
        found[row["key"]] = row
    return found


def _parsed(line: str) -> Any:
    try:
        return load_json(line)
    except ValueError:
        pass
    try:
        # older versions printed a dictionary; nan and inf are no Python literals
        return ast.literal_eval(re.sub(r"(?<=[:\s])-?(?:nan|inf)\b(?=\s*[,}])", "None", line.strip()))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
