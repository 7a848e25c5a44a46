"""How numbers are called: by their metric's record, never by a name of the report's own."""

from __future__ import annotations

from analysis.metrics.metric import Metric
from analysis.metrics.registry import METRICS, metric_of

ARROWS = {"higher": " ↑", "lower": " ↓", "none": ""}
"""After a title: the better side."""


def metric_title(id: str) -> str:
    """Title, part in brackets and unit of a record's metric: `F1 [phones,greedy,20ms], share`."""
    metric = metric_of(id)
    part = id.partition("[")[2].rstrip("]")
    return f"{metric.title}{f' [{part}]' if part else ''}, {_unit(metric)}"


def headed(name: str) -> str:
    """A metric as a head over numbers: title, unit, and an arrow to the better side."""
    metric = METRICS[name]
    return f"{metric.title}, {_unit(metric)}{ARROWS[metric.better]}"


def _unit(metric: Metric) -> str:
    return "chance-corrected" if metric.is_corrected else metric.unit
