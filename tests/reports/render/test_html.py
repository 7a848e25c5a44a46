"""The page as a file: the same bytes, hostile names as text, downloads that are safe, nothing from outside."""

from __future__ import annotations

import base64
import csv
import gc
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reports.document.parts import Cell, Chart, Column, HeatMap, MatrixChart, Panel, Point, Series, Table
from reports.document.runs import read_runs
from reports.page.page import build_page
from reports.page.write_report import uncollected, write_report
from reports.render.csv_files import harmless, plain
from reports.render.downloads import page_files, table_csv
from reports.render.escape import clean, shortened
from reports.render.html import (
    SENTENCE,
    Drawn,
    draw_page,
    heat_png,
    in_script,
    named,
    palette,
    render,
    svg_of,
    whole_numbers,
)
from reports.render.latex import escape, latex_table
from reports.render.svg import small_svg
from tests.reports.report_worlds import HOSTILE, SCRIPT, SYSTEMS

MOST_BYTES = 3_000_000
ROOT = Path(__file__).parents[3]


class Reader(HTMLParser):
    """What a browser would see: elements with their attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._within = tag

    def handle_data(self, data: str) -> None:
        if self._within not in ("script", "style"):
            self.text.append(data)


def test_the_same_results_make_the_same_bytes_wherever_they_lie(runs: Path, html: str, tmp_path: Path) -> None:
    moved = shutil.copytree(runs, tmp_path / "elsewhere")
    assert render(draw_page(build_page(read_runs([moved])))) == html


def test_nothing_comes_from_outside_and_the_page_is_small(html: str) -> None:
    read = Reader(html)
    for _, attributes in read.elements:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:")), attributes
    assert not re.search(r"url\((?!#|%23)", html.split("<body", 1)[0])
    sounds = sum(len(a["src"]) for tag, a in read.elements if tag == "audio")
    assert len(html.encode()) - sounds < MOST_BYTES
    policy = next(a["content"] for _, a in read.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")


def test_hostile_names_are_text_everywhere(hostile_html: str) -> None:
    read = Reader(hostile_html)
    scripts = [attributes for tag, attributes in read.elements if tag == "script"]
    assert len(scripts) == 2
    allowed = {"svg", "math", "iframe", "object", "form", "base", "link"}
    assert not {tag for tag, _ in read.elements} & allowed
    assert not [a for _, a in read.elements if any(name.startswith("on") for name in a)]
    shown = "".join(read.text)
    assert SCRIPT in shown
    assert "{{ 7*7 }}" in shown
    assert "⟨U+202E⟩" in shown
    assert "\u202e" not in hostile_html
    assert "\u200f" not in hostile_html
    assert "y" * 40 in shown
    assert "y" * 200 not in shown


def test_data_in_the_page_cannot_leave_its_element(hostile_html: str) -> None:
    text = hostile_html.split('id="data">', 1)[1].split("</script>", 1)[0]
    assert "<" not in text
    data = json.loads(text)
    assert any(SCRIPT in one["title"] for one in data["heard"].values())
    assert in_script({"a": "</script><!--\u2028"}) == '{"a":"\\u003c/script\\u003e\\u003c!--\\u2028"}'


def test_offered_csv_holds_no_formula_and_every_figure_has_its_numbers(hostile_drawn: Drawn, hostile_html: str) -> None:
    data = json.loads(hostile_html.split('id="data">', 1)[1].split("</script>", 1)[0])
    files = page_files(hostile_drawn.page)
    assert {name: gzip.decompress(base64.b64decode(packed)).decode() for name, packed in data["files"].items()} == {
        name: text for name, text in files.items() if not name.startswith("heat-")
    }
    for name, text in files.items():
        if name.endswith(".csv"):
            for row in csv.reader(io.StringIO(text)):
                for cell in row:
                    assert not re.match(r"\s*[=+@]|\s*-[^0-9.]", cell), (name, cell)
    for section in hostile_drawn.page.sections:
        for part in section.parts:
            if isinstance(part, Chart | MatrixChart):
                assert f"{part.id}.csv" in files
                assert f'data-svg="{part.id}"' in hostile_html
            if isinstance(part, Table):
                assert {f"{part.id}.csv", f"{part.id}.tex"} <= files.keys()


@pytest.mark.parametrize("text", ["=1", "+a", "-1+2", "@x", "\t=1", " =1", "\r=1", "'=1", "\uff1d1"])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert plain(harmless(text)) == text


def test_numbers_and_words_stay_as_they_are() -> None:
    assert [harmless(x) for x in ("a=b", "word", "-1.5e-3", "+2", "'t", -1.5, 3)] == [
        "a=b",
        "word",
        "-1.5e-3",
        "+2",
        "'t",
        -1.5,
        3,
    ]


def test_csv_of_a_table_has_intervals_in_columns_of_their_own() -> None:
    cell = Cell(".1 [.0, .2]", 0.123456789, more=(("low", 0.0), ("high", 0.2)))
    table = Table(
        "t",
        "title",
        (Column("name"), Column("value", True)),
        ((Cell("a", "a"), cell), (Cell("b", "b"), Cell("", float("nan")))),
    )
    assert table_csv(table) == "name,value,value: low,value: high\na,0.123456789,0.0,0.2\nb,,,\n"


def test_latex_escapes_every_letter_that_means_something() -> None:
    assert escape("a_b & 5 % $x$ {y} ~^\\ #1") == (
        r"a\_b \& 5 \% \$x\$ \{y\} \textasciitilde{}\textasciicircum{}\textbackslash{} \#1"
    )
    table = Table("t", "100 %", (Column("a"), Column("b", True)), ((Cell(HOSTILE[-1], "x"), Cell("1", 1)),))
    text = latex_table(table)
    assert text.count("\\begin") == text.count("\\end") == 2
    assert r"\toprule" in text
    assert r"\textbackslash{}input\{secret\}" in text
    assert "l r".replace(" ", "") in text


def test_figures_are_whole_svg_in_which_every_reference_is_kept(drawn: Drawn, hostile_drawn: Drawn) -> None:
    for svg in (*drawn.figures.values(), *hostile_drawn.figures.values()):
        root = ET.fromstring(svg)
        ids = {node.get("id") for node in root.iter()}
        assert set(re.findall(r"(?:url\(#|href='#)([^)']+)", svg)) <= ids
        assert not [node for node in root.iter() if node.tag.endswith("script")]
        # places are short; ticks are texts, and keep their digits
        assert not re.search(r"\d\.\d{3}", re.sub(r">[^<]*<", "><", svg))


def test_small_svg_loses_nothing_that_is_seen() -> None:
    path = '<path id="p" d="M 1.23456 2"/>\n  <use href="#p"/>'
    text = f'<svg>\n <metadata>x</metadata>\n <g id="a">\n  {path}\n  <g id="e"/>\n </g>\n</svg>\n'
    assert small_svg(text) == "<svg><g><path id='p' d='M 1.23 2'/><use href='#p'/><g/></g></svg> "


def test_a_chart_without_numbers_is_drawn() -> None:
    empty = Chart("c", "none", "lines", (Panel("p", (Series("s", (Point(float("nan")),)),)),))
    assert "no numbers" in svg_of(empty)
    assert svg_of(Chart("c", "none", "rows", ())).startswith("<?xml")


def test_a_system_keeps_its_colour_where_others_are_missing() -> None:
    points = tuple(Point(value, value - 0.1, value + 0.1, 0.1, 0.02, value) for value in (0.2, 0.4))
    for kind, joined in (("lines", True), ("lines", False), ("rows", True)):
        panel = Panel("p", (Series("b", points),), ("x", "y") if kind == "rows" else ())
        chart = Chart("c", "t", kind, (panel,), joined=joined)  # type: ignore[arg-type]
        svg = svg_of(chart, ("a", "b")).lower()
        assert "#d55e00" in svg
        assert "#0072b2" not in svg


def test_a_curve_of_one_point_has_its_interval_and_its_null() -> None:
    """A band needs two points: of one, the interval is an upright line, and so is what chance gives."""
    bare = Chart("c", "t", "lines", (Panel("p", (Series("a", (Point(0.5, x=1.0),)),)),))
    whole = Chart("c", "t", "lines", (Panel("p", (Series("a", (Point(0.5, 0.4, 0.6, 0.1, 0.02, 1.0),)),)),))
    lines = [svg_of(chart).lower().count("#0072b2") for chart in (bare, whole)]
    assert lines[1] == lines[0] + 2


def test_pixels_of_a_heat_map_are_its_numbers() -> None:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(5), 300)
    heat = HeatMap("h", "t", tuple("abcde"), tuple(range(300)), (1 / 300,) * 300, tuple(map(tuple, shares)))
    image = np.asarray(Image.open(io.BytesIO(heat_png(heat))).convert("RGB"))
    level = {tuple(colour): i for i, colour in enumerate(palette().tolist())}
    assert len(level) == 256
    found = np.array([[level[tuple(pixel)] for pixel in row] for row in image.tolist()])
    assert np.array_equal(found, np.rint(255 * shares.T))


def test_text_is_cleaned_and_shortened() -> None:
    assert clean("a\u202eb\x00\ud800") == "a⟨U+202E⟩b⟨U+0000⟩⟨U+D800⟩"
    assert clean("שלום क्‍ष ə") == "שלום क्‍ष ə"
    assert len(shortened("y" * 5000)) == 90
    assert str(named({}, '<b>"')) == "&lt;b&gt;&#34;"  # type: ignore[arg-type]
    assert str(named({}, "é<")) == "<bdi>é&lt;</bdi>"  # type: ignore[arg-type]


def test_files_of_a_paper_are_written(runs: Path, tmp_path: Path) -> None:
    place = runs / SYSTEMS[0] / "usage"
    done = dict(write_report([place], tmp_path / "r.html", None, tmp_path / "paper", "A title", 10**6))
    assert any(what.startswith("figures and tables") for what in done)
    written = {path.name for path in (tmp_path / "paper").iterdir()}
    assert {"chart-usage.svg", "chart-usage.pdf", "chart-usage.csv", "table-usage.csv", "table-usage.tex"} <= written
    assert "<h1>A title</h1>" in (tmp_path / "r.html").read_text(encoding="utf-8")


BLOCKED = ("torch", "transformers", "pesq", "pystoi")
"""What makes or judges sound: a report reads what runs kept, and imports none of it."""


def test_other_processes_make_the_same_bytes_without_torch_and_without_sound(runs: Path, tmp_path: Path) -> None:
    """Other hashes of strings, another folder, another working directory, and nothing there that could decode."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({BLOCKED}));"
        "import soundfile; soundfile.SoundFile.__init__ = None;"  # whoever opens a sound fails
        "from pathlib import Path; from reports.page.write_report import write_report;"
        "list(write_report([Path(sys.argv[1])], Path('r.html'), None, None, '', 10**6))"
    )
    moved = shutil.copytree(runs / SYSTEMS[0], tmp_path / "moved" / "elsewhere")
    pages = []
    for seed, place in (("1", runs / SYSTEMS[0]), ("2", moved)):
        (folder := tmp_path / seed).mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", code, str(place)], check=True, cwd=folder, env=environment)
        pages.append((folder / "r.html").read_bytes())
    assert b"<audio" in pages[0]
    assert pages[0] == pages[1]


