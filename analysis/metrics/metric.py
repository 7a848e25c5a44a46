"""What a reader must know of a metric: unit, range, direction, degenerate value, definition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """What a reader must know of a metric.

    Attributes:
        name: the part of a result's id after the stream.
        title: as printed over a column.
        unit: `share`, `nats`, `codes`, ...
        low, high: range; None where unbounded.
        better: which way is better, or `none` for a description.
        has_null: whether a chance level is computed.
        undefined: when the value is NaN.
        definition: formula and source.
    """

    name: str
    title: str
    unit: str
    low: float | None
    high: float | None
    better: Literal["higher", "lower", "none"]
    has_null: bool
    undefined: str
    definition: str
