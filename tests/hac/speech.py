"""A little real English speech for tests, from the recordings inside the wheel `moonshine-voice`."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

SAMPLE_RATE = 16000


@cache
def _recording() -> np.ndarray:
    spec = importlib.util.find_spec("moonshine_voice")
    assert spec is not None and spec.submodule_search_locations
    samples, rate = soundfile.read(Path(spec.submodule_search_locations[0]) / "assets" / "beckett.wav", dtype="float32")
    assert rate == SAMPLE_RATE
    return samples


def speech(seconds: float = 1.0, start: float = 0.5) -> np.ndarray:
    """Speech, float32 [n] at 16 kHz; 9.9 s are there."""
    first = round(start * SAMPLE_RATE)
    samples = _recording()[first : first + round(seconds * SAMPLE_RATE)]
    assert len(samples) == round(seconds * SAMPLE_RATE)
    return samples
