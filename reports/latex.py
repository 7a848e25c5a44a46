"""Tables as LaTeX with booktabs, every letter of a corpus escaped."""

from __future__ import annotations

import unicodedata

from reports.text import clean
from reports.view.parts import Table

SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "·": r"$\cdot$",
}


def escape(text: str) -> str:
    """Text as LaTeX prints it; letters of other scripts stay, for XeLaTeX and LuaLaTeX."""
    safe = unicodedata.normalize("NFC", clean(text)).replace("\n", " ")
    return "".join(SPECIAL.get(letter, letter) for letter in safe)


def latex_table(table: Table) -> str:
    """A `table` of `tabular` with rules by booktabs: `\\usepackage{booktabs}`."""
    layout = "".join("r" if column.is_number else "l" for column in table.columns)
    lines = [
        r"% needs \usepackage{booktabs}; names in other scripts need XeLaTeX or LuaLaTeX",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(table.title)}}}",
        rf"\begin{{tabular}}{{{layout}}}",
        r"\toprule",
        " & ".join(escape(column.title) for column in table.columns) + r" \\",
        r"\midrule",
        *(" & ".join(escape(cell.text) for cell in row) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"
