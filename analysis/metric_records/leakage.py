"""Metrics of what a stream tells of a factor."""

from __future__ import annotations

from analysis.metric import Metric

RECORDS: tuple[Metric, ...] = ()
