"""What a comparison over seeds measures."""

from __future__ import annotations

from analysis.metrics.metric import Metric

RECORDS: tuple[Metric, ...] = (
    Metric(
        "difference",
        "difference to the reference",
        "unit of the number in brackets",
        None,
        None,
        "none",
        True,
        "one of the two is undefined",
        "mean over seeds of a variant's number less that of the reference from the same seed, null-corrected where "
        "both are; the null is 0, its sd the standard error of the difference; analysis.seeds",
    ),
)
