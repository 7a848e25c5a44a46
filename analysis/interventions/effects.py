"""Names of what interventions measure."""

from __future__ import annotations

from analysis.metrics.metric import read_metrics

CHANGE = "_change"
"""What ends the name of a difference to `keep`."""

EFFECTS = tuple(metric.name for metric in read_metrics("interventions") if not metric.name.endswith(CHANGE))
"""Names of the effects, in order."""
