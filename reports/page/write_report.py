"""The files of a report: HTML, PDF, and for a paper figures as SVG and PDF, numbers as CSV and LaTeX."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hac.files.atomic import write_text
from reports.document.parts import Chart, HeatMap, MatrixChart
from reports.document.runs import read_runs
from reports.page.page import build_page
from reports.render.charts import draw
from reports.render.downloads import index_csv, page_files
from reports.render.html import Drawn, draw_page, render
from reports.render.pdf import write_pdf


def write_report(
    runs: Sequence[Path],
    html: Path,
    pdf: Path | None,
    files: Path | None,
    title: str,
    audio_bytes: int,
    match: Mapping[str, str] | None = None,
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

    Raises:
        HacError: a run cannot be read, a file cannot be written, or the PDF's libraries are missing.
    """
    with uncollected():
        drawn = draw_page(build_page(read_runs(runs, match), title, audio_bytes))
        text = render(drawn)
    write_text(html, text)
    yield f"report ({html.stat().st_size / 1e6:.2f} MB)", html
    if files is not None:
        yield f"figures and tables ({len(write_files(drawn, files))} files)", files
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


def write_files(drawn: Drawn, folder: Path) -> list[Path]:
    """Write every figure and table of a page into a folder, and what they show into its `index.csv`.

    All are drawn aside first: where one fails, the folder's files are what they were.

    Args:
        drawn: the page.
        folder: made where it is missing; other files in it stay.

    Returns:
        The files written.
    """
    texts = {**page_files(drawn.page), **{f"{id}.svg": svg for id, svg in drawn.figures.items()}}
    pictures = [part for part in drawn.page.parts if isinstance(part, Chart | MatrixChart | HeatMap)]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making.", dir=folder) as made:
        for name, text in {**texts, "index.csv": index_csv(drawn.page)}.items():
            write_text(Path(made) / name, text)
        for part in pictures:
            draw(part, Path(made) / f"{part.id}.pdf", drawn.page.systems)
            if isinstance(part, HeatMap):
                draw(part, Path(made) / f"{part.id}.svg")
        names = sorted(path.name for path in Path(made).iterdir())
        for name in names:
            (Path(made) / name).replace(folder / name)
    return [folder / name for name in names]
