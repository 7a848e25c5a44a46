"""`hac-analyze report`: finished runs as one HTML page, and as PDF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hac.files.output_lock import locked


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of finished runs, of any commands and systems; or folders that hold such folders."
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The page: one HTML file that needs nothing else.")
    ] = Path("report.html"),
    pdf: Annotated[Path | None, typer.Option(help="The same page as PDF, to this file.")] = None,
    files: Annotated[
        Path | None,
        typer.Option(help="Folder for every figure as SVG and PDF, and every table as CSV and LaTeX, for a paper."),
    ] = None,
    columns: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=2,
            help="Of --files: columns of a two-column paper that figures span, 1 (3.35 inches wide) or 2 (7 inches). "
            "[default: 2]",
        ),
    ] = None,
    style: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Of --files: a matplotlib style for the figures, such as `font.family: serif` a line."
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="Over the page. [default: the systems' names]")] = "",
    audio_mb: Annotated[
        float, typer.Option("--audio-mb", min=0, help="Megabytes of sound in the page; what exceeds it is left out.")
    ] = 20.0,
    match: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OTHER=OWN",
            help="Hold a stream of later systems against a stream of the first system that has it: units=phonetic "
            "holds k-means units against the phonetic stream. Repeatable.",
        ),
    ] = None,
) -> None:
    """One page from finished runs: the verdict, systems side by side, numbers with their chance levels, sounds.

    Reads result files only: nothing is measured again, and no sound is made. The same results make the same bytes.

    Examples:

        hac-analyze report results/pnmi results/words -o report.html

        hac-analyze report runs/hac runs/encodec runs/mimi -o report.html --pdf report.pdf --files paper/

        hac-analyze report runs/ --files paper/ --columns 1 --style serif.mplstyle

        hac-analyze report runs/hac runs/hubert-kmeans --match units=phonetic -o report.html
    """
    with locked([files] if files else [], [output, pdf] if pdf else [output]):
        from analysis.comparison.streams import stream_pairs
        from hac.errors import HacError
        from reports.page.write_report import write_report

        if files is None and (columns is not None or style is not None):
            raise HacError("--columns and --style are of the figures of --files: add --files FOLDER")
        if output.is_dir():
            raise HacError(f"{output}: is a folder; -o names the HTML file, such as {output / 'report.html'}")
        for what, path in write_report(
            runs, output, pdf, files, title, round(audio_mb * 1_000_000), stream_pairs(match or []), columns or 2, style
        ):
            typer.echo(f"{what}: {path}")
