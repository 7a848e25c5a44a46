"""The files of a report: HTML, PDF, and for a paper figures as SVG and PDF, numbers as CSV and LaTeX."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hac.files.atomic import write_text
from reports.document.parts import Chart, HeatMap, MatrixChart
from reports.document.runs import read_runs
from reports.page.page import build_page
from reports.render.charts import WIDTHS, draw, fitting
from reports.render.downloads import index_csv, numbered, page_files
from reports.render.figure_style import read_style, styled
from reports.render.html import Drawn, draw_page, render
from reports.render.pdf import write_pdf
from reports.render.svg import small_svg

if TYPE_CHECKING:
    from matplotlib import RcParams


def write_report(
    runs: Sequence[Path],
    html: Path,
    pdf: Path | None,
    files: Path | None,
    title: str,
    audio_bytes: int,
    match: Mapping[str, str] | None = None,
    columns: int = 2,
    style: Path | None = None,
) -> Iterator[tuple[str, Path]]:
    """Write a report; yields what was written and where, each as soon as it is there: HTML first.

    Args:
        runs: folders of finished runs.
        html: the page.
        pdf: the same as PDF, if it is wanted.
        files: folder for figures and tables of their own, if they are wanted.
        title: over the page, may be empty.
        audio_bytes: what sounds may take.
        match: streams that are held against other streams; see `reports.document.runs.Runs`.
        columns: of a paper of two columns that the figures of `files` span, 1 or 2.
        style: a matplotlib style for them.

    Raises:
        HacError: a run cannot be read, a file cannot be written, or the PDF's libraries are missing.
    """
    own = read_style(style) if style else None
    with uncollected():
        drawn = draw_page(build_page(read_runs(runs, match), title, audio_bytes))
        text = render(drawn)
    write_text(html, text)
    yield f"report ({html.stat().st_size / 1e6:.2f} MB)", html
    if files is not None:
        yield f"figures and tables ({len(write_files(drawn, files, columns, own))} files)", files
    if pdf is not None:
        with uncollected():
            write_pdf(drawn, pdf)
        yield "PDF", pdf


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the search for cycles, which goes through all records again and again: a fifth of the time.

    What a page is made of is needed to its end. Cycles there are in figures and boxes: 16 MB of the HTML page and 75 MB
    of the PDF, for six systems in eight languages.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def write_files(drawn: Drawn, folder: Path, columns: int = 2, style: RcParams | None = None) -> list[Path]:
    """Write every figure and table of a page into a folder, and what they show into its `index.csv`.

    All are drawn aside first: where one fails, the folder's files are what they were.

    Args:
        drawn: the page.
        folder: made where it is missing; other files in it stay.
        columns: of a paper of two columns that figures span, 1 or 2. What is higher than a page is in several files.
        style: what figures have instead of our style; see `read_style`.

    Returns:
        The files written.
    """
    systems, width = drawn.page.systems, WIDTHS[columns]
    pictures = {
        part.id: fitting(part, systems, width)
        for part in drawn.page.parts
        if isinstance(part, Chart | MatrixChart | HeatMap)
    }
    texts = {**page_files(drawn.page), "index.csv": index_csv(drawn.page, {id: len(of) for id, of in pictures.items()})}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making.", dir=folder) as made:
        for name, text in texts.items():
            write_text(Path(made) / name, text)
        with styled(style):
            for id, parts in pictures.items():
                for n, part in enumerate(parts, 1):
                    pdf, svg = (Path(made) / f"{numbered(id, n)}.{kind}" for kind in ("pdf", "svg"))
                    draw(part, [pdf, svg], systems, width)
                    write_text(svg, small_svg(svg.read_text(encoding="utf-8")))
        names = sorted(path.name for path in Path(made).iterdir())
        for name in names:
            (Path(made) / name).replace(folder / name)
    return [folder / name for name in names]