def test_the_search_for_cycles_goes_on_after_a_report() -> None:
    with pytest.raises(ValueError, match="any"), uncollected():
        assert not gc.isenabled()
        raise ValueError("any")
    assert gc.isenabled()


def test_a_page_of_nothing_but_gaps_renders(drawn: Drawn) -> None:
    bare = tuple(replace(section, parts=(), missing=("nothing here",)) for section in drawn.page.sections)
    text = render(Drawn(replace(drawn.page, sections=bare), {}, {}))
    assert text.count("nothing here") == len(bare)


def test_numbers_beside_an_axis_stay_what_they_are() -> None:
    """A tick at .275 is not one at .27: only coordinates lose digits."""
    text = '<svg><path d="M 1.23456 2"/><text x="1.23456">0.275</text></svg>'
    assert small_svg(text) == "<svg><path d='M 1.23 2'/><text x='1.23'>0.275</text></svg>"


def test_numbers_in_sentences_are_whole_and_names_are_text() -> None:
    drawn = whole_numbers("<b> (.412 ± .010, units; -1.5 ± <.001) of 3")
    assert drawn == (
        '&lt;b&gt; <span class="whole">(.412 ± .010</span>, units; <span class="whole">-1.5 ± &lt;.001</span>) of 3'
    )
    assert len(whole_numbers("y" * 5000)) <= SENTENCE
