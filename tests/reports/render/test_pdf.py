"""The PDF: from the same page, the same bytes, fonts inside, nothing cut; without its libraries the HTML is there."""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import logging
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import reports.cli
from hac.errors import HacError
from reports.document.parts import Chart, Clip, Facts, HeatMap, MatrixChart, Table
from reports.render.escape import shortened
from reports.render.html import Drawn, render, spoken
from reports.render.pdf import write_pdf
from tests.reports.report_worlds import SCRIPT, SYSTEMS

MARGIN_PT = 12.0
"""Letters stay this far from the edge of the paper."""


def weasyprint_or_skip() -> None:
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"WeasyPrint cannot run here: {error}")


@pytest.fixture(scope="module")
def made(drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    weasyprint_or_skip()
    path = tmp_path_factory.mktemp("pdf") / "report.pdf"
    write_pdf(drawn, path)
    return path


def only(drawn: Drawn, *ids: str) -> Drawn:
    """The page with some of its sections: the whole one takes many times as long."""
    sections = tuple(section for section in drawn.page.sections if section.id in ids)
    assert len(sections) == len(ids)
    return replace(drawn, page=replace(drawn.page, sections=sections))


def open_pdf(path: Path) -> Any:
    return pytest.importorskip("pypdfium2").PdfDocument(path)


def test_the_same_page_makes_the_same_bytes(drawn: Drawn, tmp_path: Path) -> None:
    weasyprint_or_skip()
    page = only(drawn, "pnmi", "heat", "leakage", "listen", "provenance")
    assert {type(part) for part in page.page.parts} >= {Chart, Clip, Facts, HeatMap, MatrixChart, Table}
    for name in ("one.pdf", "again.pdf"):
        write_pdf(page, tmp_path / name)
    assert (tmp_path / "again.pdf").read_bytes() == (tmp_path / "one.pdf").read_bytes()


def assert_nothing_is_cut(path: Path) -> str:
    """Every letter lies within the margins of its page; returns the text of all pages."""
    document, text = open_pdf(path), ""
    assert len(document) > 3
    for page in document:
        width, height = page.get_size()
        letters = page.get_textpage()
        text += letters.get_text_range()
        for i in range(letters.count_chars()):
            left, bottom, right, top = letters.get_charbox(i)
            assert left >= MARGIN_PT and right <= width - MARGIN_PT, letters.get_text_range(max(0, i - 20), 40)
            assert bottom >= MARGIN_PT and top <= height - MARGIN_PT, letters.get_text_range(max(0, i - 20), 40)
    return text


@pytest.mark.parametrize("failure", [ValueError("a bad path"), KeyboardInterrupt()])
def test_a_picture_that_fails_is_not_left_out(
    drawn: Drawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    weasyprint_or_skip()
    from weasyprint.svg import SVG

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(SVG, "draw", fail)
    with pytest.raises(HacError if isinstance(failure, Exception) else KeyboardInterrupt) as raised:
        write_pdf(only(drawn, "pnmi"), tmp_path / "report.pdf")
    assert isinstance(raised.value, KeyboardInterrupt) or "incomplete" in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_cut_and_the_verdict_comes_first(made: Path) -> None:
    text = assert_nothing_is_cut(made)
    assert len(open_pdf(made)) < 20
    assert 0 < text.index("phonetic carries information on phones") < text.index("Systems side by side", 400)


def elements(path: Path) -> Iterator[tuple[str, str]]:
    """The tags of all pages, with the text that stands for a picture."""
    raw = pytest.importorskip("pypdfium2").raw

    def said(get: Any, element: Any) -> str:
        text = ctypes.create_string_buffer(get(element, None, 0))
        get(element, text, len(text))
        return text.raw[:-2].decode("utf-16-le")

    def below(element: Any) -> Iterator[tuple[str, str]]:
        yield said(raw.FPDF_StructElement_GetType, element), said(raw.FPDF_StructElement_GetAltText, element)
        for i in range(raw.FPDF_StructElement_CountChildren(element)):
            if child := raw.FPDF_StructElement_GetChildAtIndex(element, i):
                yield from below(child)

    for page in open_pdf(path):
        tree = raw.FPDF_StructTree_GetForPage(page.raw)
        for i in range(raw.FPDF_StructTree_CountChildren(tree)):
            yield from below(raw.FPDF_StructTree_GetChildAtIndex(tree, i))
        raw.FPDF_StructTree_Close(tree)


def test_the_pdf_is_tagged_for_those_who_hear_it(made: Path, drawn: Drawn) -> None:
    raw = pytest.importorskip("pypdfium2").raw
    document = open_pdf(made)
    assert raw.FPDFCatalog_IsTagged(document.raw)
    language = (ctypes.c_ushort * 3)()
    assert raw.FPDFCatalog_GetLanguage(document.raw, language, 6) == 6
    assert bytes(language).decode("utf-16-le") == "en\0"
    assert re.search(rb"pdfuaid:part\W+1\W", unpacked(made))
    found = Counter(elements(made))
    kinds = Counter(kind for kind, _ in found.elements())
    assert kinds["H1"] == 1
    assert kinds["H2"] == len(drawn.page.sections)
    assert kinds["TH"] >= kinds["Table"] > 5
    pictures = [alt for (kind, alt), n in found.items() if kind == "Figure"]
    assert all(pictures)
    assert spoken(next(part for part in drawn.page.parts if isinstance(part, Chart))) in pictures


def unpacked(path: Path) -> bytes:
    """A PDF with its packed parts unpacked."""
    content = path.read_bytes()
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        with contextlib.suppress(zlib.error):
            content += zlib.decompress(packed)
    return content


def test_no_rule_of_the_style_is_unknown_to_paper(drawn: Drawn, caplog: pytest.LogCaptureFixture) -> None:
    weasyprint_or_skip()
    from weasyprint import HTML

    with caplog.at_level(logging.WARNING, "weasyprint"):
        HTML(string=render(only(drawn, "answer", "pnmi", "heat", "listen"), pdf=True)).render()
    assert caplog.messages == []


def test_hostile_names_are_printed_and_nothing_is_cut(hostile_drawn: Drawn, tmp_path: Path) -> None:
    weasyprint_or_skip()
    write_pdf(hostile_drawn, tmp_path / "h.pdf")
    assert SCRIPT[:20] in assert_nothing_is_cut(tmp_path / "h.pdf")


def test_no_page_holds_a_head_alone(made: Path) -> None:
    """A figure that does not fit below its head takes the head along: no page of few words has no picture."""
    raw = pytest.importorskip("pypdfium2").raw
    *pages, _ = open_pdf(made)
    for page in pages:
        words = page.get_textpage().get_text_range().split()
        kinds = [item.type for item in page.get_objects(max_depth=8)]
        paths, images = kinds.count(raw.FPDF_PAGEOBJ_PATH), kinds.count(raw.FPDF_PAGEOBJ_IMAGE)
        assert len(words) > 80 or paths > 8 or images, " ".join(words)


def test_all_fonts_are_inside(made: Path) -> None:
    pdfium = pytest.importorskip("pypdfium2")
    raw = pdfium.raw
    found = set()
    for page in open_pdf(made):
        for item in page.get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT], max_depth=8):
            font = raw.FPDFTextObj_GetFont(item.raw)
            name = ctypes.create_string_buffer(100)
            raw.FPDFFont_GetBaseFontName(font, name, 100)
            found.add((name.value.decode(), raw.FPDFFont_GetIsEmbedded(font)))
    assert found
    assert all(embedded == 1 for _, embedded in found), found


