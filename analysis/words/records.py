"""A number about words in the form that results hold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analysis.results.builder import Estimate, jackknifed, make_record
from analysis.results.schema import Record
from analysis.statistics.jackknife import no_interval


def word_record(
    stream: str,
    metric: str,
    tag: str,
    group: str,
    value: float,
    left_out: NDArray[np.float64] | str,
    null: NDArray[np.float64],
    *,
    n: int,
    protocol: str,
    about: str = "",
    nulls: Mapping[str, NDArray[np.float64]] | None = None,
) -> Record:
    """A record with its nulls; of a share, the number is chance-corrected, the mean null held fixed in the interval.

    Args:
        stream: its name.
        metric: its name in `analysis.metrics.registry`.
        tag: what follows it in the id, such as `[vg-hubert]`.
        group: part of the corpus, empty for all of it.
        value: the number.
        left_out: float64 [n_clusters], the value without each cluster, or why there is no interval.
        null: float64 [n_draws], what chance scores.
        n: words or frames behind it.
        protocol: name in `Results.protocols`.
        about: begins the note: what was left out in turn.
        nulls: draws of further nulls by name.
    """
    if isinstance(left_out, str):
        bare = jackknifed(metric, value, np.empty(0), null)
        estimate = Estimate(value, no_interval(left_out), null, bare.is_corrected)
    else:
        estimate = jackknifed(metric, value, left_out, null)
    id = f"{stream}.{metric}{tag}"
    return make_record(id, stream, metric, estimate, n=n, protocol=protocol, group=group, about=about, nulls=nulls)
