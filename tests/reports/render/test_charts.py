"""Charts: one look for a system in all of them, marks that are explained, nothing that grows out of its place."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest

from hac.errors import HacError
from reports.document.parts import Chart, HeatMap, MatrixChart, Panel, Point, Series
from reports.render.charts import TALLEST, WIDTHS, draw, fitting
from reports.render.figure_style import MANY, MARKERS, read_style, styled
from reports.render.html import svg_of, width_pt
from tests.reports.made_runs import made_record

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


def matrix(rows: int, columns: int, value: float = 0.2, most: float = 1.0) -> MatrixChart:
    record = made_record("u.leakage[phone]", value)
    names = tuple(f"stream-{i}" for i in range(rows))
    return MatrixChart(
        "m", "title", names, tuple(f"f{i}" for i in range(columns)), ((record,) * columns,) * rows, "", most
    )


def heat(phones: int) -> HeatMap:
    names = tuple(f"p{i}" for i in range(phones))
    return HeatMap("h", "title", names, (1, 2, 3), (0.3,) * 3, ((1 / phones,) * phones,) * 3)


MANY_ROWS = tuple(f"acoustic.{i}" for i in range(46))
PAPER = {
    "lines": lambda: Chart("c", "t" * 90, "lines", lines("a").panels * 12),
    "rows": lambda: rows(*"abcd", labels=MANY_ROWS),
    "panels of rows": lambda: Chart("c", "t", "rows", rows("a", labels=MANY_ROWS).panels * 3),
    "no panel": lambda: Chart("c", "t", "rows", ()),
    "matrix": lambda: matrix(46, 4),
    "heat": lambda: heat(140),
}


@pytest.mark.parametrize("width", WIDTHS.values())
@pytest.mark.parametrize("kind", PAPER)
def test_in_a_paper_every_figure_is_as_wide_as_asked_and_no_higher_than_a_page(
    kind: str, width: float, tmp_path: Path
) -> None:
    chart = PAPER[kind]()
    parts = fitting(chart, SYSTEMS, width)
    for part in parts:
        draw(part, [tmp_path / "a.svg", tmp_path / "a.pdf"], SYSTEMS, width)
        shape = re.search(r'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt"', (tmp_path / "a.svg").read_text())
        assert shape is not None
        assert float(shape[1]) == pytest.approx(72 * width)
        assert float(shape[2]) <= 72 * TALLEST + 0.1
        assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    if isinstance(chart, Chart):
        assert points_of(*parts) == points_of(chart)
        assert (len(parts) > 1) == (kind == "rows" or "panels" in kind or (kind == "lines" and width < 4))


def points_of(*charts: object) -> Counter[tuple[str, str]]:
    """How often each series has a point, by the name of its row."""
    panels = [panel for chart in charts if isinstance(chart, Chart) for panel in chart.panels]
    series = [(one, panel.labels or ("",) * len(one.points)) for panel in panels for one in panel.series]
    return Counter((one.name, label) for one, labels in series for _, label in zip(one.points, labels, strict=True))


def test_one_colour_is_one_number_in_maps_of_one_end(tmp_path: Path) -> None:
    def colours(one: MatrixChart) -> str:
        draw(one, tmp_path / "m.png", (), 3.35)
        return hashlib.sha256((tmp_path / "m.png").read_bytes()).hexdigest()

    assert colours(matrix(3, 2, most=0.8)) == colours(matrix(3, 2, most=0.8)) != colours(matrix(3, 2, most=0.4))


def test_a_style_of_ones_own_lies_on_top_of_ours_and_ends_with_it(tmp_path: Path) -> None:
    (tmp_path / "own.mplstyle").write_text(
        "font.family: monospace  # a remark\n\naxes.prop_cycle: cycler('color', ['123456'])\n", encoding="utf-8"
    )
    own = read_style(tmp_path / "own.mplstyle")
    with styled(own):
        text = svg_of(rows("ʃ"))
    assert "#123456" in text and "monospace" in text
    assert "svg" in text and "#123456" not in svg_of(rows("ʃ"))


def test_a_font_that_is_not_installed_is_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "own.mplstyle").write_text("font.family: No Such Font, serif", encoding="utf-8")
    own = read_style(tmp_path / "own.mplstyle")
    with styled(own):
        svg_of(rows("ʃ"))
    assert own["font.family"] == ["serif", "DejaVu Sans"]
    (said,) = caplog.messages
    assert "font 'No Such Font' is not installed" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("font.sise: 3", "Bad key font.sise"),
        ("font.size: large", "Could not convert"),
        ("font.size 3", "Missing colon"),
        ("axes.prop_cycle: cycler('color', __import__('os').system('touch owned'))", "not a valid cycler"),
        ("text.usetex: True", "text.usetex is not a matter of style"),
        ("text.latex.preamble: \\input{x}", "text.latex.preamble is not a matter of style"),
        ("backend: Agg", "backend is not a matter of style"),
        ("\x80", "decode"),
        (None, "no such file"),
    ],
)
def test_a_style_that_is_none_is_one_sentence(text: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "own.mplstyle"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(HacError, match=re.escape(said)) as error:
        read_style(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    assert not Path("owned").exists()
