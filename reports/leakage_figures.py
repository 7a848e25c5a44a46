"""Figures of leakage: streams x factors, cells within the null hatched out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.leakage_scores import within_null
from analysis.results import Record
from reports.canvas import figure, printable
from reports.leakage_tables import Matrix, shown_value
from reports.tables import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

CELL = (0.72, 0.3)
"""Width and height of a cell, inches."""
LETTERS, LETTER = 36, 0.068
"""Letters of a stream's name, and the width of each, inches."""
DARK = 0.55
"""Share of the range below which letters are white."""


def leakage_map(shown: Matrix, title: str, path: Path) -> None:
    """What streams tell of factors: null-corrected share and interval in each cell, what is within the null hatched.

    Args:
        shown: the cells.
        title: over the picture.
        path: PNG, PDF or SVG.
    """
    names = max((len(printable(name, LETTERS)) for name in shown.streams), default=0)
    width, height = 1.2 + LETTER * names + CELL[0] * len(shown.factors), 0.75 + CELL[1] * max(3, len(shown.streams))
    with figure(path, (width, height)) as canvas:
        axes = canvas.subplots()
        axes.set_title(printable(title))
        image = _cells(axes, shown, _largest([shown]))
        canvas.colorbar(image, ax=axes, label="null-corrected share", pad=0.01)


def added_maps(shown: dict[str, Matrix], title: str, path: Path) -> None:
    """What streams add to each other one: a map of streams x given streams for each factor.

    Args:
        shown: the cells by given stream.
        title: over the picture.
        path: PNG, PDF or SVG.
    """
    first = next(iter(shown.values()))
    n = len(first.factors)
    columns = min(3, n)
    rows = -(-n // columns)
    size = (1.2 + columns * (1.3 + 0.36 * len(shown)), 0.8 + rows * (1.1 + 0.3 * len(first.streams)))
    with figure(path, size) as canvas:
        panels = canvas.subplots(rows, columns, squeeze=False)
        most = _largest(list(shown.values()))
        for place, axes in enumerate(panels.flat):
            if place >= n:
                axes.set_axis_off()
                continue
            factor = first.factors[place]
            cells = {(s, g): r for g, of in shown.items() for s in of.streams if (r := of.get(s, factor))}
            turned = Matrix(first.streams, tuple(shown), cells)
            image = _cells(axes, turned, most, small=True)
            axes.set_title(printable(factor))
            if place % columns:
                axes.set_yticks([])
        canvas.supxlabel("given", fontsize=9)
        canvas.suptitle(printable(title), fontsize=10)
        canvas.colorbar(image, ax=panels, label="null-corrected share of what is left open", pad=0.01)


def _largest(shown: list[Matrix]) -> float:
    """The end of the colours: the largest value of all, so that small ones can be told apart."""
    values = [shown_value(record)[0] for one in shown for record in one.cells.values()]
    finite = [value for value in values if math.isfinite(value)]
    return max([0.05, *finite])


def _cells(axes: Axes, shown: Matrix, most: float, small: bool = False) -> AxesImage:
    from matplotlib.patches import Rectangle

    grid = np.full((len(shown.streams), len(shown.factors)), math.nan)
    for y, stream in enumerate(shown.streams):
        for x, factor in enumerate(shown.factors):
            record = shown.get(stream, factor)
            if record is None:
                continue
            value = shown_value(record)[0]
            hatched = not math.isfinite(value) or within_null(record)
            grid[y, x] = math.nan if hatched else max(value, 0.0)
            if hatched:
                box = Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="0.96", edgecolor="0.8", hatch="////", linewidth=0)
                axes.add_patch(box)
            light = hatched or value > DARK * most
            written = axes.text(x, y, _text(record, small), ha="center", va="center", fontsize=5 if small else 6)
            written.set(color="0.1" if light else "w", in_layout=False)  # it lies within its cell
    image = axes.imshow(grid, aspect="auto", interpolation="nearest", vmin=0, vmax=most)
    labels = [printable(name, LETTERS) for name in shown.factors]
    axes.set_xticks(range(len(labels)), labels, fontsize=6 if small else 7, rotation=90 if small else 0)
    axes.set_yticks(
        range(len(shown.streams)), [printable(name, LETTERS) for name in shown.streams], fontsize=6 if small else 8
    )
    axes.tick_params(length=0)
    return image


def _text(record: Record, small: bool) -> str:
    value, low, high = shown_value(record)
    if not math.isfinite(value):
        return "-"
    if small or not math.isfinite(low):
        return short(value)
    return f"{short(value)}\n{short(low)} to {short(high)}"
