"""The rate-distortion curve: every metric against the bits per second that its condition takes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.reconstruction.inputs import REFERENCE
from analysis.results.schema import Record, Results
from reports.document.parts import Point
from reports.reconstruction.tables import Measurements, title_of
from reports.render.figure_style import figure, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 4
PANEL = 2.7, 2.3
"""Width and height of a panel in inches."""


def quality_curves(results: Results, path: Path) -> None:
    """A panel for each metric: value with interval, null as a band, the reference's own as a line.

    The place along the axis is the nominal bit rate; open circles show the same values at the entropy of order 1, as
    the held-out code has it. Where a bit rate is not known, conditions stand side by side.

    Args:
        results: of a reconstruction run.
        path: PNG, PDF or SVG.
    """
    measurements = Measurements(results)
    conditions = [
        name for name in measurements.conditions if name != REFERENCE and name in results.coverage["conditions"]
    ]
    rates = [_rate(measurements.get(name, "kbps[nominal]")) for name in conditions]
    is_rated = all(math.isfinite(rate) for rate in rates)
    places = rates if is_rated else [float(i) for i in range(len(conditions))]
    n_rows = -(-len(measurements.metrics) // COLUMNS)
    columns = min(COLUMNS, len(measurements.metrics))
    with figure(path, (PANEL[0] * columns + 0.6, PANEL[1] * n_rows + 0.6)) as canvas:
        panels = canvas.subplots(n_rows, columns, squeeze=False).ravel()
        for axes, metric in zip(panels, measurements.metrics, strict=False):
            _panel(axes, measurements, conditions, places, metric, is_rated)
        for axes in panels[len(measurements.metrics) :]:
            axes.set_axis_off()
        handles, labels = panels[0].get_legend_handles_labels()
        for axes in panels[1 : len(measurements.metrics)]:
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
                if label not in labels:
                    handles, labels = [*handles, handle], [*labels, label]
        canvas.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8, frameon=False)
        canvas.suptitle(printable(f"{results.system}: reconstruction against bit rate"), fontsize=10)


def _panel(
    axes: Axes, measurements: Measurements, conditions: list[str], places: list[float], metric: str, is_rated: bool
) -> None:
    found = [(x, name, measurements.get(name, metric)) for x, name in zip(places, conditions, strict=True)]
    shown = sorted((x, name, record) for x, name, record in found if record is not None)
    axes.set_title(title_of(metric), fontsize=9)
    axes.tick_params(labelsize=7)
    if is_rated:
        axes.set_xlabel("kbit/s", fontsize=8)
    else:
        axes.set_xticks(places, [printable(name) for name in conditions], rotation=30, ha="right")
    if not shown:
        return
    x = [place for place, _, _ in shown]
    points = [Point.of(record) for _, _, record in shown]
    values = np.array([point.value for point in points])
    about = measurements.results.coverage["conditions"]
    is_curve = all(about[name].get("n_quantizers") is not None for _, name, _ in shown)  # else of several codecs
    _null_band(axes, x, points)
    _reference_line(axes, measurements.get(REFERENCE, metric))
    if is_rated:
        _entropies(axes, measurements, [(name, record.estimate) for _, name, record in shown])
    half = np.nan_to_num([(point.high - point.low) / 2 for point in points])
    axes.errorbar(
        x,
        values,
        half,
        color="C0",
        marker="o",
        markersize=3,
        linewidth=1.2 if is_rated and is_curve else 0,
        elinewidth=1,
        capsize=2,
        label="number, 95 % interval",
    )


def _null_band(axes: Axes, x: list[float], points: list[Point]) -> None:
    null = np.array([point.null for point in points])
    if not np.isfinite(null).any():
        return
    spread = 3 * np.nan_to_num([point.null_sd for point in points])
    if len(x) == 1:  # a band needs a width
        x, null, spread = [x[0] - 0.3, x[0] + 0.3], np.repeat(null, 2), np.repeat(spread, 2)
    axes.fill_between(x, null - spread, null + spread, color="0.6", alpha=0.6, linewidth=0, label="chance, 3 sd")
    axes.plot(x, null, color="0.3", linewidth=1, label="chance")


def _reference_line(axes: Axes, record: Record | None) -> None:
    if record is not None and math.isfinite(record.estimate):
        axes.axhline(record.estimate, color="C2", linestyle="--", linewidth=1, label="the original itself")


def _entropies(axes: Axes, measurements: Measurements, points: list[tuple[str, float]]) -> None:
    """The same values at the rate that a coder of order 1 would reach: the held-out one, which is no promise."""
    rates = [_rate(measurements.get(name, "kbps[order-1,held-out]")) for name, _ in points]
    if all(math.isfinite(rate) for rate in rates):
        label = "value at the entropy of order 1 (held-out)"
        style = {"color": "C1", "marker": "o", "markersize": 3, "markerfacecolor": "none", "linewidth": 0.6}
        axes.plot(rates, [value for _, value in points], **style, label=label, zorder=1)  # type: ignore[arg-type]


def _rate(record: Record | None) -> float:
    return math.nan if record is None else record.estimate
