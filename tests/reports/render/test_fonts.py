"""Letters of any script: taken from the fonts that have them, and named where none has."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from reports.pnmi.figures import heat_map
from reports.render import fonts
from reports.render.fonts import FIRST, fonts_for, letters, use_fonts, warn_of_text
from tests.reports.pnmi.test_figures import CLASSES, table

NOWHERE = "\U0001f9ff"
"""An emoji in colours, which no font of lines has."""


@pytest.fixture(autouse=True)
def nothing_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_told", set())


@pytest.mark.parametrize("text", ["ʃɲŋɡɜ̃ː ˈaɪ", "привет", "ελληνικά", "مرحبا", "שלום", "łßø ğ", "± ↑ ↓ Δ … ⟨U+0000⟩"])
def test_the_first_font_has_ipa_and_the_scripts_beside_latin(text: str) -> None:
    assert set(text) <= letters(FIRST)


def test_a_letter_that_the_first_font_lacks_is_taken_from_another(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {FIRST: frozenset("ab"), "DejaVu Serif": frozenset("xy"), "DejaVu Sans Mono": frozenset("yz")}
    monkeypatch.setattr(fonts, "letters", lambda family: known.get(family, frozenset()))
    fonts_for.cache_clear()
    canvas = Figure()
    plain, mixed = canvas.text(0, 0, "ab"), canvas.text(0, 0, "axz")
    use_fonts(canvas, warn=True)
    fonts_for.cache_clear()
    assert plain.get_fontfamily() != mixed.get_fontfamily()
    assert mixed.get_fontfamily() == [FIRST, "DejaVu Sans Mono", "DejaVu Serif"]


def test_a_font_that_is_not_there_has_no_letters() -> None:
    assert letters("No Such Font") == frozenset()


def test_letters_that_no_font_has_are_named_once_but_not_for_svg(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "fonts_for", lambda strange: ((), strange))
    with caplog.at_level(logging.WARNING):
        heat_map(table(), (NOWHERE, "a", "b", "c", "d"), CLASSES, "x", tmp_path / "a.svg")
        assert not caplog.messages
        heat_map(table(), (NOWHERE, "a", "b", "c", "d"), CLASSES, "x", tmp_path / "a.png")
        heat_map(table(), (NOWHERE, "a", "b", "c", "d"), CLASSES, NOWHERE, tmp_path / "b.pdf")
    (said,) = caplog.messages
    assert NOWHERE in said
    assert "apt-get install fonts-noto-core" in said


def test_the_pdf_says_which_letters_are_boxes(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "fonts_for", lambda strange: ((), strange))
    with caplog.at_level(logging.WARNING):
        warn_of_text("plain ʃ and \n\u200d marks")
        assert not caplog.messages
        warn_of_text(f"odd {NOWHERE}")
    assert NOWHERE in caplog.messages[0]
