"""Waiting for an event, not for some time: the limit only ends a test that hangs."""

from __future__ import annotations

import time
from collections.abc import Callable

WAIT_S = 600.0
"""For an event that takes seconds on a quiet machine."""


def until(happens: Callable[[], bool], seconds: float = WAIT_S) -> None:
    """Return as soon as something has happened."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, f"it did not happen within {seconds} s"
        time.sleep(0.02)
