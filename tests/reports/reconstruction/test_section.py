"""Which conditions of a page are on the curves over the bit rate."""

from __future__ import annotations

import math

import pytest

from reports.document.runs import ReportRun, Runs
from reports.reconstruction.section import recon_section
from tests.reports.made_runs import made_record, made_run, with_coverage


def run_of(system: str, rates: dict[str, float]) -> ReportRun:
    records = [made_record(f"{name}.stoi", 0.5 + i / 10, stream=name) for i, name in enumerate(rates)]
    records += [
        made_record(f"{name}.kbps[nominal]", rate, value=rate, stream=name)
        for name, rate in rates.items()
        if math.isfinite(rate)
    ]
    conditions = {name: {"n_quantizers": int(name[1:]) if name[1:].isdigit() else None} for name in rates}
    return made_run(system, "recon", *records, coverage=with_coverage(conditions=conditions))


@pytest.mark.parametrize(
    ("rates", "lines", "missing"),
    [
        ({"q8": 6.0, "q1": 1.0}, {"a": [1.0, 6.0]}, False),
        ({"lyra": 6.0, "opus": 8.0}, {"a: lyra": [6.0], "a: opus": [8.0]}, False),
        ({"q1": 1.0, "q8": 6.0, "opus": 6.0}, {"a": [1.0, 6.0], "a: opus": [6.0]}, False),
        ({"lyra": 6.0, "opus": math.nan}, {"a": [6.0]}, True),
    ],
)
def test_every_condition_with_a_rate_is_on_the_curves(
    rates: dict[str, float], lines: dict[str, list[float]], missing: bool
) -> None:
    section = recon_section(Runs((run_of("a", rates),)))
    panel = section.parts[0].panels[0]  # type: ignore[union-attr]
    assert {series.name: [point.x for point in series.points] for series in panel.series} == lines
    assert any("bit rates of opus" in one for one in section.missing) == missing


def test_without_any_rate_there_are_no_curves() -> None:
    section = recon_section(Runs((run_of("a", {"lyra": math.nan, "opus": math.nan}),)))
    assert [part.id for part in section.parts] == ["chart-recon-0", "table-recon"]  # type: ignore[union-attr]
    assert any("lyra, opus" in one and "--kbps" in one for one in section.missing)
