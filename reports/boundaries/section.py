"""Change points against boundaries: F1 over the tolerance, beside its null."""

from __future__ import annotations

import math

from reports.document.boundary_scores import Scores, find_boundary
from reports.document.cells import counted_cell, estimate_cell, null_cell
from reports.document.claim_rule import judged_cell
from reports.document.order import all_streams, first_of_levels
from reports.document.parts import Chart, Panel, Point, Section, Series, Table, no_run
from reports.document.result_table import record_table
from reports.document.runs import ReportRun, Runs
from reports.document.titles import headed
from reports.listen.section import Listening

TITLE = "Boundaries"
SCORES = ("boundary_precision", "boundary_recall", "boundary_os", "boundary_r_value")


def sections(runs: Runs, _: Listening) -> tuple[Section, ...]:
    """The sections of this measure on a page."""
    return (boundary_section(runs),)


def boundary_section(runs: Runs) -> Section:
    """Tolerance curves for the first stream of each level, and the numbers at the headline tolerance."""
    found = runs.of("boundaries")
    if not found:
        return Section("boundaries", TITLE, "", missing=(no_run("boundaries"),))
    tiers = tuple(dict.fromkeys(tier for run in found for tier in run.scores.tiers))
    parts: tuple[Chart | Table, ...] = (*(_curves(found, tier) for tier in tiers), _table(found))
    first = found[0].scores
    lead = (
        f"A token's change is a hit if a boundary lies within the tolerance, by the rule '{first.rule}', edges of "
        f"utterances {first.edges}. More tolerance makes chance better too, which is taken off."
    )
    return Section("boundaries", TITLE, lead, parts)


def _curves(found: tuple[ReportRun, ...], tier: str) -> Chart:
    panels = []
    for stream in first_of_levels(all_streams(found)):
        series = tuple(
            Series(run.system, points)
            for run in found
            if stream in run.results.streams and (points := _points(run.scores, stream, tier))
        )
        panels.append(Panel(stream, series, x_title="tolerance, ± ms", y_title=headed("boundary_f1")))
    note = "F1 less chance; band: 95 % interval; dotted: chance, with 3 sd"
    return Chart(f"chart-boundaries-{tier}", f"Boundaries of {tier}: F1 by tolerance", "lines", tuple(panels), note)


def _points(scores: Scores, stream: str, tier: str) -> tuple[Point, ...]:
    found = [(ms, find_boundary(scores, stream, "f1", tier, ms)) for ms in scores.tolerances_ms]
    return tuple(Point.of(record, float(ms)) for ms, record in found if record and math.isfinite(record.estimate))


def _table(found: tuple[ReportRun, ...]) -> Table:
    fields = (
        (headed("boundary_f1"), "f1", judged_cell),
        ("counted", "f1", counted_cell),
        ("chance ± sd", "f1", null_cell),
        *((headed(name), name.removeprefix("boundary_"), estimate_cell) for name in SCORES),
    )
    rows = (
        ((run.system, stream, tier), find)
        for run in found
        for stream in first_of_levels(run.results.streams)
        for tier in run.scores.tiers
        for find in (run.scores.finder(stream, tier),)
        if find("f1")
    )
    at = ", ".join(dict.fromkeys(f"± {run.scores.tolerance_ms} ms" for run in found))
    return record_table("table-boundaries", f"Boundaries at {at}", ("system", "stream", "tier"), fields, rows)
