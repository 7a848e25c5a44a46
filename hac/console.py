"""What every command shares: errors as one sentence, exit codes, progress with time left."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hac.errors import HacError

if TYPE_CHECKING:
    import typer

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""
REFUSED = (
    *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOTDIR, errno.EEXIST),
    *(errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTEMPTY, errno.EIO, errno.ESTALE),
)
"""What the system says of files, and no bug of ours."""
LONGEST_SENTENCE = 2000
"""Characters of an error: a file's content in it may be as long as it likes."""


def run(app: typer.Typer) -> None:
    """Run a command-line app: a `HacError` becomes one sentence on stderr and exit code 2, Ctrl-C becomes 130.

    So do words that are no command or option, and files that the system refuses.
    """
    import warnings

    # joblib starts another worker in its place: nothing is lost, and nothing can be done
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
    try:
        code = _called(app)
        if code == INTERRUPTED:  # typer turns Ctrl-C into this exit code without a word
            _say_interrupted()
        sys.exit(code)
    except HacError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say_interrupted()
        sys.exit(INTERRUPTED)
    except OSError as error:
        if (sentence := _of_file(error)) is None:
            raise
        _say(sentence)
        sys.exit(2)


def _called(app: typer.Typer) -> int:
    """Call the app; returns its exit code. What typer would say of a wrong word in a box becomes one sentence."""
    import typer

    usage_error: Any = typer.BadParameter.__base__  # typer has a click of its own, or another one, by its version
    try:
        code = app(standalone_mode=False)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except usage_error as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()  # the help, which was not asked for by name
            return int(error.exit_code)
        command = error.ctx.command_path if error.ctx is not None else "hac"
        raise HacError(f"{error.format_message().rstrip('.')}; see `{command} --help`") from error
    return code if isinstance(code, int) else 0


def _of_file(error: OSError) -> str | None:
    """The sentence for a file that the system refuses, or None where the trouble is no file's."""
    from hac.files.atomic import NO_SPACE

    if error.errno in NO_SPACE:
        return f"no space left on the disk ({error.filename or 'while writing'}); free some or choose another folder"
    if error.filename is None or error.errno not in REFUSED:
        return None
    name = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename
    return f"{name}: {str(error.strerror).lower()}; expected a file or folder that can be read, or written with -o"


def _say_interrupted() -> None:
    _say("interrupted; what was finished is kept, the same command goes on from there")


def _say(sentence: str) -> None:
    print(f"error: {printable(' '.join(sentence.split()), LONGEST_SENTENCE)}", file=sys.stderr)


def printable(text: str, longest: int = 80) -> str:
    """Text from a file for a terminal: control characters escaped, so that they do nothing, and cut to a length."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."


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
