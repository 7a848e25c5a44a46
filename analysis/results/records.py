"""What records say: the names of protocols and notes, and whether a value is clear of its nulls."""

from __future__ import annotations

import math
from collections.abc import Iterable

from analysis.results.schema import Record

KEPT, DROPPED = "silence-kept", "silence-dropped"
"""The two protocols of every number: silence counted as a phone, or left out."""
NOTE_JOINER = "; "
"""Between the remarks of a record's note."""
IN_NULL_SD = 2.0
"""A value that is less than this many standard deviations beyond the mean null is within the null."""


def nulls_of(record: Record) -> list[tuple[float, float]]:
    """Mean and standard deviation of each null that a record has."""
    return [(record.null_mean, record.null_sd), *((null.mean, null.sd) for null in record.nulls.values())]


def beyond_nulls(value: float, nulls: Iterable[tuple[float, float]], sign: int = 1) -> bool:
    """Whether a value is clear of every null.

    Args:
        value: the number.
        nulls: mean and standard deviation of each; NaN for one without deviation.
        sign: 1 for above, -1 for below.
    """
    return all(sign * (value - mean) > IN_NULL_SD * (sd if math.isfinite(sd) else 0) for mean, sd in nulls)
