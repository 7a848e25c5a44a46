"""What each level does: dropped, alone, shuffled or swapped, beside null, interval and the reference decode."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from analysis.interventions.effects import CHANGE
from analysis.metrics.registry import METRICS
from probes.tokens.interventions import ALL
from reports.document.cells import EMPTY, chance_of, chance_text, interval_text
from reports.document.order import level_rank
from reports.document.parts import Cell, Chart, Panel, Point, Section, Series, Table, no_run
from reports.document.result_table import Cells, result_table
from reports.document.runs import ReportRun, Runs
from reports.document.titles import ARROWS, headed
from reports.interventions.tables import TABLES, conditions_of, is_clear, of_id
from reports.listen.section import Listening

TITLE = "Interventions: what each level does"
NOT_DRAWN = ("phone_information",)
"""What the tables have only: it says what another effect says."""


def sections(runs: Runs, _: Listening) -> tuple[Section, ...]:
    """The sections of this measure on a page."""
    return (intervention_section(runs),)


def intervention_section(runs: Runs) -> Section:
    """A panel for each effect, a row for each condition, and the differences to the decode of all levels."""
    found = runs.of("intervene")
    if not found:
        return Section("interventions", TITLE, "", missing=(no_run("intervene"),))
    lead = (
        "Levels are dropped, kept alone, shuffled in time or swapped with another speaker's, and the sound is judged. "
        "Keep: all levels as they are. Null: the same audio against other utterances; phones: circular shifts."
    )
    return Section("interventions", TITLE, lead, tuple(_parts(found)))


def _name(condition: tuple[str, str]) -> str:
    level, intervention = condition
    return intervention if level == ALL else f"{intervention} {level}"


def _in_order(conditions: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Conditions, each once: those of all levels first, then level by level."""
    return sorted(dict.fromkeys(conditions), key=lambda one: (one[0] != ALL, level_rank(one[0])))


def _parts(found: tuple[ReportRun, ...]) -> Iterator[Chart | Table]:
    """For each group of effects that were measured, a figure and a table."""
    measured = {of_id(id)[1] for run in found for id in run.by_id}
    for place, (title, effects) in enumerate(TABLES.items()):
        if shown := [effect for effect in effects if effect in measured]:
            yield _chart(found, place, title, [effect for effect in shown if effect not in NOT_DRAWN])
            yield _table(found, place, title, shown)


def _chart(found: tuple[ReportRun, ...], place: int, title: str, effects: list[str]) -> Chart:
    """A panel an effect, a row a condition, a colour a system."""
    conditions = _in_order(condition for run in found for condition in conditions_of(run.by_id))
    labels = tuple(_name(condition) for condition in conditions)
    panels = []
    for effect in effects:
        series = []
        for run in found:
            records = [run.by_id.get(f"{level}.{effect}[{how}]") for level, how in conditions]
            series.append(Series(run.system, tuple(Point.of(record) for record in records)))
        metric = METRICS[effect]
        panels.append(Panel(metric.title, tuple(series), labels, x_title=metric.unit + ARROWS[metric.better]))
    note = "dot: value; line: 95 % interval; grey: chance, 3 sd"
    return Chart(f"chart-interventions-{place}", f"Interventions: {title}", "rows", tuple(panels), note)


def _table(found: tuple[ReportRun, ...], place: int, title: str, effects: list[str]) -> Table:
    """Conditions down, effects across."""
    rows: list[Cells] = [
        (run.system, _name((level, how)), *(_cell(run, level, effect, how) for effect in effects))
        for run in found
        for level, how in _in_order(conditions_of(run.by_id))
    ]
    heads = ("system", "condition", *(headed(effect) for effect in effects))
    note = (
        "number ± 95 %, chance-corrected where a counted one is below it; Δ: change to keep over the same speech, "
        "* where its interval leaves out 0"
    )
    return result_table(f"table-interventions-{place}", f"Interventions: {title}", heads, rows, note)


def _cell(run: ReportRun, level: str, effect: str, how: str) -> Cell:
    record = run.by_id.get(f"{level}.{effect}[{how}]")
    if record is None:
        return EMPTY
    lines = [interval_text(record.estimate, record.ci_low, record.ci_high)]
    around = [("low", record.ci_low), ("high", record.ci_high), *chance_of(record)]
    if math.isfinite(record.null_mean):
        lines.append(chance_text(record))
    change = run.by_id.get(f"{level}.{effect}{CHANGE}[{how}]")
    if change is not None and math.isfinite(change.value):
        mark = "*" if is_clear(change) else ""
        lines.append(f"Δ {interval_text(change.value, change.ci_low, change.ci_high)}{mark}")
        around += [("change", change.value), ("change low", change.ci_low), ("change high", change.ci_high)]
    return Cell("\n".join(lines), record.estimate, more=tuple(around))
