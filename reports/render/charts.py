"""Charts of a report as pictures: curves against a number, dots in rows; each number beside interval and null."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.document.parts import Chart, HeatMap, MatrixChart, Panel, Series, has_numbers
from reports.render.figure_style import MANY, MARKERS, MOST_SHOWN, TALLEST, Paths, figure, marked_style, printable
from reports.render.heat_map import draw_shares
from reports.render.matrix import Matrix, leakage_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_COLUMNS = 5
"""Panels of dots beside each other at most: they share their names."""
PAGE = 7.2
"""Width of a page's text in inches; no figure is wider than what is drawn beside long names."""
TICKS = 4
"""Along an axis: a panel is small."""
LETTERS_INCH, SIDE = 16, 0.4
"""Letters of a panel's title in an inch of its width, less what ticks take of it."""
LABEL_LETTERS = (44, 28)
"""Letters of a row's name where there is one panel, and beside several."""
LEGEND_LETTERS = 90
"""Letters across the legend of a page."""
WIDTHS = {1: 3.35, 2: 7.0}
"""Inches of a column of a paper of two columns, and of both."""
NARROWEST = 1.6
"""Inches of a panel in a paper."""
TITLE_LETTERS = 13
"""Letters of a figure's title in an inch."""
_PART = re.compile(r"(?<=,)(?=\S)|(?=\[)")
"""Where a title may break, besides its spaces: `boundary_f1[phones,greedy,20ms]`."""
NULL = "0.6"
BESIDE = 0.07
"""Inches between points of several series at one place."""
MANY_POINTS = 20
"""Curves with more points than this have no marker at each of them."""


@dataclass(frozen=True)
class Layout:
    """How a chart is laid out.

    Attributes:
        width: inches.
        columns: panels beside each other.
        label_letters: of the names of rows.
        legend_letters: across the legend.
        title_letters: of a line of the title.
    """

    width: float
    columns: int
    label_letters: int
    legend_letters: int = LEGEND_LETTERS
    title_letters: int = MOST_SHOWN


def draw(
    chart: Chart | MatrixChart | HeatMap, path: Paths, systems: Sequence[str] = (), width: float | None = None
) -> None:
    """Draw a chart.

    Args:
        chart: with numbers.
        path: PNG, PDF or SVG, or several of them.
        systems: of the whole page: each has the same colour and marker in all charts, also where others are missing.
        width: inches; without it as wide as its panels need.
    """
    if isinstance(chart, MatrixChart):
        leakage_map(_matrix(chart), chart.title, path, chart.most, width)
        return
    if isinstance(chart, HeatMap):
        shares = np.array(chart.shares, np.float64).reshape(len(chart.codes), len(chart.phones)).T
        draw_shares(shares, chart.phones, chart.title, f"{len(chart.codes):,} shown", path, width)
        return
    names, layout = _places(chart, systems), _layout(chart, width)
    columns, rows = layout.columns, _n_rows(chart, layout)
    with figure(path, _size(chart, names, layout)) as canvas:
        title = textwrap.wrap(printable(chart.title), layout.title_letters)
        canvas.suptitle("\n".join(title), fontsize=9)
        grid = canvas.subplots(rows, columns, squeeze=False)
        for place, (axes, panel) in enumerate(zip(grid.flat, chart.panels, strict=False)):
            if chart.kind == "rows":
                _rows(axes, panel, names, label_letters=layout.label_letters if place % columns == 0 else 0)
            elif chart.joined:
                _lines(axes, panel, names, chart.x_log)
            else:
                _points(axes, panel, names)
            _dress(axes, chart, place, layout)
        for axes in list(grid.flat)[len(chart.panels) :]:
            axes.set_axis_off()
        _legend(canvas, chart, names, layout)


def fitting(
    chart: Chart | MatrixChart | HeatMap, systems: Sequence[str], width: float
) -> list[Chart | MatrixChart | HeatMap]:
    """A chart in as many as it takes for each to fit a page of a paper: panels first, then rows of a panel."""
    if not isinstance(chart, Chart):
        return [chart]
    names, layout = _places(chart, systems), _layout(chart, width)
    rows = _n_rows(chart, layout)
    while rows > 1 and _size(_cut(chart, rows, layout), names, layout)[1] > TALLEST:
        rows -= 1
    step = rows * layout.columns
    parts: list[Chart | MatrixChart | HeatMap] = []
    for start in range(0, max(1, len(chart.panels)), step):
        parts += _in_height(replace(chart, panels=chart.panels[start : start + step]), names, layout)
    return parts


