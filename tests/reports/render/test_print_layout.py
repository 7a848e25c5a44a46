"""How tables are printed: columns wide enough for their numbers, lines that break where a reader would."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reports.document.parts import Cell, Column, Table
from reports.render.print_layout import GAP_LETTERS, LETTER, PAGE_PT, SIZES_PT, layout, letters, unbroken, wrapped

NUMBER = ".393 [.359, .377]"


def table(n_columns: int, text: str = NUMBER, n_rows: int = 3) -> Table:
    columns = (Column("name"), *(Column(f"metric {i}, share ↑", True) for i in range(n_columns)))
    row = (Cell("reference-no_lexical_teacher", "x"), *(Cell(text, 1.0) for _ in range(n_columns)))
    return Table("t", "title", columns, (row,) * n_rows)


@pytest.mark.parametrize("n_columns", [1, 4, 8, 10])
def test_a_number_and_its_interval_stay_on_one_line(n_columns: int) -> None:
    made = layout(table(n_columns))
    assert not made.tight
    assert sum(made.columns) == pytest.approx(100, abs=0.2)
    points = PAGE_PT * made.width * made.columns[1] / 1e4
    assert points >= (letters(NUMBER) + GAP_LETTERS) * LETTER * made.size_pt - 0.5
    assert wrapped(NUMBER, made.rooms[1]) == NUMBER


def test_many_columns_have_smaller_letters_and_then_break_between_numbers() -> None:
    sizes = [layout(table(n)).size_pt for n in (4, 10, 14, 40)]
    assert sizes == sorted(sizes, reverse=True)
    assert set(sizes) <= set(SIZES_PT)
    many = layout(table(14))
    assert wrapped(NUMBER, many.rooms[1]) == ".393\n[.359, .377]"
    assert not many.tight
    assert layout(table(40)).tight


def test_a_small_table_is_not_stretched_over_the_page() -> None:
    assert layout(table(1)).width < 60
    assert layout(table(10)).width == 100


def test_long_names_leave_room_for_numbers() -> None:
    long = replace(table(3), rows=((Cell("y" * 5000, "y"), *table(3).rows[0][1:]),))
    assert wrapped(NUMBER, layout(long).rooms[1]) == NUMBER


def test_lines_break_between_numbers_only() -> None:
    text = "Δ -.201 [-.240, -.046]*\nnull .077 ± .001"
    assert wrapped(text, 100) == text
    assert wrapped(text, 9) == "Δ -.201\n[-.240, -.046]*\nnull\n.077 ± .001"
    assert wrapped("paired; p < .001; drop 1.0", 9) == "paired;\np < .001;\ndrop 1.0"
    assert unbroken("null-corrected [95 %], share ↑") == "null-corrected [95\u00a0%], share\u00a0↑"
