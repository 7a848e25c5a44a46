"""One metric, one record: unit, range, direction, degenerate value, definition. Docs, tables and tests read these."""

from __future__ import annotations

import re

from analysis.metrics.headlines import Headlines, read_headlines
from analysis.metrics.metric import Metric, read_metrics
from analysis.slices import COMMANDS, SLICES

METRICS: dict[str, Metric] = {metric.name: metric for one in SLICES for metric in read_metrics(one.name)}
HEADLINES: dict[str, Headlines] = {command: read_headlines(one.name) for command, one in COMMANDS.items()}
"""By command."""
_NAME = re.compile(r"(?:^|\.)(\w+)(?=\[|$)")


def metric_name(id: str) -> str:
    """The metric of a result's id: `pnmi` of `acoustic.0.pnmi[silence-dropped]`, also where a stream has brackets."""
    name = id.split("[")[0].rsplit(".", 1)[-1]
    if name in METRICS:
        return name
    return next((found for found in _NAME.findall(id) if found in METRICS), name)


def metric_of(id: str) -> Metric:
    """The record behind a result's id such as `acoustic.0.pnmi` or `phonetic.pnmi[silence-dropped]`.

    Raises:
        KeyError: there is none.
    """
    return METRICS[metric_name(id)]


def headlines_of(command: str) -> Headlines:
    """What of a command stands beside numbers of others; nothing of one that this version does not know."""
    return HEADLINES.get(command, Headlines())
