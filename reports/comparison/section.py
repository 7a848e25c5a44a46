"""Differences between systems: of every headline number that two runs of a command have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from analysis.comparison.differences import Difference, compare
from analysis.comparison.runs import Run
from analysis.comparison.streams import at_equal_bits
from analysis.metrics.registry import headlines_of
from analysis.reconstruction.inputs import REFERENCE
from analysis.results.schema import Record
from analysis.slices import slice_of
from reports.comparison.comparable_runs import alike, as_run, unlike_streams
from reports.comparison.matched_streams import matches_of
from reports.comparison.parts import NOTE, difference_chart, difference_table, stream_of
from reports.comparison.sweep_section import ablation_parts
from reports.document.headlines import entries_of, is_headline
from reports.document.order import first_of_levels
from reports.document.part_ids import part_id
from reports.document.parts import Chart, Section, Table
from reports.document.reservations import reservation
from reports.document.runs import OF_TRAININGS, ReportRun, Runs
from reports.listen.section import Listening


def sections(runs: Runs, _: Listening) -> tuple[Section, ...]:
    """The sections of this measure on a page."""
    return (difference_section(runs),)


def difference_section(runs: Runs) -> Section:
    """Every command that two systems or more ran, each number against the first that has it; then sweeps."""
    missing: list[str] = []
    parts: list[Table | Chart] = list(ablation_parts(runs, is_shown_of_sweep, missing))
    for command in dict.fromkeys(run.command for run in runs.all if run.command not in OF_TRAININGS):
        parts += _of_command(runs, command, missing)
    if len(runs.systems) < 2 and not parts:
        missing.append("One system only: differences need runs of a second one, such as an ablation.")
    elif not parts and not missing:
        missing.append("No number was measured on two systems.")
    lead = (
        "Each number against that of the first system which has it, draw by draw over the same speakers where both "
        "counted the same speech. p is corrected for all differences of a table (Holm), in a sweep for all of the "
        "sweep."
    )
    return Section("differences", "Differences between systems", lead, tuple(parts), tuple(missing))


def _of_command(runs: Runs, command: str, missing: list[str]) -> Iterator[Table | Chart]:
    """A table and a figure for each system that is the first to have a number which others have too."""
    found = runs.of(command)
    first: dict[str, str] = {}
    for run in found:
        for id in run.by_id:
            first.setdefault(id, run.system)
    held: set[str] = set()
    doubtful: list[ReportRun] = []
    for place, base in enumerate(found):
        if command == "recon" and base.system in held:
            continue  # its depths were held against an earlier system's, at equal bits: so are those of all others
        chosen, notes = [as_run(base)], []
        for other in found[place + 1 :]:
            matched, how = _matched(base, other)
            if unlike := [
                name for name in first_of_levels(other.results.streams) if name in unlike_streams(base, other)
            ]:
                missing.append(
                    f"{', '.join(unlike)} of {other.system} and of {base.system} have unlike bits, and are parts of "
                    "systems: they are not set against each other; see streams summed up."
                )
            shared = any(_is_shown(command, base, record, first) for record in matched.results.metrics)
            if shared and (why := alike(base, other)).comparable:
                doubtful += [run for run in (base, other) if reservation(run)]
                chosen.append(matched)
                held.add(other.system)
                notes += [how] if how else []
            elif shared:
                missing.append(
                    f"hac-analyze {command}: {why.why}; see `hac-analyze compare --allow-data --allow-protocol`."
                )
        if len(chosen) > 1:
            title = f"{command}: differences to {base.system}"
            yield from _compared(
                part_id(command, base.system), title, chosen, partial(_is_shown, command, base, first=first), notes
            )
    lines = (f"{run.system}, {command}: {reservation(run)}, so no claim rests on its differences." for run in doubtful)
    missing += dict.fromkeys(lines)
    yield from _of_matches(runs, command)


def _of_matches(runs: Runs, command: str) -> Iterator[Table | Chart]:
    """A table and a figure for each system whose streams those of others are held against by name."""
    found = list(matches_of(runs, command)) if slice_of(command).by_stream else []
    for base in dict.fromkeys(match.base.system for match in found):
        of_base = [match for match in found if match.base.system == base]
        run = of_base[0].base
        pairs = ", ".join(dict.fromkeys(f"{a} against {b}" for match in of_base for a, b in match.pairs.items()))
        chosen = [as_run(run), *(match.run for match in of_base)]
        id, title = part_id(f"{command}-match", base), f"{command}: {pairs} of {base}"
        yield from _compared(id, title, chosen, partial(_is_of_base, command, run))


def _matched(base: ReportRun, other: ReportRun) -> tuple[Run, str]:
    """A run as it is held against another: reconstructions of one rate, not of one name; no streams of unlike bits."""
    run, unlike = as_run(other), unlike_streams(base, other)
    if unlike:
        alike_ones = [record for record in run.results.metrics if record.stream not in unlike]
        run = replace(run, results=run.results.model_copy(update={"metrics": alike_ones}))
    if other.command != "recon":
        return run, ""
    run, held = at_equal_bits(as_run(base), run)
    return run, f"{other.system} {held}" if held else ""


def _is_shown(command: str, base: ReportRun, record: Record, first: dict[str, str]) -> bool:
    return first.get(record.id) == base.system and _is_of_base(command, base, record)


def _is_of_base(command: str, base: ReportRun, record: Record) -> bool:
    """Whether a record of the whole corpus is a headline of the base."""
    if record.group or record.id not in base.by_id or record.stream == REFERENCE:
        return False
    if slice_of(command).by_stream and record.stream not in first_of_levels(base.results.streams):
        return False
    return is_headline(record.id, entries_of(base, headlines_of(command).differences))


def is_shown_of_sweep(one: Difference, streams: Sequence[str]) -> bool:
    """Whether a difference of a sweep is shown: of the whole corpus, of one of these streams, under one protocol."""
    if one.group or (slice_of(one.analysis).by_stream and stream_of(one.id) not in streams):
        return False
    headlines = headlines_of(one.analysis)
    return is_headline(one.id, headlines.differences if headlines.sweep is None else headlines.sweep)


def _compared(
    id: str, title: str, chosen: Sequence[Run], wanted: Callable[[Record], bool], notes: Sequence[str] = ()
) -> Iterator[Table | Chart]:
    """A table and a figure of the differences to the first of the chosen runs, where there are any."""
    if found := compare(chosen, wanted):
        yield difference_table(f"differences-{id}", title, chosen[0].name, found, "; ".join((NOTE, *notes)))
        yield difference_chart(f"chart-differences-{id}", title, found)
