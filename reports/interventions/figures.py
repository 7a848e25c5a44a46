"""Bars of what each intervention does, an axis for each effect, beside null, interval and the reference decode."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.interventions.effects import EFFECTS
from analysis.metrics.registry import METRICS
from analysis.results.schema import Record, Results
from probes.tokens.interventions import ALL, INTERVENTIONS, KEEP, ORIGINAL
from reports.document.parts import Point
from reports.document.result_table import whole_corpus
from reports.interventions.tables import conditions_of, of_id
from reports.render.figure_style import figure, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = 4
"""Axes side by side."""
LEFT_OUT = ("phone_information",)
"""Effects that another one shows already: content kept is this over that of the recordings."""
COLORS = {ORIGINAL: "0.75", KEEP: "0.45", **{name: f"C{i}" for i, name in enumerate(INTERVENTIONS)}}


def intervention_bars(results: Results, path: Path) -> None:
    """Every condition under every effect that was measured.

    Args:
        results: of `hac-analyze intervene`.
        path: PNG, PDF or SVG.
    """
    by_id = whole_corpus(results)
    conditions = conditions_of(by_id)
    measured = {of_id(id)[1] for id in by_id}
    effects = [effect for effect in EFFECTS if effect in measured and effect not in LEFT_OUT]
    rows = max(1, math.ceil(len(effects) / ACROSS))
    height = rows * (0.21 * len(conditions) + 0.9) + 0.8
    with figure(path, (3.1 * min(ACROSS, max(1, len(effects))) + 1, height)) as canvas:
        title = "bar: value; line: 95 % interval; grey: chance and 3 sd; dashed: all levels kept"
        canvas.suptitle(f"{printable(results.system)}: what each level does ({title})", fontsize=9)
        if not effects:
            canvas.subplots().text(0.5, 0.5, "nothing was measured", ha="center", va="center")
            return
        grid = canvas.subplots(rows, min(ACROSS, len(effects)), sharey=True, squeeze=False)
        for axes, effect in zip(grid.flat, effects, strict=False):
            _bars(axes, effect, conditions, by_id)
        for axes in grid.flat[len(effects) :]:
            axes.set_visible(False)
        labels = [_label(level, intervention) for level, intervention in conditions]
        grid[0, 0].set_yticks(range(len(conditions)), labels, fontsize=7)
        grid[0, 0].invert_yaxis()


def _bars(axes: Axes, effect: str, conditions: list[tuple[str, str]], by_id: Mapping[str, Record]) -> None:
    """One effect."""
    for y, (level, intervention) in enumerate(conditions):
        record = by_id.get(f"{level}.{effect}[{intervention}]")
        if record is not None and math.isfinite(record.estimate):
            _bar(axes, y, record, COLORS[intervention])
    keep = by_id.get(f"{ALL}.{effect}[{KEEP}]")
    if keep is not None and math.isfinite(keep.estimate):
        axes.axvline(keep.estimate, color="0.2", linewidth=0.8, linestyle="--", zorder=3)
    metric = METRICS[effect]
    if metric.low is not None and metric.low > 0:
        axes.set_xlim(left=metric.low)
    arrow = {"higher": " (right: nearer to the source)", "lower": " (left: nearer to the source)"}
    axes.set_title(metric.title, fontsize=8)
    unit = "chance-corrected" if metric.is_corrected else metric.unit
    axes.set_xlabel(f"{unit}{arrow.get(metric.better, '')}", fontsize=7)
    axes.tick_params(labelsize=7)
    for edge in np.cumsum([len(list(group)) for group in _by_level(conditions)])[:-1]:
        axes.axhline(edge - 0.5, color="0.85", linewidth=0.6, zorder=0)


def _bar(axes: Axes, y: int, record: Record, color: str) -> None:
    """One value with its null behind and its interval in front."""
    point = Point.of(record)
    axes.barh(y, point.value, height=0.6, color=color, zorder=1)
    if math.isfinite(point.null):
        spread = 3 * float(np.nan_to_num(point.null_sd))
        low, high = point.null - spread, point.null + spread
        axes.fill_betweenx([y - 0.45, y + 0.45], low, high, color="0.5", alpha=0.45, linewidth=0, zorder=2)
        axes.plot([point.null] * 2, [y - 0.45, y + 0.45], color="0.3", linewidth=0.8, zorder=2)
    if math.isfinite(point.low):
        axes.plot([point.low, point.high], [y, y], color="black", linewidth=1.2, zorder=4)


def _label(level: str, intervention: str) -> str:
    return intervention if level == ALL else f"{printable(level)} {intervention}"


def _by_level(conditions: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """The conditions of each level, in order."""
    levels: dict[str, list[tuple[str, str]]] = {}
    for condition in conditions:
        levels.setdefault(condition[0], []).append(condition)
    return list(levels.values())
