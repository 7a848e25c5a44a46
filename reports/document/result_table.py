"""A table said once, as plain data: heads, and for numbers of records which record a column shows and how.

The terminal, CSV, LaTeX and the page draw the same `Table`; none of them knows what it is of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from analysis.results.schema import Record, Results
from reports.document.cells import count_cell, text_cell
from reports.document.parts import Cell, Column, Table

Shown = Cell | str | int
"""What stands in a cell: a text and a count need no more than themselves."""
Cells = tuple[Shown, ...]
"""The cells of a row."""
Find = Callable[[str], Record | None]
"""The record of a row, by what its column asks for: mostly a metric."""
Field = tuple[str, str, Callable[[Record | None], Cell]]
"""A column of records: its head, what is asked for, and how it is shown."""

Row = tuple[Sequence[Shown], Find]
"""What a row of records is of, and where they are found."""


def result_table(
    id: str,
    title: str,
    heads: Sequence[str | Column],
    rows: Iterable[Sequence[Shown]],
    note: str = "",
    *,
    cards: bool = False,
) -> Table:
    """A table; a column that holds a number is set to the right.

    Args:
        id: unique within the page.
        title: what it shows.
        heads: of the columns.
        rows: cells, as many as there are heads.
        note: how to read it.
        cards: see `Table`.
    """
    cells = tuple(tuple(map(_cell, row)) for row in rows)
    columns = tuple(
        head if isinstance(head, Column) else Column(head, any(not isinstance(row[i].value, str) for row in cells))
        for i, head in enumerate(heads)
    )
    return Table(id, title, columns, cells, note, cards)


def record_table(
    id: str,
    title: str,
    heads: Sequence[str],
    fields: Sequence[Field],
    rows: Iterable[Row],
    note: str = "",
) -> Table:
    """A table of records.

    Args:
        id: unique within the page.
        title: what it shows.
        heads: of the first columns, which say what a row is of.
        fields: the columns of records.
        rows: what each row is of, and where its records are found.
        note: how to read it.
    """
    cells = ((*names, *(cell(find(wanted)) for _, wanted, cell in fields)) for names, find in rows)
    return result_table(id, title, (*heads, *(head for head, _, _ in fields)), cells, note)


def whole_corpus(results: Results) -> dict[str, Record]:
    """The records of the whole corpus by id."""
    return {record.id: record for record in results.metrics if not record.group}


def records_of(by_id: Mapping[str, Record], stream: str, tag: str = "") -> Find:
    """Finds the records `<stream>.<metric><tag>`."""
    return lambda metric: by_id.get(f"{stream}.{metric}{tag}")


def only(record: Record) -> Find:
    """Finds one record, whatever a column asks for."""
    return lambda _: record


def _cell(shown: Shown) -> Cell:
    if isinstance(shown, Cell):
        return shown
    return text_cell(shown) if isinstance(shown, str) else count_cell(shown)
