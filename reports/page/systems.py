"""Systems side by side: one row each, one column for each number that stands for a command."""

from __future__ import annotations

import math

from analysis.metrics.registry import HEADLINES, METRICS, metric_name
from analysis.results.schema import Record
from reports.document.cells import EMPTY, chance_of, chance_text, interval_text, text_cell
from reports.document.headlines import headline_record
from reports.document.number_format import long_text
from reports.document.order import first_of_levels
from reports.document.parts import Cell, Section, Table
from reports.document.result_table import Cells, result_table
from reports.document.runs import OF_TRAININGS, ORDER, ReportRun, Runs
from reports.document.titles import headed
from reports.page.missing_numbers import gaps_of

MOST_COLUMNS = 3
"""Numbers of one command."""


def systems_section(runs: Runs) -> Section:
    """What was measured of which system, and the headline of every command for the first stream of each level."""
    parts = [_headlines(runs), _measured(runs)]
    lead = (
        "The number with its 95 % interval; below it what chance scores. For a system with many streams: the first of "
        "a level."
    )
    shown = tuple(part for part in parts if part.rows)
    return Section("systems", "Systems side by side", lead, shown, tuple(gaps_of(runs)))


def _headlines(runs: Runs) -> Table:
    columns = _columns(runs)
    rows: list[Cells] = []
    for system in runs.systems:
        for stream in _streams(runs, system):
            found = [
                headline_record(run, stream, entry) if (run := runs.get(system, command)) else None
                for command, entry, _ in columns
            ]
            if any(found):
                rows.append((system, stream, *map(_cell, found)))
    heads = ("system", "stream or condition", *(head for _, _, head in columns))
    note = "chance-corrected ± 95 %; below it what was counted, and what chance scores"
    return result_table("table-systems", "Headline numbers", heads, rows, note)


def _streams(runs: Runs, system: str) -> tuple[str, ...]:
    names = dict.fromkeys(name for run in runs.all if run.system == system for name in run.results.streams)
    recon = runs.get(system, "recon")
    last = recon.conditions[-1:] if recon else ()
    return (*first_of_levels(names), *last)


def _columns(runs: Runs) -> list[tuple[str, str, str]]:
    """Command, headline and head of each column, in the order of the questions: of every command what was measured."""
    columns: list[tuple[str, str, str]] = []
    for command, headlines in HEADLINES.items():
        measured = {metric_name(id) for run in runs.of(command) for id in run.by_id}
        found = [(entry, head) for entry, head in headlines.systems.items() if metric_name(entry) in measured]
        columns += [(command, entry, head.format(headed(metric_name(entry)))) for entry, head in found[:MOST_COLUMNS]]
    return sorted(columns, key=lambda column: METRICS[metric_name(column[1])].rank)


def _cell(record: Record | None) -> Cell:
    if record is None:
        return EMPTY
    chance = f"\n{chance_text(record)}" if math.isfinite(record.null_mean) else ""
    text = interval_text(record.estimate, record.ci_low, record.ci_high) + chance
    around = (("low", record.ci_low), ("high", record.ci_high), *chance_of(record))
    return Cell(text, record.estimate, more=around)


def _measured(runs: Runs) -> Table:
    """Which commands were run on which system, and on how much speech."""
    given = {run.command for run in runs.all}
    commands = tuple(command for command in ORDER if command in given and command not in OF_TRAININGS)
    rows: list[Cells] = [
        (system, *(_speech(runs.get(system, command)) for command in commands)) for system in runs.systems
    ]
    note = "utterances counted, and how long they are"
    return result_table("table-measured", "What was measured", ("system", *commands), rows, note)


def _speech(run: ReportRun | None) -> Cell:
    if run is None:
        return text_cell("missing", "warn")
    counted = run.results.coverage.get("utterances", {}).get("counted")
    hours = run.results.coverage.get("hours", {}).get("counted")
    parts = [f"{counted:,} utterances" if counted is not None else "", long_text(hours) if hours is not None else ""]
    partial = " (partial)" if run.results.status == "partial" else ""
    return text_cell(", ".join(part for part in parts if part) + partial or "done")
