"""What every figure is drawn on: no screen, one style, the same bytes from the same numbers."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hac.errors import HacError
from hac.files.atomic import atomic_path
from reports.render.fonts import FIRST, use_fonts

if TYPE_CHECKING:
    from matplotlib import RcParams
    from matplotlib.figure import Figure

MANY = 8
"""Curves that have a colour of their own; more of them change their line."""
LINES = ("-", "--", "-.", (0, (6, 1, 1, 1, 1, 1)))
"""Lines of the first, second, ... eight curves; a dotted one is always a null."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""A shape for each colour, for those who do not see the colours, and for print in grey."""


TALLEST = 9.0
"""Inches of height that a figure may take, of a page of a paper; of what is higher names are smaller or parts apart."""
Paths = Path | Sequence[Path]
"""Where a figure goes: a PNG, PDF or SVG file, or several of them."""
_OWN: ContextVar[RcParams | None] = ContextVar("own_style", default=None)
"""What a user's style changes of ours."""
NOT_OURS = ("text.usetex", "text.latex.", "pgf.", "animation.", "svg.hashsalt")
"""Beginnings of what a style may not say: what runs other programs, or makes other bytes each time."""


log = logging.getLogger(__name__)


@contextmanager
def figure(path: Paths, size: tuple[float, float]) -> Iterator[Figure]:
    """An empty figure in our style, written once the block ends well.

    Args:
        path: PNG, PDF or SVG, or several of them, which are one drawing.
        size: width and height in inches.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure as NewFigure

    paths = [path] if isinstance(path, Path) else path
    with mpl.rc_context(_style()), mpl.rc_context(_OWN.get()):
        canvas = NewFigure(figsize=size, layout="constrained")
        yield canvas
        use_fonts(canvas, warn=any(one.suffix != ".svg" for one in paths))
        with warnings.catch_warnings():
            # `use_fonts` has warned of letters that no font has
            warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
            _lay_out(canvas)
            for one in paths:
                with atomic_path(one) as temporary:
                    # not into the file itself: on a full disk matplotlib's PDF hides the error and keeps the file open
                    temporary.write_bytes(_printed(canvas, one.suffix))


@contextmanager
def styled(own: RcParams | None) -> Iterator[None]:
    """Draw with a user's style, from `read_style`, on top of ours."""
    token = _OWN.set(own)
    try:
        yield
    finally:
        _OWN.reset(token)


def read_style(path: Path) -> RcParams:
    """A style file, checked; letters that its fonts lack are drawn in ours.

    Raises:
        HacError: the file cannot be read, or a line of it is none of a style.
    """
    import matplotlib as mpl
    from matplotlib.style.core import STYLE_BLACKLIST

    style = mpl.RcParams()
    with _complaints("matplotlib") as said:
        try:
            if not path.is_file():
                raise OSError("no such file")
            style = mpl.rc_params_from_file(str(path), fail_on_error=True, use_default_template=False)
        except (OSError, ValueError, KeyError) as error:
            said.append(str(error))
    said += [f"{key} is not a matter of style" for key in style if key in STYLE_BLACKLIST or key.startswith(NOT_OURS)]
    if said:
        why = " ".join(said[0].strip().split("\n")[0].split())
        raise HacError(f"{path}: {why:.200}; expected a matplotlib style, lines such as 'font.family: serif'")
    if "font.family" in style:
        style["font.family"] = [*_installed(style["font.family"], style, path), FIRST]
    return style


def _installed(families: Sequence[str], style: RcParams, path: Path) -> list[str]:
    """The fonts that there are, with a warning of the others: matplotlib has one for each text of each figure."""
    import matplotlib as mpl
    from matplotlib.font_manager import FontProperties, findfont

    found = []
    for family in families:
        try:
            with mpl.rc_context(style):
                findfont(FontProperties(family=[family]), fallback_to_default=False)
        except ValueError:
            log.warning("warning: %s: font %r is not installed; %s stands in for it", path, family, FIRST)
        else:
            found.append(family)
    return found


@contextmanager
def _complaints(logger: str) -> Iterator[list[str]]:
    """What a library complains of in its log, and not otherwise."""
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger(logger)
    was, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        yield said
    finally:
        log.removeHandler(handler)
        log.propagate = was


@cache
def _style() -> RcParams:
    from matplotlib import rc_params_from_file

    with resources.as_file(resources.files("reports") / "style.mplstyle") as style:
        return rc_params_from_file(str(style), use_default_template=False)


def _lay_out(canvas: Figure) -> None:
    """Lay a figure out, to draw it once then: `Figure.savefig` draws all of it a first time for the layout alone."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    layout = canvas.get_layout_engine()
    FigureCanvasAgg(canvas)
    assert layout is not None
    layout.execute(canvas)
    canvas.set_layout_engine("none")


def _printed(canvas: Figure, suffix: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.backends.backend_svg import FigureCanvasSVG

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
