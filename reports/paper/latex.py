r"""The table as LaTeX for a paper: booktabs, a number and half of its interval in columns that meet, the best in bold.

It fits the width that it is made for: its letters are set smaller where an estimate says so, and should a class have
other letters, `\resizebox` takes what still sticks out.
"""

from __future__ import annotations

from dataclasses import dataclass

from reports.document.titles import ARROWS
from reports.paper.columns import Column
from reports.paper.table import PaperTable, head
from reports.render.latex import engine_needed, escape, guarded, with_minus

WIDTHS = {1: 241.0, 2: 505.0}
"""Points of a column of a two-column class, and of both: 3.35 and 7 inches."""
LETTER, GAP = 0.5, 8.0
"""Width of a letter, as a share of its size: Computer Modern's digits; and between columns, points."""
LEAST_READABLE = 6.0
"""Points of letters below which a table is hard to read."""


@dataclass(frozen=True)
class Size:
    """A size of letters in points, its command, and those of the intervals beside them."""

    points: float
    command: str
    small: str
    small_points: float


SIZES = (
    Size(10, "", r"\scriptsize", 7),
    Size(9, r"\small", r"\scriptsize", 6.5),
    Size(8, r"\footnotesize", r"\scriptsize", 6),
    Size(7, r"\scriptsize", r"\tiny", 5),
)


def paper_latex(table: PaperTable, columns: int = 1, label: str = "systems") -> str:
    """A `table`, or a `table*` over both columns of a two-column class, that fits its width.

    Args:
        table: the numbers.
        columns: of the class that it spans, 1 or 2; of a class of one column 2 is the whole text.
        label: behind `tab:`.
    """
    size = _size(table, WIDTHS[columns])
    environment, width = ("table", r"\columnwidth") if columns == 1 else ("table*", r"\textwidth")
    heads = [rf"\multicolumn{{2}}{{c}}{{{with_minus(head(column))}}}" for column in table.columns]
    note = " ".join(table.notes)
    lines = [
        r"% needs \usepackage{booktabs,graphicx}",
        *engine_needed([table.caption, note, *table.names]),
        rf"\begin{{{environment}}}[t]",
        r"\centering",
        rf"\caption{{{escape(table.caption)}}}",
        rf"\label{{tab:{label}}}\par\smallskip",
        rf"{size.command}\setlength{{\tabcolsep}}{{{GAP / 2:g}pt}}",
        # as wide as it is, unless that is wider than there is room
        rf"\resizebox{{\ifdim\width>{width} {width}\else\width\fi}}{{!}}{{%",
        rf"\begin{{tabular}}{{@{{}}l{'r@{}l' * len(table.columns)}@{{}}}}",
        r"\toprule",
        " & ".join(["", *heads]) + r" \\",
        r"\midrule",
    ]
    for name, system in zip(table.names, table.systems, strict=True):
        cells = [_cell(table, column, system, size) for column in table.columns]
        lines.append(" & ".join([guarded(escape(name)), *cells]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}}"]
    if note:
        lines.append(
            rf"\par\smallskip\begin{{minipage}}{{{width}}}\scriptsize\raggedright {escape(note)}\end{{minipage}}"
        )
    return "\n".join([*lines, rf"\end{{{environment}}}"]) + "\n"


def letter_points(table: PaperTable, columns: int = 1) -> float:
    """The size of the letters once the table fits its width, by estimate: points."""
    size = _size(table, WIDTHS[columns])
    return size.points * min(1.0, WIDTHS[columns] / _width(table, size))


def _size(table: PaperTable, width: float) -> Size:
    """The largest letters in which a table fits, else the smallest."""
    return next((size for size in SIZES if _width(table, size) <= width), SIZES[-1])


def _width(table: PaperTable, size: Size) -> float:
    """Points that a table is wide, by estimate."""
    names = max((len(name) for name in table.names), default=0) * LETTER * size.points
    return names + sum(_column_width(table, column, size) + GAP for column in table.columns)


def _column_width(table: PaperTable, column: Column, size: Size) -> float:
    texts = [table.text(column, system) for system in table.systems]
    left = max((len(value) for value, _, _ in texts), default=0) * size.points
    right = max((len(half) + 3 * bool(half) + len(remark) for _, half, remark in texts), default=0) * size.small_points
    return LETTER * max(left + right, (len(column.title) + 2 * bool(ARROWS[column.metric.better])) * size.points)


def _cell(table: PaperTable, column: Column, system: str, size: Size) -> str:
    """The number to the left, what is around it to the right of where they meet."""
    value, half, remark = table.text(column, system)
    number = column.numbers.get(system)
    if not number:
        return " & "
    text = "--" if value == "-" else with_minus(value)
    left = rf"\textbf{{{text}}}" if number.is_best else text
    right = rf"{{{size.small}\,$\pm$\,{escape(half)}}}" if half else ""
    mark = rf"\textsuperscript{{{remark}}}" if remark else ""
    return f"{left} & {right}{mark}"
