"""Differences between runs: of every number that two runs have in common, with its interval and what chance would do.

Where both runs counted the same utterances (`coverage.utterances.key`), the difference is computed again without each
cluster in turn, so that easy and hard speakers cancel: `paired`. Else the runs are taken for independent: `unpaired`,
which is wider.
p is Student's, from the jackknife error of the (paired) difference, and is corrected for the number of differences
that are looked at (Holm 1979). Without any difference it is below .05 in 3 to 6 % of corpora of 4 to 40 speakers.

Codebooks of unlike size: what correction by the null leaves is a bias of 4 to 25 % of the difference of the nulls
(`benchmarks.coverage --pairs`), which cancels in no pair. So the interval of a difference in what grows with the codes
is wider by `allowance`, and p says how likely a difference beyond it is. Where there is too little speech for so many
codes (`analysis.results.records.too_little_speech`), no difference is judged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from analysis.comparison.comparable import same_utterances
from analysis.comparison.runs import Run, whole_corpus
from analysis.metrics.registry import METRICS, metric_name, metric_of
from analysis.results.records import RANK_INSTEAD, TOO_LITTLE_SPEECH, too_little_speech
from analysis.results.schema import Record
from analysis.statistics.jackknife import LEVEL, LeftOut, standard_error

Verdict = Literal["better", "worse", "different", "within noise", "unknown"]
LEAST_P = 1e-12
OF_NULLS, AT_MOST = 1 / 4, 0.002
"""Allowance of a difference: this share of the nulls' difference, and the nulls' difference itself up to so much."""


@dataclass(frozen=True)
class Difference:
    """How a number of a run differs from the same number of the baseline.

    Attributes:
        id, group: of the record.
        run: name of the run.
        of: `corrected` where chance is taken off in both runs, else `value`.
        base, other: the number in the baseline and in the run.
        difference: other - base.
        low, high: 95 % interval of the difference; NaN with a note where there is none.
        p: of a difference this large where there is none.
        p_holm: the same, corrected for all differences of the comparison.
        method: `paired`, `unpaired` or `none`.
        verdict: `within noise` unless `p_holm` is below 0.05; `unknown` without p.
        note: why there is no interval.
        analysis: which command measured it, where a comparison holds several.
        n_seeds: trainings of each that the numbers are means of.
        error: standard error of the difference.
        allowance: for codebooks of unlike size, within the interval.
    """

    id: str
    group: str
    run: str
    of: Literal["corrected", "value"]
    base: float
    other: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    method: Literal["paired", "unpaired", "none"]
    verdict: Verdict
    note: str = ""
    analysis: str = ""
    n_seeds: int = 1
    error: float = math.nan
    allowance: float = 0.0


def compare(runs: Sequence[Run], wanted: Callable[[Record], bool] = whole_corpus) -> list[Difference]:
    """Differences of every run to the first, of every wanted record that both have, in the baseline's order.

    Args:
        runs: the baseline first; see `check_comparable`.
        wanted: which records; by default those of the whole corpus.
    """
    base, found = runs[0], []
    for run in runs[1:]:
        paired = same_utterances(base, run)
        others = {(record.id, record.group): record for record in run.results.metrics}
        for record in base.results.metrics:
            other = others.get((record.id, record.group))
            if other is not None and wanted(record):
                found.append(difference(record, other, run.name, paired))
    return with_verdicts(found)


def with_verdicts(found: Sequence[Difference]) -> list[Difference]:
    """The differences with p corrected for their number, and what that says of each."""
    adjusted = holm(np.array([one.p for one in found], np.float64))
    return [
        replace(one, p_holm=float(p), verdict=_verdict(one, float(p))) for one, p in zip(found, adjusted, strict=True)
    ]


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """p-values corrected for their number by Holm's step-down rule (1979); NaN ones stay out of the count."""
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1) if len(order) else steps
    return adjusted


