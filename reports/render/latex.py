"""Tables as LaTeX with booktabs, every letter of a corpus escaped."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable

from reports.document.parts import Cell, Column, Table
from reports.render.escape import clean, shortened

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
    "|": r"\textbar{}",
    "…": r"\ldots{}",
    "\u00a0": "~",
    **{sign: f"${name}$" for sign, name in (("±", r"\pm"), ("↑", r"\uparrow"), ("↓", r"\downarrow"), ("·", r"\cdot"))},
    **{sign: f"${name}$" for sign, name in (("→", r"\rightarrow"), ("×", r"\times"), ("Δ", r"\Delta"), ("−", "-"))},
    **{sign: f"${name}$" for sign, name in (("⟨", r"\langle"), ("⟩", r"\rangle"), ("≤", r"\leq"), ("≥", r"\geq"))},
}
MOST_LETTERS = 90
"""Letters of a cell; a longer one loses its middle, and is whole in the CSV."""
HEAD_LETTERS = 18
"""Letters of a head in one line."""
LONG = 36
"""More rows than this do not fit a page: the table may break."""
SIZES = ((72, ""), (96, r"\footnotesize"), (10**9, r"\scriptsize"))
"""Letters of a line up to which it is set in a size."""
WIDEST = 125
"""A line of more letters is wider than a page's text, in the smallest size too."""
_TYPESET = set("".join(SPECIAL)) | set(map(chr, range(0x20, 0x7F))) | set("“”‘’–—") | set(map(chr, range(0xA1, 0x180)))
"""Letters that pdfLaTeX sets too."""
_LIGATURE = re.compile(r"(?<=[-`'?!,])(?=[-`',])")
_MINUS = re.compile(r"(?<![\w.])-(?=[\d.])")


def escape(text: str) -> str:
    """Text as LaTeX prints it, letter by letter; letters of other scripts stay, for XeLaTeX and LuaLaTeX."""
    safe = _plain(text).replace("\n", " ")
    return "".join(SPECIAL.get(letter, letter) for letter in _LIGATURE.sub("\0", safe)).replace("\0", "{}")


def latex_table(table: Table) -> str:
    """A `table` of `tabular` with rules by booktabs; a `longtable` where a page is too short.

    Numbers keep their minus; a cell of several lines is a `tabular` of its own, and so is a long head.
    """
    is_long = len(table.rows) > LONG
    layout = "".join("r" if column.is_number else "l" for column in table.columns)
    title, label = rf"\caption{{{escape(shortened(table.title, 200))}}}", rf"\label{{tab:{table.id}}}"
    head = _row([_stacked(_head_lines(column), column, "b") for column in table.columns])
    body = [_row([_cell(cell.text, column) for cell, column in _pairs(row, table)]) for row in table.rows]
    note = rf"\par\smallskip{{\footnotesize {escape(table.note)}\par}}" if table.note else ""
    size = next(size for most, size in SIZES if _letters(table) <= most)
    narrow = rf"{size}\setlength{{\tabcolsep}}{{3pt}}" if size else ""
    if is_long:
        lines = ["{" + narrow, rf"\begin{{longtable}}{{{layout}}}", rf"{title}{label}\\", r"\toprule", head]
        lines += [r"\midrule", r"\endfirsthead", r"\toprule", head, r"\midrule", r"\endhead", r"\bottomrule"]
        lines += [r"\endfoot", *body, r"\end{longtable}", "}", note]
    else:
        lines = [r"\begin{table}", r"\centering", narrow, title, label, rf"\begin{{tabular}}{{{layout}}}", r"\toprule"]
        lines += [head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}", note, r"\end{table}"]
    return "\n".join([*_needs(table, is_long), *(line for line in lines if line)]) + "\n"


def _needs(table: Table, is_long: bool) -> list[str]:
    """Remarks on top: packages, and what to do where letters or columns are too many."""
    texts = [table.title, table.note, *(column.title for column in table.columns)]
    texts += [cell.text for row in table.rows for cell in row]
    lines = [r"% needs \usepackage{booktabs,longtable}" if is_long else r"% needs \usepackage{booktabs}"]
    lines += engine_needed(texts)
    if _letters(table) > WIDEST:
        turned = "landscape of pdflscape" if is_long else "sidewaystable of rotating, instead of table"
        lines.append(f"% is wider than a page: {turned}")
    return lines


def engine_needed(texts: Iterable[str]) -> list[str]:
    """A remark on the engine and the font where texts have letters that pdfLaTeX lacks; else nothing."""
    if {letter for text in texts for letter in _plain(text)} <= _TYPESET | {"\n"}:
        return []
    return [
        r"% has letters that pdfLaTeX lacks: XeLaTeX or LuaLaTeX, with \usepackage{fontspec} and a font that",
        r"% has them, such as \setmainfont{DejaVu Serif} or, for IPA, \setmainfont{Charis SIL}",
    ]


def _letters(table: Table) -> int:
    """Letters of the widest line: heads and cells."""
    widths = []
    for i, column in enumerate(table.columns):
        longest = [min(len(line), MOST_LETTERS) for row in table.rows for line in row[i].text.split("\n")]
        widths.append(max([*map(len, _head_lines(column)), *longest]))
    return sum(widths) + 2 * len(widths)


def _pairs(row: tuple[Cell, ...], table: Table) -> zip[tuple[Cell, Column]]:
    return zip(row, table.columns, strict=True)


def _cell(text: str, column: Column) -> str:
    """A cell: lines of numbers above each other, all else in one line."""
    if not column.is_number:
        return guarded(escape(shortened(text, MOST_LETTERS)))
    return _stacked(text.split("\n"), column, "t")


def _stacked(texts: list[str], column: Column, place: str) -> str:
    """Lines above each other, the first (t) or the last (b) of them in the row's line."""
    lines = [guarded(with_minus(text)) for text in texts]
    if len(lines) == 1:
        return lines[0]
    side = "r" if column.is_number else "l"
    return rf"\begin{{tabular}}[{place}]{{@{{}}{side}@{{}}}}" + r"\\".join(lines) + r"\end{tabular}"


def _head_lines(column: Column) -> list[str]:
    title = shortened(column.title, MOST_LETTERS)
    return textwrap.wrap(title, HEAD_LETTERS, break_long_words=False, break_on_hyphens=False) or [""]


def with_minus(text: str) -> str:
    """A text with numbers, escaped, their minus as it is set in formulas."""
    return _MINUS.sub("$-$", escape(text))


def guarded(text: str) -> str:
    """After a line's end, `[` and `*` would be taken for its options."""
    text = text.strip()
    return f"{{}}{text}" if text[:1] in ("[", "*") else text


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", clean(text))
