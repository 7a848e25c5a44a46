"""Claims: sentences that results support or do not, each with its number, its chance level, its interval and its p.

Every claim of a page is derived from records by one rule, which `RULES` says. What has no interval is no claim, and
neither is what rests on too little: it is listed with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from analysis.comparison.differences import holm
from analysis.metrics.registry import METRICS, metric_name, metric_of
from analysis.results.records import beyond_nulls, clusters_of, nulls_of, reason_of
from analysis.results.schema import Null, Record
from analysis.statistics.jackknife import LEVEL, p_value
from reports.document.cells import EMPTY, estimate_cell, interval_text, null_text
from reports.document.number_format import p_text
from reports.document.order import first_of_levels
from reports.document.parts import Cell
from reports.document.reservations import FEW, reservation, whose
from reports.document.runs import ReportRun
from reports.document.titles import metric_title

Better = Literal["higher", "lower"]
Verdict = Literal["supported", "small effect", "not supported", "not judged"]
NO_INTERVAL, NO_NULL = "no interval", "no chance level"
LEAST = 0.05
"""Size from which a number beyond chance supports its claim, as a share of the way from chance to the best there is."""
RULES = (
    "Against chance a claim is supported if p is below .05, the value as counted lies beyond every permutation null by "
    "what Student's t allows a further draw of it (once in forty times), and the size is at least "
    f"{f'{LEAST:g}'.lstrip('0')}; of a smaller size it is a small effect. A difference is supported if p is below .05 "
    "and it goes the way that the claim says.",
    "Size: the share of the way from chance to the best value there is; of a chance-corrected number that number "
    "itself. Where there is no best value, as of changes: the distance from chance, and of a change from none too, in "
    "its unit.",
    "p: Student's t of the distance from chance, or of the difference beyond what codebooks of unlike size alone may "
    "do, over its jackknife error; two-sided, and corrected by Holm's rule for all claims of this page together, so "
    "that where nothing is true about one page in twenty at most has a supported claim.",
    "Measured: of 1,500 simulated pages of four systems whose tokens are independent of the phones (PNMI; 1 to 24 "
    "speakers, 16 to 256 codes) 2 had a claim beyond chance.",
    f"Not judged is what rests on fewer than {FEW} utterances, on units that were fitted on the very speech "
    "that they are scored on (the same manifest, by its hash), or on so many codes that chance alone scores half.",
)


@dataclass(frozen=True)
class Claim:
    """A sentence and what it rests on.

    Attributes:
        system: whose.
        text: the sentence.
        metric: what was measured, with its unit.
        number, null: the number with its interval, and what chance scores, as read.
        value, low, high, null_mean: the same as numbers.
        p: of a number this far from chance, two-sided, not yet corrected; NaN where it cannot be judged.
        size: how far it goes the way of the claim, below 0 for the other way; see `RULES`.
        doubt: why it cannot be judged.
        how: how a difference was had.
        is_clear: whether it lies beyond every permutation null.
        least: size below which its effect is small.
        stream: which stream it is of, empty for none.
        rank: places of the question that it answers, and among the claims on that.
        p_holm: corrected for all claims of the page.
        verdict: whether it is supported.
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
    p: float
    size: float
    doubt: str = ""
    how: str = ""
    is_clear: bool = True
    least: float = 0.0
    stream: str = ""
    rank: tuple[int, int] = (0, 0)
    p_holm: float = math.nan
    verdict: Verdict = "not judged"

    @property
    def why(self) -> str:
        """What the verdict follows from."""
        if self.verdict == "not judged":
            return self.doubt or NO_INTERVAL
        but = ""
        if self.p_holm < 1 - LEVEL and self.verdict == "not supported":
            but = "opposite is significant" if self.size < 0 else "not beyond every permutation null"
        return "; ".join(part for part in (but, f"p {p_text(self.p_holm)}", self.how) if part)


def judged(claims: Sequence[Claim]) -> list[Claim]:
    """The claims with their verdicts: p is corrected for all of them."""
    known = [math.nan if claim.doubt else claim.p for claim in claims]
    adjusted = holm(np.array(known, np.float64))
    pairs = zip(claims, adjusted.tolist(), strict=True)
    return [replace(claim, p_holm=p, verdict=_verdict(claim, p)) for claim, p in pairs]


