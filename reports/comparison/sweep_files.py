"""The files and the table of a comparison over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from analysis.comparison.differences import Difference
from analysis.comparison.seeds import Compared
from analysis.results.records import DROPPED
from analysis.results.schema import Results
from analysis.sweeps.budget import Plan
from hac.files.atomic import write_text
from reports.comparison.tables import STYLES, comparison_csv, comparison_table
from reports.document.number_format import number
from reports.render.result_files import write_numbers
from reports.render.tables import make_table

HEADLINES = (
    *("pnmi", "detected_words", "word_ncmi", "boundary_f1", "boundary_r_value", "leakage"),
    *("pesq_wb", "stoi", "wer", "mel_distance", "perplexity", "own_wer", "source_similarity"),
)
"""Metrics of the table on the screen, where more were compared."""


def write_ablation(results: Results, compared: Compared, folder: Path) -> list[Path]:
    """Write `differences.csv`, `metrics.csv`, `draws.parquet` and, last, `results.json`; returns their paths."""
    table = folder / "differences.csv"
    write_text(table, comparison_csv(compared.differences))
    return [table, *write_numbers(results, folder)]


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
    outstanding = [one for one in differences if one.verdict in STYLES]
    parts: list[RenderableType] = [_headlines(reference, variants, differences)] if differences else []
    if outstanding:
        parts.append(comparison_table(reference, differences, (), shown=lambda one: one.verdict in STYLES))
    elif not differences:
        parts.append(Text("nothing was compared"))
    else:
        n_tests = sum(math.isfinite(one.p) for one in differences)
        parts.append(Text(f"no difference stands out of noise (p by Holm over {n_tests})"))
    parts += [Text(f"warning: {warning}", style="yellow") for warning in warnings]
    return Group(*parts)


def _headlines(reference: str, variants: Sequence[str], differences: Sequence[Difference]) -> RenderableType:
    """A row for each of the best-known numbers, a column for each variant; noise is in brackets."""
    from analysis.metrics.registry import metric_name

    table = make_table(
        f"Differences to {reference}; in brackets: within noise", ("analysis", "metric"), tuple(variants)
    )
    rows: dict[tuple[str, str], dict[str, Difference]] = {}
    for one in differences:
        if metric_name(one.id) in HEADLINES and math.isfinite(one.difference) and _is_plain(one.id):
            rows.setdefault((one.analysis, one.id), {})[one.run] = one
    for (analysis, id), found in rows.items():
        table.add_row(escape(analysis), escape(id), *(_cell(found.get(name)) for name in variants))
    return table


def _is_plain(id: str) -> bool:
    """Whether a number is that of the first of its protocols: the others stand in the CSV."""
    if "boundary" in id:
        return "greedy,20ms" in id
    return DROPPED not in id and ("detected_words" not in id or "held-out" in id)


def _cell(one: Difference | None) -> str:
    if one is None:
        return "-"
    text = f"{one.difference:+.4f}"
    style = STYLES.get(one.verdict)
    return f"[{style}]{text}[/]" if style else f"[dim]({text})[/]"


def plan_table(plan: Plan) -> RenderableType:
    """What a sweep will take: a row a training, the sum, where the hours come from, what is not in them."""
    table = make_table(
        "What the sweep will take", ("index", "training"), ("steps left", "of", "hours", "GB of checkpoints")
    )
    for row in plan.rows:
        table.add_row(
            str(row.index),
            escape(row.cell),
            f"{row.steps[0]:,}",
            f"{row.steps[1]:,}",
            number(row.hours),
            f"{row.gigabytes:.3f}",
        )
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
    return Group(table, *(Text(line) for line in lines))
