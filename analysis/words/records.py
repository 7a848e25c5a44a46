"""A number about words in the form that results hold."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.registry import METRICS
from analysis.results.records import interval_fields, mean_sd, with_fixed_null, within_range
from analysis.results.schema import Null, Record
from analysis.statistics.bootstrap import Interval


def word_record(
    stream: str,
    metric: str,
    tag: str,
    group: str,
    value: float,
    interval: Interval,
    null: NDArray[np.float64],
    *,
    n: int,
    protocol: str,
    nulls: Mapping[str, NDArray[np.float64]] | None = None,
) -> Record:
    """A record with its nulls and, for shares, its null-corrected value (the null held fixed in the interval).

    Args:
        stream: its name.
        metric: its name in `analysis.metrics.registry`.
        tag: what follows it in the id, such as `[vg-hubert]`.
        group: part of the corpus, empty for all of it.
        value: the number.
        interval: of the number.
        null: float64 [n_draws], what chance scores.
        n: words or frames behind it.
        protocol: name in `Results.protocols`.
        nulls: draws of further nulls by name.
    """
    interval = within_range(metric, interval)
    mean, sd = mean_sd(null)
    further = {name: mean_sd(draws) for name, draws in (nulls or {}).items()}
    record = Record(
        id=f"{stream}.{metric}{tag}",
        stream=stream,
        group=group,
        value=value,
        **interval_fields(interval),
        null_mean=mean,
        null_sd=sd,
        n=n,
        protocol=protocol,
        note=interval.reason if math.isfinite(value) else f"undefined: {METRICS[metric].undefined}",
        nulls={name: Null(mean=m, sd=s) for name, (m, s) in further.items()},
    )
    # a count of words, or of nats, has no 1 to be perfect at
    return with_fixed_null(record) if METRICS[metric].unit == "share" else record