def _cut(chart: Chart, rows: int, layout: Layout) -> Chart:
    return replace(chart, panels=chart.panels[: rows * layout.columns])


def _in_height(chart: Chart, names: dict[str, int], layout: Layout) -> list[Chart]:
    """A chart of one row of panels cut into halves, until each is no higher than a page."""
    n = max((len(panel.labels) for panel in chart.panels), default=0)
    if n < 2 or _size(chart, names, layout)[1] <= TALLEST:
        return [chart]
    halves = (slice(None, -(-n // 2)), slice(-(-n // 2), None))
    return [part for half in halves for part in _in_height(_of_rows(chart, half), names, layout)]


def _of_rows(chart: Chart, rows: slice) -> Chart:
    panels = (
        replace(
            panel,
            labels=panel.labels[rows],
            series=tuple(replace(one, points=one.points[rows]) for one in panel.series),
        )
        for panel in chart.panels
    )
    return replace(chart, panels=tuple(panels))


def _places(chart: Chart, systems: Sequence[str]) -> dict[str, int]:
    """The names of a chart's series in their order, each with the place of its colour."""
    names = list(dict.fromkeys(one.name for panel in chart.panels for one in panel.series))
    if set(names) <= set(systems):
        return {name: systems.index(name) for name in systems if name in names}
    return {name: place for place, name in enumerate(names)}


def _dress(axes: Axes, chart: Chart, place: int, layout: Layout) -> None:
    """Titles and ticks of a panel; what is the same for all stands once a row, or once a column."""
    panel, panels, columns = chart.panels[place], chart.panels, layout.columns
    letters = _title_letters(layout)
    title = _PART.sub(" ", printable(panel.title, 2 * letters))
    lines = textwrap.wrap(title, letters, max_lines=2, placeholder="…", break_on_hyphens=False)
    # at a height that is given, no place is sought for it, which takes a third of a layout's time
    axes.set_title("\n".join(lines), fontsize=7.5, y=1.0)
    is_lowest = place + columns >= len(panels)
    if is_lowest or len({one.x_title for one in panels}) > 1:
        axes.set_xlabel(printable(panel.x_title, letters), fontsize=7)
    # a panel that is titled by its metric needs no second name for it
    is_named = panel.y_title == panel.title
    if not is_named and (place % columns == 0 or len({one.y_title for one in panels}) > 1):
        axes.set_ylabel(printable(panel.y_title), fontsize=7)
    axes.tick_params(labelsize=7)
    axes.minorticks_off()
    if not chart.x_log:
        axes.locator_params(axis="x", nbins=TICKS if columns < 4 or chart.kind == "rows" else TICKS - 1)


def _title_letters(layout: Layout) -> int:
    """Letters of a line of a panel's title."""
    return int(LETTERS_INCH * (layout.width / layout.columns - SIDE))


def _layout(chart: Chart, width: float | None) -> Layout:
    columns = _columns_of(chart)
    if width is None:
        return Layout(_width(chart, columns), columns, LABEL_LETTERS[columns > 1])
    most = int(width // NARROWEST)
    # names of rows take the width of a panel
    columns = min(columns, max(1, most - 1) if chart.kind == "rows" else most)
    share = width / PAGE
    letters = min(LABEL_LETTERS[columns > 1], int(LABEL_LETTERS[0] * share))
    return Layout(width, columns, letters, int(LEGEND_LETTERS * share), int(TITLE_LETTERS * width))


def _columns_of(chart: Chart) -> int:
    """Panels beside each other: no row of one panel alone, no figure higher than a page."""
    n = max(1, len(chart.panels))
    if chart.kind == "rows":
        return min(ROW_COLUMNS, n)
    return n if n <= 3 else 2 if n == 4 else 3 if n <= 9 else 4


def _n_rows(chart: Chart, layout: Layout) -> int:
    return max(1, -(-len(chart.panels) // layout.columns))


def _matrix(chart: MatrixChart) -> Matrix:
    cells = {
        (row, column): record
        for row, records in zip(chart.rows, chart.cells, strict=True)
        for column, record in zip(chart.columns, records, strict=True)
        if record is not None
    }
    return Matrix(chart.rows, chart.columns, cells)


def _size(chart: Chart, names: Iterable[str], layout: Layout) -> tuple[float, float]:
    """Width and height in inches: a page's text is 7.2 inches wide and 9.5 high."""
    labels, rows, width = _legend_labels(names, layout), _n_rows(chart, layout), layout.width
    beside = 0.55 + 0.15 * -(-(len(labels) + 2) // _legend_columns(labels, layout))
    beside += 0.15 * (len(chart.title) // (layout.title_letters + 1))
    if any(len(panel.title) > _title_letters(layout) for panel in chart.panels):
        beside += 0.12 * rows
    if chart.kind == "lines":
        return width, (2.0 if rows < 4 else 1.65) * rows + beside
    most = max((len(panel.labels) for panel in chart.panels), default=1)
    return width, rows * (most * _row_inches(len(labels)) + 0.6) + beside


def _width(chart: Chart, columns: int) -> float:
    """Width in inches."""
    if chart.kind == "lines":
        return PAGE if columns > 2 else 5.6 if columns > 1 else 4.6
    return 6.2 if columns == 1 else 9.0 if columns > 4 else PAGE


def _lines(axes: Axes, panel: Panel, names: dict[str, int], x_log: bool) -> None:
    """Curves with their intervals as bands; their nulls dotted in the same colour. One point: `_single`."""
    for one in panel.series:
        place = names[one.name]
        style = marked_style(place)
        colour = style["color"]
        x, value, low, high, null, sd = _columns(one)
        if len(x) == 1:
            _single(axes, one, colour, style["marker"])
            continue
        # markers of many points stand apart, and not where those of other curves do
        every = None if len(x) <= MANY_POINTS else (0.04 + 0.2 * (place % MANY) / MANY, 0.2)
        _band(axes, x, low, high, colour, 0.2)
        axes.plot(x, value, markersize=3, linewidth=1.2, markevery=every, **style)
        if np.isfinite(null).any():
            spread = 3 * np.nan_to_num(sd)
            _band(axes, x, null - spread, null + spread, colour, 0.12)
            axes.plot(x, null, color=colour, linestyle=":", linewidth=1)
    if x_log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    axes.locator_params(axis="y", nbins=TICKS)
    if not has_numbers([panel]):
        axes.text(0.5, 0.5, "no numbers", ha="center", va="center", transform=axes.transAxes, fontsize=7)


def _single(axes: Axes, one: Series, colour: object, marker: str) -> None:
    """A curve of one point, which has no band: its interval upright, its null as a short line across, 3 sd upright."""
    x, value, low, high, null, sd = _columns(one)
    spread = 3 * np.nan_to_num(sd)
    axes.vlines(x, null - spread, null + spread, colors=colour, linewidth=4, alpha=0.25)  # type: ignore[arg-type]
    axes.plot(x, null, "_", color=colour, markersize=8)
    axes.vlines(x, low, high, colors=colour, linewidth=1.2)  # type: ignore[arg-type]
    axes.plot(x, value, marker, color=colour, markersize=3, linestyle="")


def _points(axes: Axes, panel: Panel, names: dict[str, int]) -> None:
    """A dot for each number with its interval upright and its null as a bar across; series stand beside each other."""
    from matplotlib.transforms import ScaledTranslation

    canvas = axes.get_figure(root=True)
    assert canvas is not None
    for rank, one in enumerate(sorted(panel.series, key=lambda one: names[one.name])):
        x, value, low, high, null, _ = _columns(one)
        beside = (rank - (len(panel.series) - 1) / 2) * BESIDE
        place = axes.transData + ScaledTranslation(beside, 0, canvas.dpi_scale_trans)
        style = marked_style(names[one.name])
        axes.plot(x, null, "_", color="0.4", markersize=5, transform=place)
        axes.vlines(x, low, high, color=style["color"], linewidth=1.1, transform=place)
        axes.plot(x, value, style["marker"], color=style["color"], markersize=3.8, transform=place)
    numbers = [point for one in panel.series for point in one.points]
    axes.update_datalim([(p.x, y) for p in numbers for y in (p.value, p.low, p.high, p.null) if math.isfinite(y)])
    axes.margins(x=0.1)
    axes.autoscale_view()
    axes.locator_params(axis="y", nbins=TICKS)


def _band(axes: Axes, x: np.ndarray, low: np.ndarray, high: np.ndarray, colour: object, alpha: float) -> None:
    if (high > low).any():
        axes.fill_between(x, low, high, color=colour, alpha=alpha, linewidth=0)


def _rows(axes: Axes, panel: Panel, names: dict[str, int], label_letters: int) -> None:
    """A dot for each number, its interval as a line through it, its null as a grey bar; a row each name."""
    n, lines = max(1, len(names)), np.arange(len(panel.labels))
    ranks = {name: rank for rank, name in enumerate(names)}
    axes.hlines(lines, 0, 1, transform=axes.get_yaxis_transform(), color="0.92", linewidth=0.5, zorder=0.5)
    height = 0.8 / n
    thick = 72 * _row_inches(n) * height
    for one in panel.series:
        place = names[one.name]
        _, value, low, high, null, sd = _columns(one)
        y = np.arange(len(value)) + (ranks[one.name] - (n - 1) / 2) * height
        spread = 3 * np.nan_to_num(sd)
        _segments(axes, null - spread, null + spread, y, NULL, 0.9 * thick)
        axes.plot(null, y, "|", color="0.3", markersize=0.9 * thick)
        colour = f"C{place % MANY}"
        _segments(axes, low, high, y, colour, 1.3)
        axes.plot(value, y, MARKERS[place % len(MARKERS)], color=colour, markersize=3.8, linestyle="")
    axes.set_yticks(lines if label_letters else (), _labels(panel, label_letters) if label_letters else ())
    axes.set_ylim(len(panel.labels) - 0.4, -0.6)


def _labels(panel: Panel, letters: int) -> list[str]:
    return [printable(label, letters) for label in panel.labels]


def _segments(axes: Axes, low: np.ndarray, high: np.ndarray, y: np.ndarray, colour: str, width: float) -> None:
    """Lines from low to high, all as one path, which keeps the picture small."""
    x = np.stack([low, high, np.full(len(y), np.nan)], axis=1).ravel()
    axes.plot(x, np.repeat(y, 3), color=colour, linewidth=width, solid_capstyle="butt", marker="")


def _row_inches(n_series: int) -> float:
    """Height of a row of dots."""
    return max(0.19, 0.055 * n_series + 0.08)


def _columns(one: Series) -> tuple[np.ndarray, ...]:
    fields = ("x", "value", "low", "high", "null", "null_sd")
    return tuple(np.array([getattr(point, field) for point in one.points], np.float64) for field in fields)


def _legend(canvas: Figure, chart: Chart, names: dict[str, int], layout: Layout) -> None:
    """Names of the series below, and what bands and bars mean: a figure is read without its caption too."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    labels = _legend_labels(names, layout)
    is_curve = chart.kind == "lines" and chart.joined
    handles: list[Any] = []
    for place in names.values():
        style = marked_style(place) if is_curve else {**marked_style(place), "linestyle": ""}
        handles.append(Line2D([], [], markersize=4, linewidth=1.2, **style))
    points = [point for panel in chart.panels for one in panel.series for point in one.points]
    if any(point.high > point.low for point in points):
        labels.append("95 % interval")
        handles.append(Patch(color="0.3", alpha=0.2, lw=0) if is_curve else Line2D([], [], color="0.3", linewidth=1.3))
    if any(math.isfinite(point.null) for point in points):
        has_sd = any(point.null_sd > 0 for point in points) and (is_curve or chart.kind == "rows")
        labels.append(f"{chart.null} ± 3 sd" if has_sd else chart.null)
        mark = Line2D([], [], color="0.3", marker="|" if chart.kind == "rows" else "_", markersize=7, linestyle="")
        line = Line2D([], [], color="0.3", linestyle=":", linewidth=1) if is_curve else mark
        band = Patch(color="0.3", alpha=0.12, lw=0) if is_curve else Patch(color=NULL, lw=0)
        handles.append((band, line) if has_sd else line)
    ncols = min(_legend_columns(labels, layout), len(handles))
    canvas.legend(handles, labels, loc="outside lower center", ncols=ncols, fontsize=7, frameon=False)


def _legend_labels(names: Iterable[str], layout: Layout) -> list[str]:
    return [printable(name, min(LEGEND_LETTERS // 2, layout.legend_letters)) for name in names]


def _legend_columns(labels: Sequence[str], layout: Layout) -> int:
    return max(1, min(4, layout.legend_letters // (8 + max(map(len, labels), default=0))))
