"""Freed memory stays with a training process."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
size = 2**25
if sys.argv[1] == "keep":
    from hac.train.memory import keep_memory
    if not keep_memory():
        sys.exit(3)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    b"x" * size
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(mode: str) -> int:
    done = subprocess.run([sys.executable, "-c", FAULTS, mode], capture_output=True, text=True)
    if done.returncode == 3:
        pytest.skip("this C library cannot keep memory")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_blocks_are_used_again_instead_of_asked_for_anew():
    given_back, kept = page_faults("no"), page_faults("keep")
    # twenty blocks of 32 MB, each touched for the first time, or the same one twenty times
    assert kept < given_back / 5
