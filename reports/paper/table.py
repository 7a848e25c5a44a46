"""The table as plain data, and as it is read: in a terminal, as CSV and as Markdown; LaTeX: `reports.paper.latex`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from analysis.results.frame import COLUMNS, results_frame
from reports.document.number_format import bare
from reports.document.parts import Cell
from reports.document.parts import Column as Head
from reports.document.result_table import Cells, result_table
from reports.document.runs import Runs
from reports.document.titles import ARROWS
from reports.paper.columns import Column, Number, row_names
from reports.render.csv_files import csv_text
from reports.render.escape import clean
from reports.render.tables import terminal_table

BEST = "the best, and what is within noise of it (paired where that can be; Holm over the table)"
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~$&])")


@dataclass(frozen=True)
class PaperTable:
    """Systems in rows, metrics in columns.

    Attributes:
        systems: names of the rows.
        columns: from `reports.paper.columns`.
        digits: decimals of numbers below 10; larger ones have fewer.
        intervals: whether numbers have theirs.
    """

    systems: tuple[str, ...]
    columns: tuple[Column, ...]
    digits: int = 3
    intervals: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Of the rows, as they are shown."""
        return row_names(self.systems)

    def text(self, column: Column, system: str) -> tuple[str, str, str]:
        """A number, half of its interval, and the letter of what is remarked on it; empty where there is none."""
        number = column.numbers.get(system)
        if number is None:
            return "", "", ""
        places = decimals(column, self.digits)
        half = (number.high - number.low) / 2 if self.intervals else math.nan
        return bare(places)(number.value), _half(half, places), self._letter(number)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is remarked on numbers, each once, in reading order."""
        return tuple(dict.fromkeys(number.remark for number in self._numbers if number.remark))

    @property
    def _numbers(self) -> list[Number]:
        found = (column.numbers.get(system) for system in self.systems for column in self.columns)
        return [number for number in found if number]

    def _letter(self, number: Number) -> str:
        return letter(self.remarks.index(number.remark)) if number.remark else ""

    @property
    def caption(self) -> str:
        """What the table shows, and how to read it."""
        corrected = [column.title for column in self.columns if column.metric.is_corrected]
        parts = [f"Comparison of {len(self.systems)} system{'s' * (len(self.systems) != 1)}."]
        if any(number.is_best for number in self._numbers):
            parts.append(f"Bold: {BEST}.")
        if self.intervals and any(math.isfinite(number.low) for number in self._numbers):
            parts.append("±: 95 % interval.")
        if corrected:
            parts.append(f"Chance-corrected: {_joined(list(dict.fromkeys(corrected)))}.")
        return " ".join(parts)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the numbers are of, and remarks by their letters: a sentence each."""
        remarks = (f"{letter(i)}: {remark}." for i, remark in enumerate(self.remarks))
        return (*self._of(), *self._whose(), *remarks)

    def _of(self) -> Iterator[str]:
        """Of which stream or condition numbers are, that of most last: `PNMI: phonetic (a), otherwise units.`"""
        titles: dict[str, list[str]] = {}
        for column in self.columns:
            if column.stream and column.stream in column.title:
                continue
            systems: dict[str, list[str]] = {}
            for system in self.systems:
                if (number := column.numbers.get(system)) and number.of:
                    systems.setdefault(number.of, []).append(self._name(system))
            *few, most = sorted(systems.items(), key=lambda one: len(one[1])) or [("", [])]
            said = "".join(f"{clean(of)} ({', '.join(names)}), " for of, names in few)
            if most[0]:
                titles.setdefault(f"{said}{'otherwise ' * bool(few)}{clean(most[0])}", []).append(column.title)
        for said, of in titles.items():
            yield f"{_joined(of)}: {said}."

    def _name(self, system: str) -> str:
        return self.names[self.systems.index(system)]

    def _whose(self) -> Iterator[str]:
        few = dict.fromkeys(number.whose for number in self._numbers if number.whose)
        for whose in few:
            titles = [
                one.title for one in self.columns if any(number.whose == whose for number in one.numbers.values())
            ]
            yield f"Intervals and differences {whose}: {_joined(list(dict.fromkeys(titles)))}."