def test_every_page_says_where_one_is_and_the_contents_name_pages(made: Path, drawn: Drawn) -> None:
    document = open_pdf(made)
    pages = [page.get_textpage().get_text_range() for page in document]
    assert document.get_metadata_dict()["Title"] == shortened(drawn.page.title)
    for number, text in enumerate(pages, 1):
        assert f"{number} / {len(pages)}" in text
        assert number == 1 or shortened(drawn.page.title) in text
    marked = {mark.get_title(): mark.get_dest().get_index() + 1 for mark in document.get_toc()}
    for section in drawn.page.sections:
        assert section.title in pages[marked[section.title] - 1]
        line = next(line for line in pages[0].splitlines() if section.title in line and ". ." in line)
        after = line.partition(section.title)[2]
        assert re.search(r"\d+", after)[0] == str(marked[section.title])  # type: ignore[index]


def test_no_number_is_broken_and_nothing_asks_to_click(made: Path) -> None:
    text = "".join(page.get_textpage().get_text_range() for page in open_pdf(made))
    assert not re.search(r"\.[\r\n]+\d{3}\b", text)
    assert re.search(r"\.\d{3} ± \.\d{3}", text)
    assert "Arrow keys" not in text
    assert "click" not in text


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError("cannot load library 'libpango-1.0-0'"), "apt-get install libpango-1.0-0"),
        (ModuleNotFoundError("No module named 'weasyprint'", name="weasyprint"), r"pip install 'hac-codec[report]'"),
    ],
)
def test_without_its_libraries_the_html_is_written_and_the_error_says_how_to_get_them(
    runs: Path,
    tmp_path: Path,
    error: Exception,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] == "weasyprint":
            raise error
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    html, pdf = tmp_path / "r.html", tmp_path / "r.pdf"
    said = call(monkeypatch, capsys, str(runs / SYSTEMS[0] / "usage"), "-o", str(html), "--pdf", str(pdf))
    assert says in said
    assert html.is_file()
    assert not pdf.exists()


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a refused command says: one sentence, exit code 2."""
    monkeypatch.setattr(sys, "argv", ["hac-analyze", "report", *words])
    with pytest.raises(SystemExit) as ended:
        reports.cli.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1, said
    return said


def test_bad_words_are_refused_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "r.html"
    assert "is no folder of a run" in call(monkeypatch, capsys, str(tmp_path / "none"), "-o", str(out))
    assert "holds no results.json" in call(monkeypatch, capsys, str(tmp_path), "-o", str(out))
    assert "is a folder; -o names the HTML file" in call(monkeypatch, capsys, str(tmp_path), "-o", str(tmp_path))
    assert not any(tmp_path.iterdir())
