"""Cells of tables: numbers, intervals and nulls as they are read, with the numbers behind them."""

from __future__ import annotations

import math

from analysis.results.schema import Record
from reports.document.number_format import figures
from reports.document.parts import Cell, Mark

EMPTY = Cell("", math.nan)
"""Where there is no number."""
LEAST_SHOWN = 0.0005
"""What three decimals can show."""


def text_cell(text: str, mark: Mark = "", opens: str = "") -> Cell:
    """A cell of words."""
    return Cell(text, text, mark, opens)


def number_cell(value: float, mark: Mark = "") -> Cell:
    """A cell of one number."""
    return Cell(figures(value), value, mark)


def interval_text(value: float, low: float, high: float) -> str:
    """`.412 ± .010`: a number and half the width of its 95 % interval, which has the number in its middle."""
    return figures(value) + half_width_text((high - low) / 2)


def half_width_text(half: float) -> str:
    """` ± .010`; ` ± <.001` where it is less than three decimals show; nothing without an interval."""
    if not math.isfinite(half):
        return ""
    return f" ± {figures(half)}" if half >= LEAST_SHOWN else " ± <.001"


def null_text(mean: float, sd: float) -> str:
    """`.031 ± .001`; a small deviation is not written as none at all: `.070 ± .0003`."""
    if not math.isfinite(sd):
        return figures(mean)
    if sd == 0 or sd >= LEAST_SHOWN:
        return f"{figures(mean)} ± {figures(sd)}"
    return f"{figures(mean)} ± {f'{sd:.4f}'.removeprefix('0') if sd >= LEAST_SHOWN / 10 else '< .0001'}"


def chance_text(record: Record) -> str:
    """`counted .458, chance .079`; `chance .079` where it is not taken off."""
    counted = f"counted {figures(record.value)}, " if record.is_corrected else ""
    return f"{counted}chance {figures(record.null_mean)}"


def chance_of(record: Record) -> tuple[tuple[str, float], ...]:
    """What `chance_text` says, as numbers behind a cell."""
    counted = (("counted", record.value),) if record.is_corrected else ()
    return (*counted, ("chance", record.null_mean), ("chance sd", record.null_sd))


def interval_cell(value: float, low: float, high: float, mark: Mark = "") -> Cell:
    """A number with its interval."""
    return Cell(interval_text(value, low, high), value, mark, more=(("low", low), ("high", high)))


def chance_cell(mean: float, sd: float) -> Cell:
    """What chance scores."""
    return Cell(null_text(mean, sd) if math.isfinite(mean) else "", mean, more=(("sd", sd),))


def estimate_cell(record: Record | None, mark: Mark = "") -> Cell:
    """The number of a record with its interval; empty where there is no record."""
    return EMPTY if record is None else interval_cell(record.estimate, record.ci_low, record.ci_high, mark)


def counted_cell(record: Record | None) -> Cell:
    """The value as counted, chance and all."""
    return EMPTY if record is None else number_cell(record.value)


def null_cell(record: Record | None) -> Cell:
    """What chance scores; empty where there is no record."""
    return EMPTY if record is None else chance_cell(record.null_mean, record.null_sd)


def count_cell(n: int) -> Cell:
    """A count."""
    return Cell(f"{n:,}", n)


def n_cell(record: Record | None) -> Cell:
    """How much a record was counted on."""
    return EMPTY if record is None else count_cell(record.n)
