"""Metrics of how near decoded speech is to the original."""

from __future__ import annotations

from analysis.metric import Metric

RECORDS: tuple[Metric, ...] = ()
