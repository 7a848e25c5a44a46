"""What is printed: columns wide enough for their numbers, no more rows, sounds and utterances than paper shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reports.document.parts import Cell, Clip, Column, Page, Section, Sound, Table
from reports.render.print_layout import (
    CLIPS,
    GAP_LETTERS,
    LETTER,
    PAGE_PT,
    ROWS,
    SIZES_PT,
    SOUNDS,
    SPARED_ROWS,
    layout,
    left_to_hear,
    letters,
    printed_rows,
    printed_sounds,
    unbroken,
    wrapped,
)

NUMBER = ".393 [.359, .377]"


def table(n_columns: int, text: str = NUMBER, n_rows: int = 3, cards: bool = False) -> Table:
    columns = (Column("name"), *(Column(f"metric {i}, share ↑", True) for i in range(n_columns)))
    row = (Cell("reference-no_lexical_teacher", "x"), *(Cell(text, 1.0) for _ in range(n_columns)))
    return Table("t", "title", columns, (row,) * n_rows, cards=cards)


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
    assert unbroken("null-corrected [95 %], share ↑") == "null-corrected [95\u00a0%], share\u00a0↑"


def test_rows_that_do_not_fit_a_page_are_left_out_but_not_a_few_and_no_claims() -> None:
    assert len(printed_rows(table(1, n_rows=SPARED_ROWS))) == SPARED_ROWS
    assert len(printed_rows(table(1, n_rows=SPARED_ROWS + 1))) == ROWS
    assert len(printed_rows(table(1, n_rows=500, cards=True))) == 500


def clip(id: str, system: str, *sounds: Sound) -> Clip:
    return Clip(id, (system,), "utterance", "", "", 1.0, sounds, ())


def test_what_is_printed_of_many_sounds_are_those_that_matter_most() -> None:
    kinds = [*["shuffle"] * 9, "original", "reconstruction", "drop"]
    sounds = [Sound(f"{kind} {i}", kind, "m", 1.0, f"p{i}") for i, kind in enumerate(kinds)]
    printed = printed_sounds(clip("c", "s", *sounds, Sound("silent", "swap", "m", 1.0)))
    assert len(printed) == SOUNDS
    assert [sound.kind for sound in printed][-3:] == ["original", "reconstruction", "drop"]


def test_a_recording_is_printed_once_and_few_utterances_of_each_system() -> None:
    original, made = Sound("original", "original", "m", 1.0, "p"), Sound("drop", "drop", "n", 1.0, "q")
    many = [clip(f"many-{i}", "b", Sound("original", "original", "m", 1.0, f"r{i}")) for i in range(CLIPS + 2)]
    clips = (clip("first", "a", original), clip("again", "b", original), clip("more", "c", original, made), *many)
    page = Page("t", ("a", "b", "c"), (Section("listen", "Listen", "", clips),), {})
    # what has most to see comes first, so the lone recording is what is there already
    assert left_to_hear(page) == {"first", "again", f"many-{CLIPS}", f"many-{CLIPS + 1}"}
