"""What holds of every number of every analysis: it lies in its interval, and is corrected by its own null."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from analysis.metrics.registry import metric_of
from analysis.results.schema import Record
from analysis.statistics.jackknife import METHOD, jackknife


def same(a: float, b: float) -> bool:
    return a == pytest.approx(b, rel=1e-9, abs=1e-12, nan_ok=True)


def wrong(record: Record) -> list[str]:
    """What does not hold of a record."""
    found = []
    if record.is_corrected:
        chance = record.null_mean
        expected = (record.value - chance) / (1 - chance) if chance < 1 else math.nan
        if not math.isfinite(chance) or not metric_of(record.id).is_corrected:
            found.append("corrected without a null, or on a scale that has no end")
    else:
        expected = record.value
    if not same(record.estimate, expected):
        found.append("the number is not (value - chance) / (1 - chance), or the value")
    if not math.isfinite(record.estimate) and "undefined" not in record.note:
        found.append("no number and no reason")
    if math.isfinite(record.ci_low) != math.isfinite(record.ci_high):
        found.append("half an interval")
    elif math.isfinite(record.ci_low):
        if not record.ci_low < record.estimate < record.ci_high:
            found.append("the number lies outside of its interval")
        elif not same(record.ci_high - record.estimate, record.estimate - record.ci_low):
            found.append("the number is not in the middle")
        if record.left_out is None or record.ci_method == "none" or "no interval" in record.note:
            found.append("an interval of nothing")
        elif record.ci_method == METHOD:
            around = jackknife(record.estimate, record.left_out.values)
            if not (same(around.low, record.ci_low) and same(around.high, record.ci_high)):
                found.append("not the jackknife of what was left out")
    elif not ("no interval" in record.note or "undefined" in record.note):
        found.append("no interval and no reason")
    elif record.ci_method != "none":
        found.append("a method of no interval")
    if math.isfinite(record.null_mean) != (record.n_nulls > 0):
        found.append("nulls are not counted")
    return found


def check(records: Sequence[Record]) -> None:
    """Fail with the first records of which something does not hold."""
    told = [f"{one.id} [{one.group}]: {why}; {one}" for one in records for why in wrong(one)]
    assert not told, "\n".join(told[:20])
    assert records
