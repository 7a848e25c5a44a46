"""The end of the page: protocols, coverage, failures by reason, warnings, provenance."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from reports.document.cells import EMPTY
from reports.document.parts import Cell, Column, Facts, Section
from reports.document.result_table import Shown, result_table
from reports.document.runs import ReportRun, Runs

LEFT_OUT = ("run",)
"""Parts of the provenance that say how the program was started, not where numbers come from."""
MOST_ENTRIES = 40
"""A list of more entries, such as a hash for each utterance, stands as its number and one hash of all."""


def protocol_section(runs: Runs) -> Section:
    """What each protocol name means; runs of a command with the same settings share a card."""
    cards: dict[tuple[str, str], list[ReportRun]] = {}
    for run in runs.all:
        if run.results.protocols:
            key = json.dumps(run.results.protocols, ensure_ascii=False, sort_keys=True)
            cards.setdefault((run.command, key), []).append(run)
    parts = []
    for i, ((command, _), sharing) in enumerate(cards.items()):
        protocols = sharing[0].results.protocols
        facts = (("protocols", ", ".join(protocols)), *_settings(protocols))
        parts.append(Facts(f"protocol-{i}", f"{command}: {', '.join(run.system for run in sharing)}", facts))
    lead = "How each number was measured. A number without it cannot be compared."
    return Section("protocols", "Protocol card", lead, tuple(parts))


def _settings(protocols: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The settings of several protocols: what all of them share, then the rest with its protocol's name."""
    each = {name: dict(flat(settings)) for name, settings in protocols.items()}
    first = next(iter(each.values()))
    shared = {key: value for key, value in first.items() if all(one.get(key) == value for one in each.values())}
    yield from shared.items()
    for name, settings in each.items():
        yield from ((f"{name} · {key}", value) for key, value in settings.items() if key not in shared)


def coverage_section(runs: Runs) -> Section:
    """How much of the corpus each run counted, and its warnings."""
    heads = ("system", "command", "state", "utterances counted", "in the manifest", "hours", "speakers", "languages")
    parts = [result_table("table-coverage", "Coverage", heads, map(_coverage, runs.all))]
    if warnings := warnings_of(runs):
        columns = (Column("warning", most=1000), Column("of", most=1000))
        rows = ((text, ", ".join(of)) for text, of in warnings.items())
        parts.append(result_table("warnings", "Warnings of the runs", columns, rows, cards=True))
    return Section("coverage", "Coverage", "How much speech is behind the numbers.", tuple(parts))


def warnings_of(runs: Runs) -> dict[str, list[str]]:
    """What a reader must know before quoting a number, and which runs say so."""
    found: dict[str, list[str]] = {}
    for run in runs.all:
        for text in run.results.warnings:
            found.setdefault(text, []).append(f"{run.system} {run.command}")
    return found


def _coverage(run: ReportRun) -> tuple[Shown, ...]:
    coverage = run.results.coverage
    utterances = coverage.get("utterances", {})
    hours = coverage.get("hours", {}).get("counted")
    return (
        *(run.system, run.command, run.results.status),
        _count(utterances.get("counted")),
        _count(utterances.get("in_manifest")),
        Cell(f"{hours:.3f}", hours) if hours is not None else EMPTY,
        _count(coverage.get("speakers")),
        ", ".join(coverage.get("languages", [])),
    )


def _count(n: Any) -> Shown:
    return n if isinstance(n, int) else EMPTY


def failure_section(runs: Runs) -> Section:
    """What could not be used, by reason, with examples."""
    rows = [
        (run.system, run.command, reason, n, _example(run, reason))
        for run in runs.all
        for reason, n in run.results.failures.items()
    ]
    notes = () if rows else ("Nothing failed in any run.",)
    heads = ("system", "command", "reason", "items", "for example")
    parts = (result_table("table-failures", "Failures by reason", heads, rows),) if rows else ()
    return Section("failures", "Failures by reason", "What was left out, counted, and why.", parts, notes=notes)


def _example(run: ReportRun, reason: str) -> str:
    first = next((item for item in run.results.failed if item.get("reason") == reason), {})
    return ": ".join(part for part in (first.get("id", ""), first.get("detail", "")) if part)


def provenance_section(runs: Runs) -> Section:
    """Where the numbers come from: inputs with hashes, versions, options; what several runs share stands once."""
    of: dict[tuple[str, str], list[ReportRun]] = {}
    for run in runs.all:
        for key, value in run.results.provenance.items():
            if key not in LEFT_OUT:
                of.setdefault((key, json.dumps(value, ensure_ascii=False)), []).append(run)
    cards: dict[tuple[int, ...], dict[str, Any]] = {}
    for (key, value), sharing in of.items():
        cards.setdefault(tuple(map(runs.all.index, sharing)), {})[key] = json.loads(value)
    ordered = sorted(cards.items(), key=lambda card: (-len(card[0]), card[0]))
    parts = [
        Facts(f"provenance-{i}", _whose(places, runs), tuple(flat(facts))) for i, (places, facts) in enumerate(ordered)
    ]
    lead = "Inputs with their hashes, options, versions, and what made tokens and alignments."
    return Section("provenance", "Provenance", lead, tuple(part for part in parts if part.items))


def _whose(places: tuple[int, ...], runs: Runs) -> str:
    if len(places) == len(runs.all):
        return "All runs"
    commands: dict[str, list[str]] = {}
    for place in places:
        commands.setdefault(runs.all[place].system, []).append(runs.all[place].command)
    return "; ".join(f"{system}, {', '.join(of)}" for system, of in commands.items())


def flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of nested settings, in the file's order: `inputs · manifest · sha256`."""
    for key, value in settings.items():
        name = f"{above} · {key}" if above else str(key)
        if isinstance(value, Mapping) and len(value) > MOST_ENTRIES and not _holds_more(value):
            yield name, _digest(value)
        elif isinstance(value, Mapping):
            yield from flat(value, name)
        elif value is not None and value != []:
            yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _holds_more(settings: Mapping[str, Any]) -> bool:
    return any(isinstance(value, Mapping) for value in settings.values())


def _digest(entries: Mapping[str, Any]) -> str:
    """How many entries, and a hash of their canonical JSON: two runs of the same hash have the same entries."""
    canonical = json.dumps(entries, sort_keys=True, separators=(",", ":"))
    return (
        f"{len(entries)} entries, all in the run's results.json; SHA-256 of their JSON with sorted keys: "
        f"{hashlib.sha256(canonical.encode()).hexdigest()}"
    )
