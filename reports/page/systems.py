"""Systems side by side: one row each, one column for each number that stands for a command."""

from __future__ import annotations

import math
from collections.abc import Callable

from analysis.results.schema import Record
from analysis.slices import slice_of
from reports.claims.above_chance import held_out_f1
from reports.document.boundary_scores import find_boundary
from reports.document.cells import EMPTY, chance_of, chance_text, interval_text, text_cell
from reports.document.order import first_of_levels
from reports.document.parts import Cell, Section, Table
from reports.document.result_table import Cells, result_table
from reports.document.runs import OF_TRAININGS, ORDER, ReportRun, Runs
from reports.document.titles import headed
from reports.page.missing_numbers import gaps_of

Finder = Callable[[ReportRun, str], Record | None]
LEAST_HOURS = 0.1
"""Less is written in minutes."""
MOST_STREAMS = 6
"""Streams that have rows of their own."""


def systems_section(runs: Runs) -> Section:
    """What was measured of which system, and the headline of every command for the first stream of each level."""
    parts = [_headlines(runs), _measured(runs)]
    wanted = (command for command in ORDER if command not in OF_TRAININGS and not runs.of(command))
    missing = [f"hac-analyze {command}: not among the runs of this report." for command in wanted]
    missing += gaps_of(runs)
    lead = (
        "The number with its 95 % interval; below it what chance scores. For a system with many streams: the first of "
        "a level."
    )
    return Section("systems", "Systems side by side", lead, tuple(part for part in parts if part.rows), tuple(missing))


def _headlines(runs: Runs) -> Table:
    finders = _finders(runs)
    rows: list[Cells] = []
    for system in runs.systems:
        for stream in _streams(runs, system):
            found = [find(run, stream) if (run := runs.get(system, command)) else None for command, _, find in finders]
            if any(found):
                rows.append((system, stream, *map(_cell, found)))
    heads = ("system", "stream or condition", *(title for _, title, _ in finders))
    note = "chance-corrected ± 95 %; below it what was counted, and what chance scores"
    return result_table("table-systems", "Headline numbers", heads, rows, note)


def _streams(runs: Runs, system: str) -> tuple[str, ...]:
    names = dict.fromkeys(name for run in runs.all if run.system == system for name in run.results.streams)
    conditions = runs.get(system, "recon")
    last = list(conditions.results.coverage.get("conditions", {}))[-1:] if conditions else []
    return (*first_of_levels(names)[:MOST_STREAMS], *last)


def _finders(runs: Runs) -> list[tuple[str, str, Finder]]:
    """Command, head and record of each column for which there is a run."""

    def by_id(metric: str) -> Finder:
        return lambda run, stream: run.by_id.get(f"{stream}.{metric}")

    def boundary(run: ReportRun, stream: str) -> Record | None:
        return find_boundary(run.scores, stream, "f1", run.scores.tiers[0])

    columns: list[tuple[str, str, Finder]] = [
        ("pnmi", headed("pnmi"), by_id("pnmi")),
        ("words", f"{headed('word_f1')}, code chosen on other speech", held_out_f1),
        ("boundaries", f"boundary {headed('boundary_f1')}", boundary),
        ("leakage", f"speaker: {headed('leakage')}", by_id("leakage[speaker]")),
        ("discovery", headed("discovery_token_f1"), by_id("discovery_token_f1")),
        ("usage", headed("perplexity"), by_id("perplexity")),
    ]
    measured = {record.id.rpartition(".")[2] for run in runs.of("recon") for record in run.by_id.values()}
    columns += [("recon", headed(name), by_id(name)) for name in slice_of("recon").headlines if name in measured][:3]
    return [column for column in columns if runs.of(column[0])]


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
    parts = [f"{counted:,} utterances" if counted is not None else "", _long(hours) if hours is not None else ""]
    partial = " (partial)" if run.results.status == "partial" else ""
    return text_cell(", ".join(part for part in parts if part) + partial or "done")


def _long(hours: float) -> str:
    """How long speech is; next to nothing in minutes."""
    return f"{hours:.2f} h" if hours >= LEAST_HOURS else f"{60 * hours:.1f} min"
