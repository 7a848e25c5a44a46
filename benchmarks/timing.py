"""What a command costs, in a process of its own."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Time:
    """Seconds by the clock, and of all cores together (which other work on the machine changes little).

    Attributes:
        wall, cpu: seconds.
        peak_gib: most memory that any process took which this one started and waited for so far.
    """

    wall: float
    cpu: float
    peak_gib: float

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.cpu:.1f} s of cores)"


def timed(*command: str) -> Time:
    """Run Python with these words, and say what it took."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Time(time.perf_counter() - start, cpu, after.ru_maxrss / 2**20)
