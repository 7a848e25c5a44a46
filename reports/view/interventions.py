"""What each level does: dropped, alone, shuffled or swapped, beside null, interval and the reference decode."""

from __future__ import annotations

import math

from analysis.metric_records.interventions import CHANGE, EFFECTS
from analysis.metrics import METRICS
from analysis.results import Record
from probes.interventions import ALL
from reports.intervene_tables import conditions_of, is_clear, of_id
from reports.view.parts import (
    Cell,
    Chart,
    Column,
    Panel,
    Point,
    Section,
    Series,
    Table,
    null_cell,
    text_cell,
    value_cell,
)
from reports.view.runs import ReportRun, Runs
from reports.view.titles import headed

TITLE = "Interventions: what each level does"


def intervention_section(runs: Runs) -> Section:
    """A panel for each effect, a row for each condition, and the differences to the decode of all levels."""
    found = runs.of("intervene")
    if not found:
        return Section("interventions", TITLE, "", (), ("No run of hac-analyze intervene was given.",))
    lead = (
        "Levels are dropped, kept alone, shuffled in time or swapped with another speaker's, and the sound is judged. "
        "Keep: all levels as they are. Null: the same audio against strangers; phones: circular shifts."
    )
    return Section("interventions", TITLE, lead, (_chart(found), _table(found)))


def _name(condition: tuple[str, str]) -> str:
    level, intervention = condition
    return intervention if level == ALL else f"{intervention} {level}"


def _chart(found: tuple[ReportRun, ...]) -> Chart:
    conditions = list(dict.fromkeys(condition for run in found for condition in conditions_of(run.by_id)))
    measured = {of_id(id)[1] for run in found for id in run.by_id}
    panels = []
    for effect in (name for name in EFFECTS if name in measured and name != "phone_information"):
        series = []
        for run in found:
            records = [run.by_id.get(f"{level}.{effect}[{how}]") for level, how in conditions]
            series.append(Series(run.system, tuple(_point(record) for record in records)))
        labels = tuple(_name(condition) for condition in conditions)
        panels.append(Panel(METRICS[effect].title, tuple(series), labels, x_title=headed(effect)))
    return Chart("chart-interventions", "Every condition", "rows", tuple(panels), "grey: null, 3 sd")


def _point(record: Record | None) -> Point:
    return Point(math.nan) if record is None else Point.of(record)


def _table(found: tuple[ReportRun, ...]) -> Table:
    heads = (
        *(Column(name) for name in ("system", "condition", "effect")),
        *(Column(name, True) for name in ("value [95 %]", "null ± sd", "change to keep [95 %]")),
        Column("clear of zero"),
    )
    rows = []
    for run in found:
        for id, record in run.by_id.items():
            level, effect, how = of_id(id)
            if effect.endswith(CHANGE) or effect not in METRICS:
                continue
            change = run.by_id.get(f"{level}.{effect}{CHANGE}[{how}]")
            names = (text_cell(run.system), text_cell(_name((level, how))), text_cell(headed(effect)))
            rows.append((*names, value_cell(record), null_cell(record), value_cell(change), _clear(change)))
    return Table("table-interventions", "Effects and changes", heads, tuple(rows))


def _clear(change: Record | None) -> Cell:
    if change is None or not math.isfinite(change.ci_low):
        return text_cell("")
    return text_cell("yes") if is_clear(change) else text_cell("no", "null")
