"""What is printed of a page: answers whole, a few figures, rows and sounds, and a line on all that is left out."""

from __future__ import annotations

import pytest

from reports.document.parts import (
    Cell,
    Chart,
    Clip,
    Column,
    Facts,
    HeatMap,
    Page,
    Part,
    Section,
    Sound,
    Statements,
    Table,
)
from reports.render.printed_page import CLIPS, EXCERPT, FACTS, FIGURES, LINES, SOUNDS, printed_page, printed_sounds


def table(n_rows: int, text: str = "x", cards: bool = False, id: str = "t", title: str = "numbers") -> Table:
    return Table(id, title, (Column("name"),), ((Cell(text, "x"),),) * n_rows, "how to read it", cards)


def chart(id: str, title: str = "a figure") -> Chart:
    return Chart(id, title, "rows", ())


def heat(id: str, is_open: bool = False) -> HeatMap:
    return HeatMap(id, id, (), (), (), (), is_open=is_open)


def printed(*parts: Part, links: tuple[tuple[str, str], ...] = ()) -> Section:
    return printed_page(Page("t", ("a",), (Section("s", "Section", "", parts, links=links),))).sections[0]


def test_a_table_is_printed_whole_or_as_an_excerpt_that_says_so() -> None:
    assert printed(table(LINES)).parts == (table(LINES),)
    (cut,) = printed(table(LINES + 1)).parts
    assert isinstance(cut, Table)
    assert len(cut.rows) == EXCERPT
    assert cut.note == f"{EXCERPT} of {LINES + 1} rows; all are in the HTML page and its CSV. how to read it"


def test_claims_are_printed_whole_and_what_is_below_their_first_line_takes_one_line() -> None:
    (whole,) = printed(table(500, "stands\n.4 ± .1\np < .001", cards=True)).parts
    assert isinstance(whole, Table)
    assert len(whole.rows) == 500
    assert whole.rows[0][0].text == "stands\n.4 ± .1; p < .001"


@pytest.mark.parametrize("text", ["a\nb\nc", "z" * 170])
def test_rows_of_several_lines_count_as_many(text: str) -> None:
    (cut,) = printed(table(LINES, text)).parts
    assert isinstance(cut, Table)
    assert len(cut.rows) == EXCERPT // 3


def test_the_tables_of_a_section_fill_a_page_and_the_others_are_named() -> None:
    section = printed(table(LINES - 5), table(6, id="u", title="six"), table(5, id="v"))
    assert [part.id for part in section.parts] == ["t", "v"]
    assert section.notes == ("In the HTML page and its files: the table “six” (6 rows).",)


def test_a_long_table_is_left_out_where_a_figure_of_its_title_shows_the_same() -> None:
    assert [part.id for part in printed(chart("c", "numbers"), table(EXCERPT + 1)).parts] == ["c"]
    assert [part.id for part in printed(chart("c", "numbers"), table(EXCERPT)).parts] == ["c", "t"]


def test_figures_come_first_and_those_that_do_not_fit_a_line_are_named() -> None:
    section = printed(table(1), chart("a"), heat("m"), chart("b"), heat("n"), chart("c"), heat("open", True))
    assert [part.id for part in section.parts] == ["a", "b", "t", "m", "open"]
    assert len([part for part in section.parts if isinstance(part, Chart)]) == FIGURES
    assert section.notes == ("In the HTML page and its files: the figure “a figure”; 1 more heat map.",)


def test_of_settings_the_first_are_printed_and_how_many_more_there_are() -> None:
    shallow = tuple((f"inputs · {i} · sha256", "x") for i in range(FACTS + 3))
    (few,) = printed(Facts("f", "run", (("a · b · c · d", "deep"), *shallow))).parts
    assert isinstance(few, Facts)
    assert few.items == (*shallow[:FACTS], ("in the HTML page", "4 more"))
    whole = Facts("f", "run", shallow[:FACTS])
    assert printed(whole).parts == (whole,)


def test_links_lead_to_what_is_printed() -> None:
    caution = Statements("w", "What to distrust", ("one",), True)
    section = printed(caution, chart("c", "numbers"), table(99), links=(("w", "here"), ("t", "left out")))
    assert section.links == (("w", "here"),)


def clip(id: str, system: str, *sounds: Sound) -> Clip:
    return Clip(id, (system,), "utterance", "", "", 1.0, sounds, ())


def test_what_is_printed_of_many_sounds_are_those_that_matter_most() -> None:
    kinds = [*["shuffle"] * 9, "original", "reconstruction", "drop"]
    sounds = [Sound(f"{kind} {i}", kind, "m", 1.0, f"p{i}") for i, kind in enumerate(kinds)]
    shown = printed_sounds(clip("c", "s", *sounds, Sound("silent", "swap", "m", 1.0)))
    assert len(shown) == SOUNDS
    assert [sound.kind for sound in shown][-3:] == ["original", "reconstruction", "drop"]


def test_a_recording_is_printed_once_and_few_utterances_of_different_systems() -> None:
    original, made = Sound("original", "original", "m", 1.0, "p"), Sound("drop", "drop", "n", 1.0, "q")
    many = [clip(f"many-{i}", "b", Sound("original", "original", "m", 1.0, f"r{i}")) for i in range(CLIPS + 2)]
    section = printed(clip("first", "a", original), clip("more", "c", original, made), *many)
    # what has most to see comes first, so the lone recording is what is there already
    assert [part.id for part in section.parts] == ["more", "many-0"]
    assert section.notes == (f"In the HTML page and its files: {CLIPS + 2} more utterances.",)
