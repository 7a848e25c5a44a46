"""Differences between runs as a table for a terminal, and as CSV."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from analysis.comparison.differences import Difference
from reports.document.number_format import number
from reports.render.csv_files import csv_text
from reports.render.tables import make_table

STYLES = {"better": "green", "worse": "red", "different": "yellow"}


def comparison_table(
    baseline: str,
    differences: Sequence[Difference],
    warnings: Sequence[str] = (),
    shown: Callable[[Difference], bool] = lambda _: True,
) -> RenderableType:
    """Differences to the baseline (those `shown`), then how many of all stand out of noise, and the warnings."""
    several = len({one.run for one in differences}) > 1
    n_tests = sum(math.isfinite(one.p) for one in differences)
    grouped = any(one.group for one in differences)
    table = make_table(
        f"Differences to {baseline}, 95 % intervals; p by Holm over {n_tests} of them",
        ("run", "metric", "group") if grouped else ("run", "metric"),
        ("baseline", "run's", "difference [95 %]", "p", "paired", "verdict"),
    )
    for one in filter(shown, differences):
        label = f"{one.analysis}: {one.id}" if one.analysis else one.id
        head = (escape(one.run), escape(label), escape(one.group))[: 3 if grouped else 2]
        table.add_row(*head, *_cells(one))
    counts = {verdict: sum(one.verdict == verdict for one in differences) for verdict in (*STYLES, "within noise")}
    summary = ", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n)
    lines = [Text(f"{summary or 'nothing in common'}{' (all runs together)' if several else ''}")]
    lines += [Text(f"warning: {warning}", style="yellow") for warning in warnings]
    return Group(table, *lines)


def comparison_csv(differences: Sequence[Difference]) -> str:
    """One row a difference, full precision."""
    names = [field.name for field in fields(Difference)]
    return csv_text(names, (list(asdict(one).values()) for one in differences))


def _cells(one: Difference) -> list[str]:
    style = STYLES.get(one.verdict, "dim")
    star = "*" if one.of == "corrected" else ""
    around = f"{one.difference:+.4f} [{number(one.low)}, {number(one.high)}]" if math.isfinite(one.low) else "-"
    p = "-" if not math.isfinite(one.p_holm) else "<.001" if one.p_holm < 0.001 else f"{one.p_holm:.3f}"
    paired = {"paired": "yes", "unpaired": "no", "none": "-"}[one.method]
    return [f"{number(one.base)}{star}", f"{number(one.other)}{star}", around, p, paired, f"[{style}]{one.verdict}[/]"]
