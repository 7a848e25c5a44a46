"""`hac-analyze table`: finished runs as one table, for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reports.commands import options as opt

KINDS = (".tex", ".csv", ".md")
"""What a table can be written as, by the ending of its file."""


def table(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of finished runs, of any commands and systems; or folders that hold such folders."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The table: a .tex, .csv or .md file. [default: the terminal]"),
    ] = None,
    metrics: Annotated[
        str,
        typer.Option(
            help="The columns, by comma: a metric (`pnmi`: of each system's best stream or last condition), an id "
            "(`phonetic.pnmi`, `rvq-7.wer`), `kbps`; `=HEAD` names it: `word_f1=Word F1`. [default: the questions of a "
            "report's first screen, and bits]",
        ),
    ] = "",
    digits: Annotated[
        int, typer.Option(min=0, max=9, help="Decimals of numbers below 10; larger ones have fewer.")
    ] = 3,
    columns: Annotated[
        int,
        typer.Option(
            min=1, max=2, help="LaTeX: what it must fit, one column of a two-column class or both (7 inches)."
        ),
    ] = 1,
    intervals: Annotated[
        bool, typer.Option("--intervals/--no-intervals", help="Whether numbers have their 95 % interval, small.")
    ] = True,
    long: Annotated[
        bool,
        typer.Option("--long", help="Instead every number of the runs, a row each, as CSV: for tables of your own."),
    ] = False,
) -> None:
    """One table from finished runs: systems in rows, metrics in columns, the best and what is within noise of it bold.

    Reads result files only. Differences to the best are tested as in `hac-analyze compare`, for the whole table.

    Examples:

        hac-analyze table runs/

        hac-analyze table runs/ -o table.tex --metrics pnmi,word_f1,wer,pesq_wb,kbps --digits 2

        hac-analyze table runs/ -o wide.tex --columns 2 --metrics "phonetic.pnmi=PNMI,lexical.word_f1=Word F1"

        hac-analyze table runs/ --long -o numbers.csv
    """
    from hac.console import printable
    from hac.errors import HacError
    from hac.files.atomic import write_text
    from hac.files.output_lock import locked
    from reports.document.runs import read_runs
    from reports.paper.columns import columns as columns_of
    from reports.paper.columns import shown_systems
    from reports.paper.latex import LEAST_READABLE, letter_points, paper_latex
    from reports.paper.table import PaperTable, long_csv, markdown, paper_csv, terminal
    from reports.render.result_files import file_name

    kind = output.suffix.lower() if output else ""
    if output is not None and (kind not in KINDS or output.is_dir()):
        raise HacError(f"{output}: -o names a .tex, .csv or .md file, such as {output.with_suffix('.tex')}")
    if long and metrics:
        raise HacError("--long writes every number of the runs; leave --metrics out")
    if long and kind != ".csv":
        raise HacError("--long writes a CSV file: name one with -o, such as -o numbers.csv")
    with locked(files=[output] if output else []):
        found = read_runs(runs)
        if long and output is not None:
            write_text(output, long_csv(found))
            typer.echo(f"numbers: {output}")
            return
        chosen = columns_of(found, metrics)
        drawn = PaperTable(shown_systems(found, chosen), tuple(chosen), digits, intervals)
        for system in found.systems:
            if system not in drawn.systems:
                typer.echo(f"warning: {printable(system, 90)} has none of these numbers, and is left out", err=True)
        if output is None:
            opt.show(terminal(drawn))
            return
        if kind == ".tex":
            points = letter_points(drawn, columns)
            if round(points, 1) < LEAST_READABLE:
                typer.echo(
                    f"warning: letters of {points:.1f} points, hard to read: choose fewer --metrics, --no-intervals"
                    f"{', --columns 2' * (columns == 1)}, or fewer --digits",
                    err=True,
                )
            write_text(output, paper_latex(drawn, columns, file_name(output.stem)))
        else:
            write_text(output, markdown(drawn) if kind == ".md" else paper_csv(drawn))
        typer.echo(f"table: {output}")
