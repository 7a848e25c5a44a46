"""Differences between runs as a table for a terminal, and as CSV."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, fields

from rich.console import Group, RenderableType

from analysis.comparison.differences import Difference
from reports.comparison.parts import MARKS
from reports.document.cells import text_cell
from reports.document.number_format import number
from reports.document.parts import Cell, Table
from reports.document.result_table import Shown, result_table
from reports.render.csv_files import csv_text
from reports.render.tables import terminal_table, warning_lines

CLEAR = ("better", "worse", "different")
"""Verdicts of what is beyond noise."""
HEADS = ("baseline", "run's", "difference ± 95 %", "p", "paired", "verdict")


def comparison_table(
    baseline: str,
    differences: Sequence[Difference],
    warnings: Sequence[str] = (),
    shown: Callable[[Difference], bool] = lambda _: True,
) -> RenderableType:
    """Differences to the baseline (those `shown`), then how many of all stand out of noise, and the warnings."""
    several = len({one.run for one in differences}) > 1
    counts = {verdict: sum(one.verdict == verdict for one in differences) for verdict in (*CLEAR, "within noise")}
    summary = ", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n) or (
        "nothing that can be judged" if differences else "nothing in common"
    )
    table = terminal_table(_table(baseline, differences, [one for one in differences if shown(one)]))
    return Group(table, summary + " (all runs together)" * several, *warning_lines(warnings))


def _table(baseline: str, differences: Sequence[Difference], shown: Sequence[Difference]) -> Table:
    n_tests = sum(math.isfinite(one.p) for one in differences)
    n_names = 3 if any(one.group for one in differences) else 2
    title = f"Differences to {baseline}, 95 % intervals; p by Holm over {n_tests} of them"
    rows = ((*_names(one)[:n_names], *_cells(one)) for one in shown)
    return result_table("differences", title, (*("run", "metric", "group")[:n_names], *HEADS), rows)


def _names(one: Difference) -> tuple[str, str, str]:
    return one.run, f"{one.analysis}: {one.id}" if one.analysis else one.id, one.group


def _cells(one: Difference) -> tuple[Shown, ...]:
    star = "*" if one.of == "corrected" else ""
    half = (one.high - one.low) / 2
    around = f"{one.difference:+.4f} ± {number(half)}" if math.isfinite(half) else "-"
    p = "-" if not math.isfinite(one.p_holm) else "<.001" if one.p_holm < 0.001 else f"{one.p_holm:.3f}"
    return (
        Cell(f"{number(one.base)}{star}", one.base),
        Cell(f"{number(one.other)}{star}", one.other),
        Cell(around, one.difference),
        Cell(p, one.p_holm),
        {"paired": "yes", "unpaired": "no", "none": "-"}[one.method],
        text_cell(one.verdict, MARKS.get(one.verdict, "null")),
    )


def comparison_csv(differences: Sequence[Difference]) -> str:
    """One row a difference, full precision."""
    return csv_text([field.name for field in fields(Difference)], map(astuple, differences))
