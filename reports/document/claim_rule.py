"""Claims: sentences that results bear out or do not, each with its number, its null and its interval.

Every claim is derived from records by one rule: against chance, a number stands if it lies beyond every null by what
Student's t allows a further draw of it, and its interval lies beyond chance too; of a change that an intervention
makes, no change is a null besides. A difference stands if its p-value, corrected by Holm's rule for all differences of
the table, is below 0.05. What has no interval is no claim: it is listed with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from analysis.metrics.registry import METRICS, metric_name, metric_of
from analysis.results.records import beyond_nulls, nulls_of
from analysis.results.schema import Null, Record
from reports.document.cells import EMPTY, estimate_cell, interval_text, null_text, reason_of
from reports.document.order import first_of_levels
from reports.document.parts import Cell
from reports.document.runs import ReportRun
from reports.document.titles import metric_title

Verdict = Literal["stands", "does not stand", "cannot be judged"]
NO_INTERVAL, NO_NULL = "no interval", "no null"


@dataclass(frozen=True)
class Claim:
    """A sentence and what it rests on.

    Attributes:
        system: whose.
        text: the sentence.
        metric: what was measured, with its unit.
        number, null: the value with its interval, and its null, as read.
        value, low, high, null_mean: the same as numbers.
        verdict: whether it stands.
        why: the reason where it cannot be judged, p of a difference, or that it rests on few utterances.
        stream: which stream it is of, empty for none.
        rank: places of the question that it answers, and among the claims on that.
    """

    system: str
    text: str
    metric: str
    number: str
    null: str
    value: float
    low: float
    high: float
    null_mean: float
    verdict: Verdict
    why: str = ""
    stream: str = ""
    rank: tuple[int, int] = (0, 0)


def beyond_chance(record: Record, better: Literal["higher", "lower"] = "higher", *, zero: bool = False) -> Verdict:
    """Whether a number is better than chance; see the rule of this module.

    Args:
        record: with its nulls.
        better: the side that is claimed.
        zero: whether 0 is a null too, as of a change.
    """
    sign = 1 if better == "higher" else -1
    nulls = nulls_of(record) + ([Null(mean=0.0, sd=math.nan)] if zero else [])
    bound = 0.0 if record.is_corrected else max(sign * null.mean for null in nulls) * sign
    if not all(math.isfinite(x) for x in (record.estimate, record.null_mean, record.ci_low)):
        return "cannot be judged"
    near = record.ci_low if better == "higher" else record.ci_high
    return "stands" if beyond_nulls(record.value, nulls, sign) and sign * (near - bound) > 0 else "does not stand"


def chance_claim(system: str, text: str, record: Record, better: Literal["higher", "lower"] = "higher") -> Claim:
    """The claim that a number is better than chance."""
    verdict = beyond_chance(record, better)
    return claim_of(system, text, record, verdict, why_not(record, verdict))


def stream_claims(run: ReportRun, what: str, metric: str) -> Iterator[Claim]:
    """The claim of the first stream of each level that it tells of something beyond chance."""
    for stream in first_of_levels(run.results.streams):
        if record := run.by_id.get(f"{stream}.{metric}"):
            yield chance_claim(run.system, f"{stream} tells of {what} beyond chance", record)


def why_not(record: Record, verdict: Verdict) -> str:
    """Why a number cannot be judged, empty where it can."""
    if verdict != "cannot be judged":
        return ""
    if not math.isfinite(record.value):
        return reason_of(record)
    return NO_INTERVAL if math.isfinite(record.null_mean) else NO_NULL


def claim_of(system: str, text: str, record: Record, verdict: Verdict, why: str = "") -> Claim:
    """A claim of one number, with the verdict on it."""
    return Claim(
        system,
        text,
        metric_title(record.id),
        interval_text(record.estimate, record.ci_low, record.ci_high),
        null_text(record.null_mean, record.null_sd),
        record.estimate,
        record.ci_low,
        record.ci_high,
        record.null_mean,
        verdict,
        why,
        record.stream,
        (metric_of(record.id).rank, 0),
    )


def judged_cell(record: Record | None) -> Cell:
    """The number with its interval; marked where it is no more than chance."""
    if record is None:
        return EMPTY
    better: Literal["higher", "lower"] = "lower" if METRICS[metric_name(record.id)].better == "lower" else "higher"
    return estimate_cell(record, "null" if beyond_chance(record, better) == "does not stand" else "")
