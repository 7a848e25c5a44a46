"""STOI and ESTOI of one recording, by the package `pystoi`, with what it cannot judge told apart from bad speech."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Score:
    """A number about a pair of recordings; NaN with a reason of the kind `too-short`, as failures are counted by."""

    value: float
    reason: str = ""


def undefined(reason: str) -> Score:
    """A score that could not be had, and why."""
    return Score(math.nan, reason)


def stoi(
    reference: NDArray[np.floating], estimate: NDArray[np.floating], sample_rate: int, extended: bool = False
) -> Score:
    """Short-time objective intelligibility: a mean correlation, -1 to 1, higher is better.

    Undefined where the reference is digital silence (`reference-silent`), or holds fewer than 30 frames of speech,
    about .4 s (`stoi-too-short`): there `pystoi` warns and answers 1e-5.

    Args:
        reference: [n].
        estimate: [n].
        sample_rate: Hz of both; `pystoi` resamples to 10 kHz.
        extended: ESTOI.

    Source: Taal et al. 2011 (STOI); Jensen and Taal 2016 (ESTOI).
    """
    from pystoi import stoi as measure

    if not np.any(reference):
        return undefined("reference-silent")
    with warnings.catch_warnings(), _fixed_noise():
        warnings.simplefilter("error")
        try:
            return Score(float(measure(reference, estimate, sample_rate, extended=extended)))
        except (RuntimeWarning, UserWarning, ValueError):
            return undefined("stoi-too-short")


@contextmanager
def _fixed_noise() -> Iterator[None]:
    """ESTOI adds noise of the size of rounding from numpy's global generator: the same noise every time."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
