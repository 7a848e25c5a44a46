"""What `hac-analyze ablate` prints: what a sweep will take, and what it found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from analysis.comparison.differences import Difference
from analysis.metrics.registry import headlines_of
from analysis.sweeps.budget import Plan
from reports.comparison.parts import MARKS
from reports.comparison.tables import CLEAR, comparison_table
from reports.document.headlines import is_headline
from reports.document.number_format import fixed, number, number_in
from reports.document.parts import Cell, Table
from reports.document.result_table import Cells, result_table
from reports.render.tables import terminal_table, warning_lines


def ablation_table(
    reference: str, variants: Sequence[str], differences: Sequence[Difference], warnings: Sequence[str]
) -> RenderableType:
    """The best-known numbers, then what stands out of noise and how much does not, and the warnings.

    Args:
        reference: the variant that the others are compared with.
        variants: the others, a column each.
        differences: of all of them.
        warnings: what a reader must know.
    """
    parts: list[RenderableType] = []
    if differences:
        parts.append(terminal_table(_headlines(reference, variants, differences)))
    if any(one.verdict in CLEAR for one in differences):
        parts.append(comparison_table(reference, differences, (), shown=lambda one: one.verdict in CLEAR))
    elif not differences:
        parts.append("nothing was compared")
    else:
        n_tests = sum(math.isfinite(one.p) for one in differences)
        parts.append(f"no difference is beyond noise (p by Holm over {n_tests})")
    return Group(*parts, *warning_lines(warnings))


def _headlines(reference: str, variants: Sequence[str], differences: Sequence[Difference]) -> Table:
    """A row for each headline, a column for each variant; noise is in brackets."""
    found: dict[tuple[str, str], dict[str, Difference]] = {}
    for one in differences:
        if math.isfinite(one.difference) and is_headline(one.id, headlines_of(one.analysis).ablate):
            found.setdefault((one.analysis, one.id), {})[one.run] = one
    rows: list[Cells] = [(*row, *(_cell(of.get(name)) for name in variants)) for row, of in found.items()]
    title = f"Differences to {reference}; in brackets: within noise"
    return result_table("headlines", title, ("analysis", "metric", *variants), rows)


def _cell(one: Difference | None) -> Cell:
    if one is None:
        return Cell("-", math.nan)
    text = f"{one.difference:+.4f}"
    if one.verdict in CLEAR:
        return Cell(text, one.difference, MARKS[one.verdict])
    return Cell(f"({text})", one.difference, "null")


def status_table(folder: Path, states: Iterable[Mapping[str, Any]]) -> RenderableType:
    """How far each training of a sweep is."""
    keys = ("cell", "state", "device", "analyses", "error", "saved_step", "steps")
    rows = ([", ".join(row[key]) if key == "analyses" else row[key] for key in keys] for row in states)
    heads = ("training", "state", "device", "analyses done", "why", "saved step", "of")
    return terminal_table(result_table("status", str(folder), heads, rows))


def plan_table(plan: Plan) -> RenderableType:
    """What a sweep will take: a row a training, the sum, where the hours come from, what is not in them."""
    rows = [
        (str(row.index), row.cell, *row.steps, number_in(number, row.hours), number_in(fixed(3), row.gigabytes))
        for row in plan.rows
    ]
    heads = ("index", "training", "steps left", "of", "hours", "GB of checkpoints")
    table = result_table("plan", "What the sweep will take", heads, rows)
    checkpoints = sum(row.gigabytes for row in plan.rows)
    whole = f"{checkpoints + plan.targets_gigabytes:.3g} GB"
    if plan.targets_known:
        targets = f"{plan.targets_gigabytes:.3g}"
    else:
        whole, targets = f"at least {whole}", "not all known"
    lines = [
        f"{len(plan.rows)} trainings, {plan.at_once} at once, {sum(row.steps[0] for row in plan.rows):,} steps: "
        f"{plan.hours:.3g} hours from start to end ({sum(row.hours for row in plan.rows):.3g} of one device)",
        f"{whole}: checkpoints {checkpoints:.3g}, cached targets {targets} (of {plan.audio_hours:.3g} h of speech)",
        f"speed: {plan.source}",
        *plan.notes,
    ]
    return Group(terminal_table(table), *(Text(line) for line in lines))
