"""What every figure is drawn on: no screen, one style, the same bytes from the same numbers."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hac.files.atomic import atomic_path
from reports.render.fonts import use_fonts

if TYPE_CHECKING:
    from matplotlib import RcParams
    from matplotlib.figure import Figure

MANY = 8
"""Curves that have a colour of their own; more of them change their line."""
LINES = ("-", "--", "-.", (0, (6, 1, 1, 1, 1, 1)))
"""Lines of the first, second, ... eight curves; a dotted one is always a null."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""A shape for each colour, for those who do not see the colours, and for print in grey."""


@contextmanager
def figure(path: Path, size: tuple[float, float]) -> Iterator[Figure]:
    """An empty figure in our style, written once the block ends well.

    Args:
        path: PNG, PDF or SVG.
        size: width and height in inches.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure as NewFigure

    with mpl.rc_context(_style()):
        canvas = NewFigure(figsize=size, layout="constrained")
        yield canvas
        use_fonts(canvas, warn=path.suffix != ".svg")
        with atomic_path(path) as temporary, warnings.catch_warnings():
            # `use_fonts` has warned of letters that no font has
            warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
            # not into the file itself: on a full disk matplotlib's PDF hides the error and keeps the file open
            temporary.write_bytes(_printed(canvas, path.suffix))


@cache
def _style() -> RcParams:
    from matplotlib import rc_params_from_file

    with resources.as_file(resources.files("reports") / "style.mplstyle") as style:
        return rc_params_from_file(str(style), use_default_template=False)


def _printed(canvas: Figure, suffix: str) -> bytes:
    """Lay a figure out, then draw it once: `Figure.savefig` draws all of it a first time for the layout alone."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    layout = canvas.get_layout_engine()
    FigureCanvasAgg(canvas)
    assert layout is not None
    layout.execute(canvas)
    canvas.set_layout_engine("none")
    kinds = {
        ".png": (FigureCanvasAgg, "Software"),
        ".pdf": (FigureCanvasPdf, "CreationDate"),
        ".svg": (FigureCanvasSVG, "Date"),
    }
    made, changing = kinds[suffix]
    printed = io.BytesIO()
    getattr(made(canvas), f"print_{suffix[1:]}")(printed, metadata={changing: None})
    return printed.getvalue()


MOST_SHOWN = 80
"""Letters of a title or label; a longer one loses its middle, since both ends say what it is."""


def printable(text: str, most: int = MOST_SHOWN) -> str:
    """Text from a corpus as matplotlib may print it: no formulas, no control marks, at most so many letters."""
    if len(text) > most:
        text = f"{text[: most // 2 - 1]}…{text[-(most // 2) :]}"
    clean = "".join(c if c.isprintable() else "?" for c in text)
    return clean.replace("$", r"\$")


def line_style(place: int) -> dict[str, Any]:
    """Colour and line of the curve at a place: colours first, then lines."""
    return {"color": f"C{place % MANY}", "linestyle": LINES[place // MANY % len(LINES)]}


def marked_style(place: int) -> dict[str, Any]:
    """The same with a marker."""
    return {**line_style(place), "marker": MARKERS[place % len(MARKERS)]}