def letter(i: int) -> str:
    """`a`, `b`, ..., `z`, `aa`, ..."""
    return (letter(i // 26 - 1) if i >= 26 else "") + chr(ord("a") + i % 26)


def decimals(column: Column, digits: int) -> int:
    """Decimals of a column: `digits` where all numbers are below 10, two less below 1,000, else none.

    Facts, which have no intervals, have no more of them than they need.
    """
    values = [number.value for number in column.numbers.values() if math.isfinite(number.value)]
    most = max(map(abs, values), default=0.0)
    places = digits if most < 10 else max(digits - 2, 0) if most < 1000 else 0
    if any(math.isfinite(number.low) for number in column.numbers.values()):
        return places
    return next((n for n in range(places) if all(round(value, n) == round(value, places) for value in values)), places)


def _half(half: float, places: int) -> str:
    """`.010`; `<.001` where the decimals do not show it; nothing without an interval."""
    if not math.isfinite(half):
        return ""
    least = 10.0**-places
    return bare(places)(half) if half >= least / 2 else f"<{bare(places)(least)}"


def _joined(texts: Sequence[str]) -> str:
    return ("; " if any("," in text for text in texts) else ", ").join(texts)


def head(column: Column) -> str:
    """The head of a column, with an arrow to the better side."""
    return column.title + ARROWS[column.metric.better]


def terminal(table: PaperTable) -> RenderableType:
    """The table for a terminal, the best in green, with caption and notes below."""
    rows: list[Cells] = [
        (name, *(_cell(table, column, system) for column in table.columns))
        for name, system in zip(table.names, table.systems, strict=True)
    ]
    heads = [Head("system"), *(Head(head(column), True) for column in table.columns)]
    said = [Text(text, "dim") for text in (table.caption.replace("Bold:", "Green:"), *table.notes)]
    return Group(terminal_table(result_table("paper", "", heads, rows)), *said)


def _cell(table: PaperTable, column: Column, system: str) -> Cell:
    value, half, remark = table.text(column, system)
    number = column.numbers.get(system)
    text = f"{value}{f' ± {half}' if half else ''}{f' ({remark})' if remark else ''}"
    return Cell(text, number.value if number else math.nan, "good" if number and number.is_best else "")


def markdown(table: PaperTable) -> str:
    """The table as GitHub, pandoc and others read it, caption and notes below."""
    lines = [[" ", *(_plain(head(column)) for column in table.columns)]]
    lines.append([":---", *["---:"] * len(table.columns)])
    for name, system in zip(table.names, table.systems, strict=True):
        lines.append([_plain(name), *(_marked(table, column, system) for column in table.columns)])
    said = (f"<sub>{_plain(note)}</sub>" for note in table.notes)
    return "\n\n".join(["\n".join(f"| {' | '.join(line)} |" for line in lines), _plain(table.caption), *said]) + "\n"


def _marked(table: PaperTable, column: Column, system: str) -> str:
    value, half, remark = table.text(column, system)
    number = column.numbers.get(system)
    bold = f"**{value}**" if number and number.is_best else value
    return f"{bold}{f' ± {_plain(half)}' if half else ''}{f' ({remark})' if remark else ''}"


def _plain(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(clean(text).split()))


def paper_csv(table: PaperTable) -> str:
    """Full numbers with their intervals, what they are of, and how they stand among the systems."""
    fields = ["system"]
    for title in (column.title for column in table.columns):
        fields += [title, f"{title}: low", f"{title}: high", f"{title}: of", f"{title}: place", f"{title}: remark"]
    rows = [[system, *(value for one in table.columns for value in _values(one, system))] for system in table.systems]
    return csv_text(fields, rows)


def _values(column: Column, system: str) -> tuple[float | str, ...]:
    one = column.numbers.get(system)
    return ("",) * 6 if one is None else (one.value, one.low, one.high, one.of, one.place, one.remark)


def long_csv(runs: Runs) -> str:
    """Every number of all runs, a row each."""
    frame = results_frame(run.results.model_copy(update={"system": run.system}) for run in runs.all)
    return csv_text(tuple(COLUMNS), frame.itertuples(index=False))
