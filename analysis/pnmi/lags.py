"""Do tokens and labels keep the same time? PNMI against a lag, and a warning where another lag is better.

One token of lag at 50 Hz can cost a third of the PNMI (.647 -> .426 in a simulation), and nothing else gives it away.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from analysis.results.schema import Lag
from analysis.statistics.information import information

NOISE_SDS = 3
"""A gain below this many standard deviations of the null is chance, not a lag."""


def lag_pnmi(tables: Iterable[NDArray[np.int64]]) -> list[float]:
    """PNMI of the pooled table at each lag, silence kept."""
    return [information(table).pnmi for table in tables]


def judge(stream: str, frame_rate: Fraction, lags: Sequence[Fraction], pnmi: Sequence[float], null_sd: float) -> Lag:
    """Find the best lag, and warn where it is not zero by more than chance.

    Args:
        stream: its name.
        frame_rate: Hz.
        lags: in frames; positive: the tokens come late.
        pnmi: at each of them.
        null_sd: standard deviation of the null at lag 0.
    """
    finite = [value if math.isfinite(value) else -math.inf for value in pnmi]
    at_zero = finite[lags.index(Fraction(0))]
    best = max(range(len(lags)), key=lambda i: (finite[i], -abs(lags[i])))
    gain = finite[best] - at_zero if math.isfinite(finite[best]) else math.nan
    noise = NOISE_SDS * null_sd if math.isfinite(null_sd) else 0.0
    lag = lags[best] if math.isfinite(gain) and gain > noise else Fraction(0)
    lag_ms = float(lag / frame_rate * 1000)
    warning = ""
    if lag:
        way = "late" if lag > 0 else "early"
        warning = (
            f"{stream}: the tokens seem to come {abs(float(lag)):g} frames ({abs(lag_ms):.1f} ms) {way}: PNMI would be "
            f"{finite[best]:.4f} there and is {at_zero:.4f} as they are; check padding and frame rate before quoting it"
        )
    return Lag(
        stream=stream,
        lags_frames=[float(x) for x in lags],
        pnmi=list(pnmi),
        best_lag_frames=float(lag),
        best_lag_ms=lag_ms,
        gain=gain if lag else 0.0,
        warning=warning,
    )
