"""Metrics of how a stream uses its codebook."""

from __future__ import annotations

from analysis.metric import Metric

RECORDS: tuple[Metric, ...] = ()
