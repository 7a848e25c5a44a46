"""A number about words in the form that results hold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.registry import METRICS
from analysis.results.builder import Estimate, make_record
from analysis.results.schema import Record
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
    # a count of words, or of nats, has no 1 to be perfect at
    estimate = Estimate(value, interval, null, "fixed null" if METRICS[metric].unit == "share" else None)
    id = f"{stream}.{metric}{tag}"
    return make_record(id, stream, metric, estimate, n=n, protocol=protocol, group=group, nulls=nulls)
