"""One metric, one record: unit, range, direction, degenerate value, definition. Docs, tables and tests read these."""

from __future__ import annotations

from analysis.metrics.metric import Metric, read_metrics
from analysis.slices import SLICES

METRICS: dict[str, Metric] = {metric.name: metric for one in SLICES for metric in read_metrics(one.name)}


def metric_name(id: str) -> str:
    """The metric of a result's id: `pnmi` of `acoustic.0.pnmi[silence-dropped]`."""
    return id.split("[")[0].rsplit(".", 1)[-1]


def metric_of(id: str) -> Metric:
    """The record behind a result's id such as `acoustic.0.pnmi` or `phonetic.pnmi[silence-dropped]`.

    Raises:
        KeyError: there is none.
    """
    return METRICS[metric_name(id)]
