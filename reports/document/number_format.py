"""How numbers are written: alone, with an interval, beside a null; and the cells of a terminal's tables that do so."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from analysis.results.schema import Record
from reports.document.parts import Cell

Form = Callable[[float], str]
"""How a number is written; a dash for what could not be had."""
CellOf = Callable[[Record | None], Cell]
"""How a record is shown; empty where there is none."""
LEAST_HOURS = 0.1
"""Less is written in minutes."""


def fixed(places: int) -> Form:
    """So many decimals."""
    return lambda value: f"{value:.{places}f}" if math.isfinite(value) else "-"


number = fixed(4)


def bare(places: int) -> Form:
    """So many decimals, without the zero before them."""
    return lambda value: _no_leading_zero(f"{value:.{places}f}") if math.isfinite(value) else "-"


short = bare(3)


def figures(value: float) -> str:
    """Three decimals below 10, one below 1,000, none beyond: cents and decibels have no more to say."""
    if not abs(value) >= 10:
        return short(value)
    return f"{value:.1f}" if abs(value) < 1000 else f"{value:.0f}"


def p_text(p: float) -> str:
    """p as it is read, empty where there is none."""
    if not math.isfinite(p):
        return ""
    return "< .001" if p < 0.001 else short(p)


def _no_leading_zero(text: str) -> str:
    return re.sub(r"^(-?)0\.", r"\1.", re.sub(r"^-(?=0(\.0*)?$)", "", text))


def long_text(hours: float) -> str:
    """How long speech is; next to nothing in minutes."""
    return f"{hours:.2f} h" if hours >= LEAST_HOURS else f"{60 * hours:.1f} min"


def with_interval(value: float, low: float, high: float, form: Form = number, half: Form = short) -> str:
    """`0.2578 ± .008`: a number and half the width of its interval."""
    return form(value) + (f" ± {half((high - low) / 2)}" if math.isfinite(low) else "")


def with_null(mean: float, sd: float) -> str:
    """`0.0312 ± .0004`."""
    return number(mean) + (f" ± {_no_leading_zero(f'{sd:.4f}')}" if math.isfinite(sd) else "")


def number_in(form: Form, value: float) -> Cell:
    """The cell of a number."""
    return Cell(form(value), value)


def shown(write: Callable[[Record], str]) -> CellOf:
    """Records as they are written."""
    return lambda record: Cell("", math.nan) if record is None else Cell(write(record), record.estimate)


def alone(form: Form, factor: float = 1.0) -> CellOf:
    """The number alone, in a unit of which a record's unit has `factor`."""
    return shown(lambda r: form(r.estimate * factor))


def spanned(form: Form = number, half: Form = short) -> CellOf:
    """The number with its interval."""
    return shown(lambda r: with_interval(r.estimate, r.ci_low, r.ci_high, form, half))


def counted(form: Form) -> CellOf:
    """The value as counted, chance and all."""
    return shown(lambda r: form(r.value))


def null_mean(form: Form) -> CellOf:
    """The mean of the null alone."""
    return shown(lambda r: form(r.null_mean))


def value_and_null(form: Form = number, factor: float = 1.0) -> CellOf:
    """`0.5012 / 0.4321`: the value as counted and the mean of its null."""
    return shown(lambda r: f"{form(r.value * factor)} / {form(r.null_mean * factor)}")


null_spread = shown(lambda r: with_null(r.null_mean, r.null_sd))
"""The null with its deviation."""
