"""Figure of a history: a panel for each of the best-known numbers, a line for each stream, what fell marked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.metrics.registry import METRICS, headlines_of, metric_name
from analysis.results.records import DROPPED
from analysis.sweeps.history import Flag, Point
from reports.render.figure_style import MANY, figure, marked_style, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curves = Mapping[str, Mapping[str, Sequence[Point]]]
"""Points by metric and by label: the stream, and what else the id says."""


def shown_curves(points: Sequence[Point]) -> Curves:
    """The curves of the headlines that have numbers, by analysis."""
    analyses = dict.fromkeys(point.analysis for point in points)
    wanted = (metric for analysis in analyses for metric in headlines_of(analysis).history_figure)
    return {metric: found for metric in wanted if (found := _series(points, metric))}


def history_curves(title: str, panels: Curves, flags: Sequence[Flag], path: Path) -> None:
    """Draw the curves with their intervals; chance-corrected where that can be had.

    Args:
        title: over everything.
        panels: from `shown_curves`, at least one.
        flags: what fell; marked with a cross.
        path: PNG, PDF or SVG.
    """
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    with figure(path, (1.2 + 3.4 * columns, 2.7 * rows + 0.4)) as canvas:
        grid = canvas.subplots(rows, columns, squeeze=False)
        for axes, (metric, series) in zip(grid.flat, panels.items(), strict=False):
            _panel(axes, metric, series, flags)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        canvas.suptitle(printable(title), fontsize=10)


def _series(points: Sequence[Point], metric: str) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {}
    for point in points:
        id = point.record.id
        if metric_name(id) != metric or DROPPED in id:
            continue
        label = id.replace(f".{metric}", "", 1) or metric
        found.setdefault(label, []).append(point)
    return {
        label: series for label, series in found.items() if any(math.isfinite(one.record.estimate) for one in series)
    }


def _panel(axes: Axes, metric: str, series: Mapping[str, Sequence[Point]], flags: Sequence[Flag]) -> None:
    corrected = all(one.record.is_corrected for each in series.values() for one in each)
    fallen = {(flag.step, flag.id) for flag in flags}
    for place, (label, points) in enumerate(series.items()):
        steps = [point.step for point in points]
        values, low, high = (
            [getattr(point.record, name) for point in points] for name in ("estimate", "ci_low", "ci_high")
        )
        style = marked_style(place)
        axes.plot(steps, values, markersize=3, linewidth=1.1, label=printable(label), **style)
        axes.fill_between(steps, low, high, color=style["color"], alpha=0.12, linewidth=0)
        if not corrected and METRICS[metric].has_null:
            nulls = [point.record.null_mean for point in points]
            axes.plot(steps, nulls, color=style["color"], linewidth=0.7, linestyle=":")
        marked = [i for i, point in enumerate(points) if (point.step, point.record.id) in fallen]
        axes.plot([steps[i] for i in marked], [values[i] for i in marked], "x", color="k", markersize=7)
    note = ", chance-corrected" if corrected else ""
    axes.set_title(printable(f"{METRICS[metric].title}{note}"), fontsize=9)
    axes.set_xlabel("step")
    if len(series) <= 2 * MANY:
        axes.legend(fontsize=6, frameon=False)
