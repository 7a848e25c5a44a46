"""What levels 0..k of systems tell of phones together: per kbit/s, counted jointly and as a held-out bound."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from analysis.pnmi.cumulative import BOUND
from analysis.results.records import TOO_LITTLE
from analysis.results.schema import Record, Results
from reports.document.cells import counted_cell, estimate_cell, null_cell, number_cell
from reports.document.claim_rule import judged_cell
from reports.document.number_format import figures, spanned
from reports.document.parts import Chart, Panel, Point, Section, Series, Table
from reports.document.result_table import Cells, record_table, records_of, result_table, whole_corpus
from reports.document.runs import ReportRun, Runs
from reports.document.titles import headed

COUNTED, BOUNDED = "counted jointly", "held-out bound"
HOW = (
    f"{COUNTED}: the tuple of codes as one code, as long as chance alone scores less than {figures(TOO_LITTLE)}; "
    f"{BOUNDED}: at least so much, for any number of codes"
)


@dataclass(frozen=True)
class Levels:
    """Some streams of a system together.

    Attributes:
        name: from the first to the last of them.
        n: how many.
        kbps: nominal kilobits per second.
        counted: their PNMI, where the counts can carry it.
        bound: what they tell on held-out speech.
    """

    name: str
    n: int
    kbps: float
    counted: Record | None
    bound: Record | None

    @property
    def how(self) -> str:
        """Which numbers there are."""
        return " and ".join(
            how
            for how, record in ((COUNTED, self.counted), (BOUNDED, self.bound))
            if record and math.isfinite(record.estimate)
        )


def levels_of(results: Results) -> Iterator[Levels]:
    """The cumulative rows of a run; none of one that did not sum up."""
    found = results.coverage.get("levels", {})
    by_id = whole_corpus(results) if found else {}
    for name, about in found.items():
        record = records_of(by_id, name)
        yield Levels(name, about["streams"], about["kbps"], record("pnmi"), record(BOUND))


def of_system(results: Results) -> Iterator[Record]:
    """What tells of several streams at once: their joint counts, and the bound of most of them, as chance-corrected.

    What is had on held-out speech has no chance to take off: 0 is chance.
    """
    levels = [each for each in levels_of(results) if each.n > 1]
    yield from (each.counted for each in levels if each.counted)
    if levels and (bound := max(levels, key=lambda each: each.n).bound):
        yield bound.model_copy(update={"is_corrected": True, "null_mean": 0.0})


def levels_section(runs: Runs) -> Section:
    """Information on phones of the first stream, the first two and so on, against their bits per second."""
    found = [(run, list(levels_of(run.results))) for run in runs.of("pnmi")]
    title = "Phones: streams summed up"
    if not any(levels for _, levels in found):
        why = "Streams were not summed up: no system has several streams of one frame rate, or hac-analyze pnmi ran "
        return Section("levels", title, "", missing=(f"{why}with --no-cumulative, in shards or in an older version.",))
    panels = (
        _panel(
            COUNTED,
            ((run.system, [(each.kbps, each.counted) for each in levels or _alone(run)]) for run, levels in found),
        ),
        _panel(BOUNDED, ((run.system, [(each.kbps, each.bound) for each in levels]) for run, levels in found)),
    )
    chart = Chart(
        "chart-levels",
        "Information on phones against bit rate, streams summed up",
        "lines",
        tuple(panel for panel in panels if panel.series),
        f"{HOW}. Band or upright line: 95 % interval",
    )
    rows = (
        ((run.system, each.name, each.n, number_cell(each.kbps), each.how), records_of(run.by_id, each.name))
        for run, levels in found
        for each in levels
    )
    fields = (
        (headed("pnmi"), "pnmi", judged_cell),
        ("counted", "pnmi", counted_cell),
        ("chance ± sd", "pnmi", null_cell),
        (headed(BOUND), BOUND, estimate_cell),
    )
    heads = ("system", "levels", "streams", "kbit/s, nominal", "how")
    table = record_table("table-levels", "PNMI of levels together, silence kept", heads, fields, rows, HOW)
    lead = (
        "A system is all of its streams: what the first one tells of the phones, the first two together, and so on, in "
        "their order in the tokens, with the bits per second that they take."
    )
    return Section("levels", title, lead, (chart, table))


def _alone(run: ReportRun) -> list[Levels]:
    """The only stream of a system, which needs no summing up."""
    if len(run.results.streams) != 1:
        return []
    ((name, info),) = run.results.streams.items()
    return [Levels(name, 1, info.kbps, run.by_id.get(f"{name}.pnmi"), None)]


def _panel(how: str, curves: Iterable[tuple[str, list[tuple[float, Record | None]]]]) -> Panel:
    """A curve a system, of the numbers that there are."""
    series = (
        Series(
            system,
            tuple(Point.of(record, kbps) for kbps, record in points if record and math.isfinite(record.estimate)),
        )
        for system, points in curves
    )
    kept = tuple(one for one in series if one.points)
    return Panel(how, kept, x_title="kbit/s, nominal", y_title="share of H(phone)")


def levels_table(results: Results) -> Table:
    """The same for a terminal."""
    rows = []
    for each in levels_of(results):
        cells: Cells = (each.name, each.n, number_cell(each.kbps), spanned()(each.counted), spanned()(each.bound))
        rows.append(cells)
    heads = ("levels", "streams", "kbit/s", f"PNMI, {COUNTED} ± 95 %", f"{BOUNDED} ± 95 %")
    return result_table("levels", "Streams summed up: PNMI of levels together, silence kept", heads, rows)
