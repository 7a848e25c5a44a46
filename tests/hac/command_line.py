"""The `hac` command in process: exit code, stdout, stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Hac = Callable[..., Outcome]


@pytest.fixture
def hac(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Hac:
    """Run `hac WORDS...`."""
    import hac.cli

    def call(*words: object) -> Outcome:
        capsys.readouterr()  # what others printed before
        monkeypatch.setattr(sys, "argv", ["hac", *map(str, words)])
        try:
            hac.cli.main()
            code: object = 0
        except SystemExit as finished:
            code = finished.code or 0
        captured = capsys.readouterr()
        return Outcome(int(str(code)), captured.out, captured.err)

    return call


def refused(outcome: Outcome, *says: str) -> None:
    """The command ended with 2 and one sentence that holds all of `says`."""
    assert outcome.code == 2, outcome
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1, outcome.err
    assert "Traceback" not in outcome.err
    for text in says:
        assert text in outcome.err, outcome.err
