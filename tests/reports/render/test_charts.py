"""Charts: one look for a system in all of them, marks that are explained, nothing that grows out of its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reports.document.parts import Chart, HeatMap, Panel, Point, Series
from reports.render.charts import draw
from reports.render.figure_style import MANY, MARKERS
from reports.render.html import svg_of, width_pt

SYSTEMS = ("a", "b", "c")
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7a4b1f")


def point(**fields: float) -> Point:
    return Point(**{"value": 0.5, "low": 0.4, "high": 0.6, "null": 0.1, "null_sd": 0.01, "x": 1.0, **fields})


def rows(*names: str, labels: tuple[str, ...] = ("phonetic", "lexical"), **fields: float) -> Chart:
    series = tuple(Series(name, (point(**fields),) * len(labels)) for name in names)
    return Chart("c", "title", "rows", (Panel("p", series, labels),))


def lines(*names: str, n: int = 5) -> Chart:
    series = tuple(Series(name, tuple(point(x=float(i), value=0.1 * i) for i in range(n))) for name in names)
    return Chart("c", "title", "lines", (Panel("p", series, y_title="share"),))


@pytest.mark.parametrize("make", [rows, lines])
def test_a_system_has_its_colour_also_where_others_are_missing(make) -> None:
    alone, all_three = svg_of(make("c"), SYSTEMS), svg_of(make(*SYSTEMS), SYSTEMS)
    assert COLOURS[2] in alone
    assert COLOURS[0] not in alone
    assert all(colour in all_three for colour in COLOURS[:3])
    assert COLOURS[0] in svg_of(make("units"), SYSTEMS)  # of no system: a stream


def test_colours_and_markers_are_as_many_and_all_different() -> None:
    assert len(set(COLOURS)) == len(set(MARKERS)) == MANY
    drawn = svg_of(rows(*"abcdefgh"), tuple("abcdefgh"))
    assert all(colour in drawn for colour in COLOURS if colour != "#000000")  # SVG's own colour goes without saying


@pytest.mark.parametrize("make", [rows, lines])
def test_intervals_and_nulls_are_named_where_there_are_any(make) -> None:
    text = svg_of(make("a"))
    assert ">95 % interval<" in text
    assert ">chance ± 3 sd<" in text
    nan = float("nan")
    bare = svg_of(rows("a", low=nan, high=nan, null=nan, null_sd=nan))
    assert "interval" not in bare
    assert "chance" not in bare


def test_what_is_the_same_for_all_panels_stands_once() -> None:
    panel = lines("a").panels[0]
    text = svg_of(Chart("c", "t", "lines", (panel,) * 6))
    assert len(re.findall(">share<", text)) == 2  # once a row


@pytest.mark.parametrize("n_panels", [1, 2, 3, 4, 6, 9, 14, 16])
def test_no_figure_is_larger_than_a_page(n_panels: int) -> None:
    text = svg_of(Chart("c", "t", "lines", lines("a", "b").panels * n_panels))
    assert width_pt(text) <= 7.2 * 72
    assert float(re.search(r"height='([\d.]+)pt'", text)[1]) <= 9.5 * 72  # type: ignore[index]


def test_long_names_leave_room_for_what_they_name() -> None:
    names = tuple("y" * 90 + str(i) for i in range(6))
    text = svg_of(rows(*names, labels=("z" * 5000, "short")))
    assert "z" * 60 not in text
    # the faint lines of the two rows are apart, though eight long names stand below
    faint = {float(y) for y in re.findall(r"<path d='M [\d.]+ ([\d.]+) L [\d.]+ \1 '[^>]*#ebebeb", text)}
    assert max(faint) - min(faint) > 20


def test_curves_of_many_points_have_markers_too() -> None:
    text = svg_of(lines("a", "b", n=200))
    assert 8 <= text.count("<use ") <= 60


def test_a_heat_map_is_drawn_for_a_paper(tmp_path: Path) -> None:
    heat = HeatMap("h", "title", ("a", "b"), (0, 1, 2), (0.5, 0.3, 0.2), ((1.0, 0.0), (0.5, 0.5), (0.0, 1.0)))
    for kind in ("svg", "pdf"):
        draw(heat, tmp_path / f"h.{kind}")
        assert (tmp_path / f"h.{kind}").stat().st_size > 1000
    draw(HeatMap("h", "title", (), (), (), ()), tmp_path / "empty.svg")
    assert "nothing was counted" in (tmp_path / "empty.svg").read_text(encoding="utf-8")


def test_a_picture_names_a_family_of_letters_for_machines_without_ours() -> None:
    text = svg_of(rows("a"))
    assert text.count("DejaVu") == 1
    assert "<svg font-family='DejaVu Sans, sans-serif' " in text


def test_points_that_are_no_curve_are_not_joined_and_stand_beside_each_other() -> None:
    series = tuple(Series(name, (point(), point(value=0.7, high=0.8, x=2.0))) for name in ("a", "b"))
    text = svg_of(Chart("c", "t", "lines", (Panel("p", series),), joined=False))
    assert ">chance<" in text
    assert not re.search(r"<path d='M [\d.]+ [\d.]+ L [\d.]+ [\d.]+ '[^>]*stroke: #0072b2; stroke-width: 1.2", text)
    upright = re.findall(r"<path d='M ([\d.]+) [\d.]+ L \1 [\d.]+ '[^>]*stroke: (#0072b2|#d55e00)", text)
    assert len(set(upright)) == 4
