"""Differences between systems: of every headline number that two runs of a command have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator

from analysis.comparison import Difference, compare
from analysis.metrics import METRICS, metric_name
from analysis.records import DROPPED
from analysis.results import Record
from reports.view.alike import alike, as_run
from reports.view.claims import RECON_ORDER
from reports.view.parts import (
    Cell,
    Chart,
    Column,
    Mark,
    Panel,
    Point,
    Section,
    Series,
    Table,
    interval_cell,
    number_cell,
    text_cell,
)
from reports.view.runs import ReportRun, Runs
from reports.view.streams import first_of_levels
from reports.view.titles import metric_title

HEADLINES = {
    "pnmi": ("pnmi", "phone_purity"),
    "words": ("detected_words", "word_f1", "word_nmi"),
    "discovery": ("discovery_token_f1", "discovery_type_f1", "discovery_boundary_f1", "discovery_ned"),
    "boundaries": ("boundary_f1",),
    "leakage": ("leakage",),
    "usage": ("perplexity", "run_frames", "cross_entropy"),
    "stability": ("ued",),
    "intervene": ("own_wer", "phone_kept", "source_similarity"),
}
"""Metrics whose differences are shown; of reconstructions those of `RECON_ORDER`. `hac-analyze compare` has all."""
BY_STREAM = ("pnmi", "words", "boundaries", "leakage", "usage", "stability")
"""Commands of which the first stream of each level is shown."""
MARKS: dict[str, Mark] = {"better": "good", "worse": "bad", "different": "warn", "within noise": "null"}


def difference_section(runs: Runs) -> Section:
    """Every command that two systems or more ran, each against the first of them."""
    parts: list[Table | Chart] = []
    missing: list[str] = []
    for command in dict.fromkeys(run.command for run in runs.all):
        found, left_out = _of_command(runs, command)
        missing += left_out
        if found:
            parts += [_table(command, runs.of(command)[0].system, found), *_chart(command, found)]
    if len(runs.systems) < 2:
        missing.append("One system only: differences need runs of a second one, such as an ablation.")
    elif not parts and not missing:
        missing.append("No command was run on two systems.")
    lead = (
        "Differences to the first system, draw by draw over the same speakers where both counted the same speech. p is "
        "corrected for all differences of a table (Holm)."
    )
    return Section("differences", "Differences between systems", lead, tuple(parts), tuple(missing))


def _of_command(runs: Runs, command: str) -> tuple[list[Difference], list[str]]:
    base, *others = runs.of(command)
    chosen, missing = [as_run(base)], []
    for other in others:
        how = alike(base, other)
        if how.comparable:
            chosen.append(as_run(other))
        else:
            missing.append(
                f"hac-analyze {command}: {how.why}; see `hac-analyze compare --allow-data --allow-protocol`."
            )
    if len(chosen) < 2:
        return [], missing
    return compare(chosen, lambda record: _is_headline(command, base, record)), missing


def _is_headline(command: str, run: ReportRun, record: Record) -> bool:
    name = metric_name(record.id)
    if command in BY_STREAM and record.stream not in first_of_levels(run.results.streams):
        return False
    if command == "intervene" and not record.id.endswith(("[drop]", "[alone]")):
        return False
    if command == "boundaries":
        rule, tolerance = next(iter(run.results.protocols.values()))["headline"]
        return name == "boundary_f1" and record.id.endswith(f",{rule},{tolerance}ms]")
    if command in HEADLINES:
        return name in HEADLINES[command] and DROPPED not in record.id
    return name in RECON_ORDER


def _table(command: str, base: str, found: list[Difference]) -> Table:
    heads = (
        *(Column(name) for name in ("system", "of", "metric")),
        *(Column(name, True) for name in (f"{base}", "its own", "difference [95 %]", "p (Holm)")),
        *(Column(name) for name in ("how", "verdict")),
    )
    rows = tuple(_row(one) for one in found)
    note = "null-corrected where both have a null; paired: draw by draw over the same speakers"
    return Table(f"differences-{command}", f"{command}: differences to {base}", heads, rows, note)


def _row(one: Difference) -> tuple[Cell, ...]:
    stream = one.id[: one.id.index(f".{metric_name(one.id)}")]
    p = "" if not math.isfinite(one.p_holm) else "< .001" if one.p_holm < 0.001 else f"{one.p_holm:.3f}"
    mark = MARKS.get(one.verdict, "")
    return (
        text_cell(one.run),
        text_cell(stream),
        text_cell(("null-corrected " if one.of == "corrected" else "") + metric_title(one.id)),
        number_cell(one.base),
        number_cell(one.other),
        interval_cell(one.difference, one.low, one.high),
        Cell(p, one.p_holm),
        text_cell(one.method),
        text_cell(one.verdict if not one.note else f"{one.verdict}: {one.note}", mark),
    )


def _chart(command: str, found: list[Difference]) -> Iterator[Chart]:
    """Differences of the command's first metric, a row each, a colour a system."""
    first = metric_name(found[0].id)
    shown = [one for one in found if metric_name(one.id) == first]
    ids = list(dict.fromkeys(one.id for one in shown))
    by_run = {(one.run, one.id): one for one in shown}
    series = []
    for run in dict.fromkeys(one.run for one in shown):
        points = []
        for id in ids:
            one = by_run.get((run, id))
            points.append(Point(one.difference, one.low, one.high, 0.0) if one else Point(math.nan))
        series.append(Series(run, tuple(points)))
    metric = METRICS[first]
    labels = tuple(id.replace(f".{first}", "") for id in ids)
    panel = Panel(f"difference of {metric.title}", tuple(series), labels, x_title=f"{metric.unit}, beside 0")
    yield Chart(f"chart-differences-{command}", f"{command}: differences of {metric.title}", "rows", (panel,))