def _verdict(claim: Claim, p_holm: float) -> Verdict:
    if not math.isfinite(p_holm):
        return "not judged"
    if not (p_holm < 1 - LEVEL and claim.size > 0 and claim.is_clear):
        return "not supported"
    return "supported" if claim.size >= claim.least else "small effect"


def beyond_chance(record: Record, better: Better = "higher", *, zero: bool = False) -> Verdict:
    """Whether one number alone is better than chance: beyond every null, and its interval beyond chance.

    Args:
        record: with its nulls.
        better: the side that is claimed.
        zero: whether 0 is a null too, as of a change.
    """
    if not all(math.isfinite(x) for x in (record.estimate, record.null_mean, record.ci_low)):
        return "not judged"
    sign = 1 if better == "higher" else -1
    near = record.ci_low if better == "higher" else record.ci_high
    clear = beyond_nulls(record.value, _nulls(record, zero), sign)
    return "supported" if clear and sign * (near - chance_of(record, better, zero=zero)) > 0 else "not supported"


def chance_of(record: Record, better: Better = "higher", *, zero: bool = False) -> float:
    """What the number of a record is held against: 0 where chance is taken off, else the nearest of its nulls."""
    sign = 1 if better == "higher" else -1
    return 0.0 if record.is_corrected else max(sign * null.mean for null in _nulls(record, zero)) * sign


def size_of(record: Record, better: Better = "higher", *, zero: bool = False) -> float:
    """How far a number goes from chance towards the best there is; see `RULES`."""
    metric, bound = METRICS[metric_name(record.id)], chance_of(record, better, zero=zero)
    best = metric.high if better == "higher" else metric.low
    way = 1.0 if best is None else abs(best - bound)
    sign = 1 if better == "higher" else -1
    return sign * (record.estimate - bound) / way if way else 0.0


def _nulls(record: Record, zero: bool) -> list[Null]:
    return nulls_of(record) + ([Null(mean=0.0, sd=math.nan)] if zero else [])


def chance_claim(run: ReportRun, text: str, record: Record, better: Better = "higher", *, zero: bool = False) -> Claim:
    """The claim that a number is better than chance; `zero`: and than none, as of a change."""
    sign = 1 if better == "higher" else -1
    bound = chance_of(record, better, zero=zero)
    return Claim(
        run.system,
        of_whom(text, run, record),
        metric_title(record.id),
        interval_text(record.estimate, record.ci_low, record.ci_high),
        null_text(record.null_mean, record.null_sd),
        record.estimate,
        record.ci_low,
        record.ci_high,
        record.null_mean,
        p_value(record.estimate - bound, record.half_width, clusters_of(record)[0]),
        size_of(record, better, zero=zero),
        _missing(record) or reservation(run, record),
        is_clear=beyond_nulls(record.value, _nulls(record, zero), sign),
        least=LEAST,
        stream=record.stream,
        rank=(metric_of(record.id).rank, 0),
    )


def of_whom(text: str, run: ReportRun, record: Record) -> str:
    """A sentence that says so where it is of one or two speakers only."""
    scope = whose(run, record)
    return f"{text}, in speech {scope}" if scope else text


def stream_claims(run: ReportRun, what: str, metric: str) -> Iterator[Claim]:
    """The claim of the first stream of each level that it carries information on something beyond chance."""
    for stream in first_of_levels(run.results.streams):
        if record := run.by_id.get(f"{stream}.{metric}"):
            yield chance_claim(run, f"{stream} carries information on {what} beyond chance", record)


def _missing(record: Record) -> str:
    """Why a number cannot be judged by itself, empty where it can."""
    if not math.isfinite(record.estimate):
        return reason_of(record)
    if not math.isfinite(record.null_mean):
        return NO_NULL
    return "" if math.isfinite(record.ci_low) else NO_INTERVAL


def judged_cell(record: Record | None) -> Cell:
    """The number with its interval; marked where it is no more than chance."""
    if record is None:
        return EMPTY
    verdict = beyond_chance(record, metric_of(record.id).side)
    return estimate_cell(record, "null" if verdict == "not supported" else "")
