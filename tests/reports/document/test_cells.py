"""Numbers as a page writes them."""

from __future__ import annotations

import math

import pytest

from reports.document.cells import interval_text
from reports.render.latex import escape


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.258, 0.25, 0.265, ".258 [.250, .265]"),
        (0.25, 0.25, 0.265, ".250 [.250, .265]"),
        (0.2499, 0.25, 0.265, ".250 [.250, .265]"),  # no difference that three decimals show
        (0.458, 0.429, 0.448, ".458† [.429, .448]"),
        (0.557, 0.558, 0.577, ".557† [.558, .577]"),
        (0.3, math.nan, math.nan, ".300"),
        (math.nan, math.nan, math.nan, "-"),
    ],
)
def test_a_number_beside_its_interval_has_a_mark(value: float, low: float, high: float, text: str) -> None:
    assert interval_text(value, low, high) == text


def test_the_mark_is_typeset() -> None:
    assert escape(".458† [.429, .448]") == r".458\dag{} [.429, .448]"
