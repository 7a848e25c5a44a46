"""What every command shares: errors as one sentence, exit codes, progress with time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hac.errors import HacError

if TYPE_CHECKING:
    import typer

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def run(app: typer.Typer) -> None:
    """Run a command-line app: a `HacError` becomes one sentence on stderr and exit code 2, Ctrl-C becomes 130."""
    import warnings

    from hac.files import NO_SPACE

    # joblib starts another worker in its place: nothing is lost, and nothing can be done
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
    try:
        app()
    except SystemExit as finished:
        # typer turns Ctrl-C into this exit code without a word
        if finished.code == INTERRUPTED:
            _say_interrupted()
        raise
    except HacError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say_interrupted()
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        _say(f"no space left on the disk ({error.filename or 'while writing'}); free some or choose another folder")
        sys.exit(2)


def _say_interrupted() -> None:
    _say("interrupted; what was finished is kept, the same command goes on from there")


def _say(sentence: str) -> None:
    print(f"error: {' '.join(sentence.split())}", file=sys.stderr)


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar with time left on stderr; yields `advance(n)`. Silent when stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=total)

        def advance(n: int) -> None:
            bar.advance(task, n)

        yield advance
