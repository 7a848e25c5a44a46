"""Streams x factors as a picture, cells within the null hatched out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.leakage.scores import within_null
from analysis.results.schema import Record
from reports.document.number_format import short
from reports.render.figure_style import TALLEST, Paths, figure, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

CELL = (0.72, 0.3)
"""Width and height of a cell, inches."""
BESIDE, ABOVE, UPRIGHT = 1.2, 0.75, 0.6
"""Inches beside and above the cells, names aside, and of names that stand upright."""
NARROW = 0.45
"""Inches of a cell in which a number has no room for its interval."""
LETTERS, LETTER = 36, 0.068
"""Letters of a stream's name, and the width of each, inches."""
DARK = 0.55
"""Share of the range below which letters are white."""


@dataclass(frozen=True)
class Matrix:
    """Records of a metric by stream and factor.

    Attributes:
        streams, factors: names of rows and columns.
        cells: record of each, None where there is none.
    """

    streams: tuple[str, ...]
    factors: tuple[str, ...]
    cells: dict[tuple[str, str], Record]

    def get(self, stream: str, factor: str) -> Record | None:
        """The record of a cell."""
        return self.cells.get((stream, factor))


def leakage_map(shown: Matrix, title: str, path: Paths, most: float | None = None, width: float | None = None) -> None:
    """What streams tell of factors: chance-corrected share and interval in each cell, what is within the null hatched.

    Args:
        shown: the cells.
        title: over the picture.
        path: PNG, PDF or SVG.
        most: the end of the colours; without it the largest value.
        width: inches; without it as wide as cells need.
    """
    names = max((len(printable(name, LETTERS)) for name in shown.streams), default=0)
    beside = BESIDE + LETTER * names
    wide = beside + CELL[0] * len(shown.factors)
    high = ABOVE + CELL[1] * max(3, len(shown.streams))
    # numbers without intervals, below names that stand upright
    small = high > TALLEST or ((width or wide) - beside) / max(1, len(shown.factors)) < NARROW
    if small:
        above = ABOVE + UPRIGHT
        high = min(above + CELL[1] * max(3, len(shown.streams)), TALLEST)
    with figure(path, (width or wide, high)) as canvas:
        axes = canvas.subplots()
        axes.set_title(printable(title), fontsize=9 if small else None)
        image = draw_cells(axes, shown, largest_value(shown.cells.values()) if most is None else most, small)
        canvas.colorbar(image, ax=axes, label="chance-corrected share", pad=0.01)


def largest_value(records: Iterable[Record]) -> float:
    """The end of the colours: the largest value of all, so that small ones can be told apart."""
    return max([0.05, *(record.estimate for record in records if math.isfinite(record.estimate))])


def draw_cells(axes: Axes, shown: Matrix, most: float, small: bool = False) -> AxesImage:
    """The cells in colours up to `most`, each with its number."""
    from matplotlib.patches import Rectangle

    grid = np.full((len(shown.streams), len(shown.factors)), math.nan)
    for y, stream in enumerate(shown.streams):
        for x, factor in enumerate(shown.factors):
            record = shown.get(stream, factor)
            if record is None:
                continue
            value = record.estimate
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
    if not math.isfinite(record.estimate):
        return "-"
    if small or not math.isfinite(record.half_width):
        return short(record.estimate)
    return f"{short(record.estimate)}\n± {short(record.half_width)}"
