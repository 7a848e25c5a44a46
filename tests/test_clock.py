"""The time of day may jump, back too: durations and times left never come from it."""

from __future__ import annotations

import ast
import itertools
import time
from pathlib import Path

import pytest

from hac.console import progress

ROOT = Path(__file__).parents[1]
LABELS = {"analysis/sweeps/progress_file.py"}
"""Files that tell a person when something was done, and reckon with it no further."""


def uses_of_the_time_of_day(code: str) -> list[int]:
    """Lines that ask what time it is."""
    asked = {("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("datetime", "utcnow"), ("date", "today")}
    return [
        node.lineno
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in asked
    ]


def test_nothing_reckons_with_the_time_of_day():
    files = [path for room in ("hac", "probes", "analysis", "reports") for path in (ROOT / room).rglob("*.py")]
    assert len(files) > 300
    found = {path.relative_to(ROOT).as_posix() for path in files if uses_of_the_time_of_day(path.read_text())}
    assert found == LABELS


def test_the_search_finds_what_it_looks_for():
    assert uses_of_the_time_of_day("import time\nx = time.monotonic()\ny = time.time()\n") == [3]


def test_progress_goes_on_while_the_clock_goes_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    back = itertools.count(2_000_000_000, -86_400)
    monkeypatch.setattr(time, "time", lambda: float(next(back)))
    monkeypatch.setenv("FORCE_COLOR", "1")  # a bar also without a terminal
    with progress("counting", total=3) as advance:
        for _ in range(3):
            advance(1)
    shown = capsys.readouterr().err
    assert "counting" in shown and "3/3" in shown
    assert "-1 day" not in shown and "-0:" not in shown
