"""How numbers are written: alone, with an interval, beside a null."""

from __future__ import annotations

import math
import re

from analysis.results.schema import Record


def number(value: float) -> str:
    """Four decimals, or a dash for what could not be had."""
    return f"{value:.4f}" if math.isfinite(value) else "-"


def with_interval(value: float, low: float, high: float) -> str:
    """`0.2578 [.250, .265]`."""
    return number(value) + (f" [{short(low)}, {short(high)}]" if math.isfinite(low) else "")


def with_null(mean: float, sd: float) -> str:
    """`0.0312 ± .0004`."""
    return number(mean) + (f" ± {_no_leading_zero(f'{sd:.4f}')}" if math.isfinite(sd) else "")


def short(value: float) -> str:
    """Three decimals without the zero before them, or a dash for what could not be had."""
    return _no_leading_zero(f"{value:.3f}") if math.isfinite(value) else "-"


def _no_leading_zero(text: str) -> str:
    return re.sub(r"^(-?)0\.", r"\1.", re.sub(r"^-(?=0\.0*$)", "", text))


def beside_null(record: Record) -> str:
    """`0.5012 / 0.4321`: a value and the mean of its null."""
    return f"{number(record.value)} / {number(record.null_mean)}"


def figures(value: float) -> str:
    """Three decimals below 10, one below 1,000, none beyond: cents and decibels have no more to say."""
    if not abs(value) >= 10:
        return short(value)
    return f"{value:.1f}" if abs(value) < 1000 else f"{value:.0f}"
