"""What a command says of the items it left out."""

from __future__ import annotations

from pathlib import Path

import typer

from hac.console import printable
from hac.errors import FailureLog
from hac.files.atomic import write_text

SHOWN = 5
"""Failures shown on the terminal; the file lists all."""


def report_failures(failures: FailureLog, path: Path) -> None:
    """List failures in a file, one JSON object a line, counts and the first ones on stderr; no failures, no file."""
    if not failures:
        path.unlink(missing_ok=True)
        return
    write_text(path, failures.json_lines())
    counts = ", ".join(f"{count} {reason}" for reason, count in failures.by_reason().items())
    typer.echo(f"left out {len(failures)} utterances ({counts}); all are listed in {path}, the first:", err=True)
    for failure in failures.items[:SHOWN]:
        typer.echo(f"  {printable(failure.id)}: {printable(failure.detail, 400)}", err=True)
