"""Metrics of what changes when a stream is dropped, kept alone, shuffled or swapped."""

from __future__ import annotations

from analysis.metric import Metric

RECORDS: tuple[Metric, ...] = ()