def difference(
    base: Record, other: Record, run: str, paired: bool, seeds: Sequence[tuple[Record, Record]] = ()
) -> Difference:
    """How a number differs between two runs; p is not yet corrected, and there is no verdict: see `with_verdicts`.

    Args:
        base, other: the number in the baseline and in the run; over several seeds, the means.
        run: name of the run.
        paired: whether both counted the same utterances.
        seeds: the number in the baseline and in the run for each seed; the scatter of their differences then enters
            the interval.
    """
    alike = base.is_corrected == other.is_corrected
    of: Literal["corrected", "value"] = "corrected" if base.is_corrected and alike else "value"
    field = "estimate" if alike else "value"
    a, b = getattr(base, field), getattr(other, field)
    left_out = (base.left_out, other.left_out) if alike else (None, None)
    error, freedom, method, note = _error(*left_out, (base.ci_method, other.ci_method), paired)
    parts = [(error, freedom)]
    if len(seeds) > 1:
        gaps = np.array([getattr(second, field) - getattr(first, field) for first, second in seeds])
        parts.append((float(gaps.std(ddof=1)) / math.sqrt(len(gaps)), len(gaps) - 1.0))
    error = math.hypot(*(part for part, _ in parts))
    gap, allowed = b - a, allowance(base, other) if of == "corrected" else 0.0
    low = high = p = math.nan
    if math.isfinite(gap) and error > 0:
        half = _half_width(parts, 1 - LEVEL) + allowed
        low, high = gap - half, gap + half
        p = _p_value(parts, max(abs(gap) - allowed, 0.0))
    elif gap == 0 and error == 0:
        p, note = 1.0, "the same in every cluster"
    if too_little_speech(base) or too_little_speech(other):
        p, note = math.nan, f"{TOO_LITTLE_SPEECH}; {RANK_INSTEAD}"
    return Difference(
        id=base.id,
        group=base.group,
        run=run,
        of=of,
        base=a,
        other=b,
        difference=gap,
        low=low,
        high=high,
        p=p,
        p_holm=math.nan,
        method=method,
        verdict="unknown",
        note=note,
        n_seeds=max(1, len(seeds)),
        error=error,
        allowance=allowed,
    )


def allowance(one: Record, other: Record) -> float:
    """How far two numbers may lie apart for no other reason than codebooks of unlike size."""
    metric = METRICS.get(metric_name(one.id))
    if metric is None or not metric.grows_with_codes:
        return 0.0
    apart = abs(one.null_mean - other.null_mean)
    return OF_NULLS * apart + min(AT_MOST, apart) if math.isfinite(apart) else 0.0


def _half_width(parts: Sequence[tuple[float, float]], p: float) -> float:
    """Half the width of the interval that leaves out p, for errors with their degrees of freedom.

    Each part has its own Student's t: this called 1 to 5 % of differences real in simulations without any. One t for
    the sum, with Welch and Satterthwaite's degrees of freedom, called up to 12 % with two seeds.
    """
    return math.hypot(*(error * -float(special.stdtrit(freedom, p / 2)) for error, freedom in parts))


def _p_value(parts: Sequence[tuple[float, float]], gap: float) -> float:
    """p of a difference: where the interval that leaves out p just reaches 0; at least `LEAST_P` for several parts."""
    if len(parts) == 1:
        error, freedom = parts[0]
        return 2 * float(special.stdtr(freedom, -abs(gap) / error))
    if _half_width(parts, LEAST_P) <= abs(gap):
        return LEAST_P
    if gap == 0:
        return 1.0
    return float(optimize.brentq(lambda p: _half_width(parts, p) - abs(gap), LEAST_P, 1.0, xtol=1e-15))


def _error(
    a: LeftOut | None, b: LeftOut | None, methods: tuple[str, str], paired: bool
) -> tuple[float, float, Literal["paired", "unpaired", "none"], str]:
    """Standard error of a difference, its degrees of freedom, how it was had, and why not."""
    if a is None or b is None:
        return math.nan, math.nan, "none", "a run has no interval to compare by"
    if paired and methods[0] == methods[1] and a.values.shape == b.values.shape:
        error, n = standard_error(b.values - a.values)
        return (error, n - 1, "paired", "") if n > 2 else (math.nan, math.nan, "none", "fewer than 3 clusters")
    errors = [standard_error(one.values) for one in (a, b)]
    if min(n for _, n in errors) < 3:
        return math.nan, math.nan, "none", "fewer than 3 clusters"
    total = math.hypot(*(error for error, _ in errors))
    # Welch and Satterthwaite
    below = sum(error**4 / (n - 1) for error, n in errors)
    return total, total**4 / below if below else math.inf, "unpaired", ""


def _verdict(one: Difference, p_holm: float) -> Verdict:
    if not math.isfinite(p_holm):
        return "unknown"
    if p_holm >= 1 - LEVEL:
        return "within noise"
    better = metric_of(one.id).better
    if better == "none":
        return "different"
    return "better" if (one.difference > 0) == (better == "higher") else "worse"
