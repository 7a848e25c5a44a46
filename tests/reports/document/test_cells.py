"""Numbers as a page writes them."""

from __future__ import annotations

import math

import pytest

from reports.document.cells import interval_text
from reports.render.latex import escape


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.412, 0.402, 0.422, ".412 ± .010"),
        (-0.01, -0.035, 0.015, "-.010 ± .025"),
        (0.25, 0.2499, 0.2501, ".250 ± <.001"),
        (41.2, 30.9, 51.5, "41.2 ± 10.3"),
        (0.3, math.nan, math.nan, ".300"),
        (math.nan, math.nan, math.nan, "-"),
    ],
)
def test_a_number_stands_with_half_the_width_of_its_interval(value: float, low: float, high: float, text: str) -> None:
    assert interval_text(value, low, high) == text


def test_the_half_width_is_typeset() -> None:
    assert escape(".458 ± .010") == r".458 $\pm$ .010"
