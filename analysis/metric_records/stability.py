"""Metrics of whether the same speech gets the same tokens."""

from __future__ import annotations

from analysis.metric import Metric

RECORDS: tuple[Metric, ...] = ()
