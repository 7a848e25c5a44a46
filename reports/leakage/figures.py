"""Figures of leakage: streams x factors, cells within the null hatched out."""

from __future__ import annotations

from pathlib import Path

from reports.render.figure_style import figure, printable
from reports.render.matrix import Matrix, draw_cells, largest_value


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
        most = largest_value(record for one in shown.values() for record in one.cells.values())
        for place, axes in enumerate(panels.flat):
            if place >= n:
                axes.set_axis_off()
                continue
            factor = first.factors[place]
            cells = {(s, g): r for g, of in shown.items() for s in of.streams if (r := of.get(s, factor))}
            of_factor = Matrix(first.streams, tuple(shown), cells)
            image = draw_cells(axes, of_factor, most, small=True)
            axes.set_title(printable(factor))
            if place % columns:
                axes.set_yticks([])
        canvas.supxlabel("given", fontsize=9)
        canvas.suptitle(printable(title), fontsize=10)
        canvas.colorbar(image, ax=panels, label="chance-corrected share of what is left open", pad=0.01)
