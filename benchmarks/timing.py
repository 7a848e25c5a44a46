"""What a command costs, in a process of its own."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass

_GB_PER_KIB = 1024 / 1e9
"""Linux counts the largest resident set in KiB."""


@dataclass(frozen=True)
class Time:
    """What one process took.

    Attributes:
        wall_s: by the clock, which other work on the machine moves.
        cpu_s: user and system time of the process and its children (which other work changes little).
        peak_gb: largest resident set of one process.
    """

    wall_s: float
    cpu_s: float
    peak_gb: float

    def __str__(self) -> str:
        return f"{self.wall_s:.1f} s ({self.cpu_s:.1f} s of cores)"


def timed(*words: str) -> Time:
    """Run a command line of this Python, its output thrown away, and see what it took."""
    start = time.perf_counter()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, *words],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, used = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words)} failed with {os.waitstatus_to_exitcode(status)}")
    return Time(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss * _GB_PER_KIB)
