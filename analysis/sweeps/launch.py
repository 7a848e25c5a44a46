"""Running `hac` and `hac-analyze` as part of a larger job: as processes of their own, or in this one.

A process is the rule: one GPU or a share of the cores each, its output in a log of its own, and a crash of one stops
none of the others. In this process is for many short steps, where starting would take longer than the work.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hac.devices import CPU
from hac.errors import HacError

Program = Literal["hac", "hac-analyze"]
MODULES: dict[Program, str] = {"hac": "hac.cli", "hac-analyze": "reports"}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
GRACE_S = 110.0
"""Seconds that a stopped process gets to save: schedulers that preempt give about two minutes."""
STOPPED = -int(signal.SIGTERM)


@dataclass(frozen=True)
class Call:
    """One command line.

    Attributes:
        program: `hac` or `hac-analyze`.
        words: what follows it.
        log: file for its output; written anew.
        device: `cpu` or `cuda:N`.
        threads: of numerical libraries; None leaves them alone.
        prefix: words of a launcher before `-m hac.cli`, such as `torchrun --nproc-per-node 2`.
        saves_on_term: it is stopped by SIGTERM to the process alone, which saves and ends its children (a training);
            else the whole group is interrupted.
        lock_fd: file descriptor of a lock that the process keeps while it lives.
    """

    program: Program
    words: tuple[str, ...]
    log: Path
    device: str = CPU
    threads: int | None = None
    prefix: tuple[str, ...] = ()
    saves_on_term: bool = False
    lock_fd: int | None = None

    def argv(self) -> list[str]:
        """The command line as a process gets it."""
        return [*(self.prefix or (sys.executable,)), "-m", MODULES[self.program], *self.words]


Launch = Callable[[Call], int]
"""Runs a call to its end and returns its exit code."""


def is_stopping(launch: Launch) -> bool:
    """Whether a launcher is stopping everything."""
    event = getattr(launch, "stopping", None)
    return event is not None and event.is_set()


class Processes:
    """Runs calls as processes, from several threads at once, until `stop` is called."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self.stopping = threading.Event()
        self._grace_s = grace_s
        self._running: dict[int, tuple[subprocess.Popen[bytes], Call]] = {}
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> int:
        """Run a call; after `stop`, ends it in order and returns its exit code all the same."""
        call.log.parent.mkdir(parents=True, exist_ok=True)
        with call.log.open("wb") as log:
            with self._lock:
                if self.stopping.is_set():
                    return STOPPED
                try:
                    process = subprocess.Popen(
                        call.argv(),
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        env=environment(call, os.environ),
                        pass_fds=() if call.lock_fd is None else (call.lock_fd,),
                        # Ctrl-C reaches this process alone, which then ends the others in order
                        start_new_session=True,
                    )
                except OSError as error:
                    log.write(f"error: {call.argv()[0]} cannot be started ({error.strerror})\n".encode())
                    return 127
                self._running[process.pid] = (process, call)
            try:
                return self._wait(process)
            finally:
                with self._lock:
                    del self._running[process.pid]

    def stop(self) -> None:
        """Ask all processes to end, and start no more."""
        with self._lock:
            self.stopping.set()
            for process, call in self._running.values():
                _stop(process, call.saves_on_term)

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        deadline: float | None = None
        while True:
            try:
                return process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                if self.stopping.is_set():
                    deadline = deadline or time.monotonic() + self._grace_s
                    if time.monotonic() > deadline:
                        _signal_group(process.pid, signal.SIGKILL)


def in_process(apps: Mapping[Program, Callable[..., Any]]) -> Launch:
    """A launcher that runs calls in this process; not from several threads at once. Ctrl-C goes through.

    Args:
        apps: the command lines, as typer or its click has them.
    """
    return lambda call: _run_here(apps[call.program], call)


def _run_here(app: Callable[..., Any], call: Call) -> int:
    import typer

    from hac.files.atomic import NO_SPACE

    call.log.parent.mkdir(parents=True, exist_ok=True)
    log = call.log.open("w", encoding="utf-8", errors="backslashreplace")
    with log, redirect_stdout(log), redirect_stderr(log):
        try:
            code = app(args=list(call.words), standalone_mode=False)
            return code if isinstance(code, int) else 0
        except typer.Exit as finished:
            return finished.exit_code
        except typer.Abort as interrupted:
            raise KeyboardInterrupt from interrupted
        except typer.BadParameter as error:
            log.write(f"error: {error.format_message()}\n")
            return error.exit_code
        except HacError as error:
            log.write(f"error: {' '.join(str(error).split())}\n")
            return error.exit_code
        except OSError as error:
            if error.errno in NO_SPACE:
                raise
            log.write(f"error: {error}\n")
            return 1


def environment(call: Call, outside: Any) -> dict[str, str]:
    """Environment of a call: the one device it may see, its threads, and this very code, whatever lies around.

    Args:
        call: what is run.
        outside: the environment of this process. A scheduler's `CUDA_VISIBLE_DEVICES` in it is what `cuda:N` counts.
    """
    made = dict(outside)
    if call.device == CPU:
        made["CUDA_VISIBLE_DEVICES"] = ""
    elif ":" in call.device and not call.prefix:  # a launcher gives its processes devices by itself
        number = int(call.device.partition(":")[2])
        visible = [name for name in made.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
        made["CUDA_VISIBLE_DEVICES"] = visible[number] if number < len(visible) else str(number)
    if call.threads is not None:
        for name in THREADS:
            made.setdefault(name, str(call.threads))
    # a folder called `analysis` where the user stands must not be taken for ours
    made["PYTHONSAFEPATH"] = "1"
    root = str(Path(__file__).resolve().parents[2])
    others = [path for path in made.get("PYTHONPATH", "").split(os.pathsep) if path and path != root]
    made["PYTHONPATH"] = os.pathsep.join([root, *others])
    return made


def last_error(log: Path) -> str:
    """The error sentence of a failed call, or the last line of its log."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    return (errors or lines or [""])[-1].removeprefix("error: ")[:500]


def _stop(process: subprocess.Popen[bytes], saves_on_term: bool) -> None:
    if saves_on_term:
        process.terminate()
    else:
        _signal_group(process.pid, signal.SIGINT)


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
