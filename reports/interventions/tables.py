"""What `hac-analyze intervene` prints: levels and interventions down, effects across."""

from __future__ import annotations

import math

from rich.console import RenderableType

from analysis.interventions.effects import CHANGE
from analysis.metrics.registry import METRICS
from analysis.results.schema import Record, Results
from probes.tokens.interventions import ALL
from reports.document.cells import EMPTY, chance_text
from reports.document.number_format import spanned
from reports.document.parts import Cell, Table
from reports.document.result_table import Cells, result_table, whole_corpus
from reports.render.tables import printed

TABLES = {
    "words and phones": ("own_wer", "partner_wer", "phone_accuracy", "phone_information", "phone_kept"),
    "voice and pitch": ("source_similarity", "partner_similarity", "source_f0", "partner_f0", "source_voicing"),
    "sound": ("opinion", "keep_stoi", "keep_mel"),
}
"""Effects that stand side by side, by the table's title."""


def intervene_table(results: Results) -> RenderableType:
    """Every condition, a table for each group of effects that were measured."""
    by_id = whole_corpus(results)
    measured = {of_id(id)[1] for id in by_id}
    tables = [
        _table(f"{results.system}: {title}, 95 % intervals", shown, by_id)
        for title, effects in TABLES.items()
        if (shown := [effect for effect in effects if effect in measured])
    ]
    legend = (
        "below each number: as counted where it is chance-corrected, chance (other speakers' audio; phones: circular "
        "shifts), and Δ, the difference to keep over the same utterances; * where its interval leaves out zero"
    )
    return printed(results, tables, legend)


def _table(title: str, effects: list[str], by_id: dict[str, Record]) -> Table:
    rows: list[Cells] = [
        ("" if level == ALL else level, how, *(_cell(by_id, level, effect, how) for effect in effects))
        for level, how in conditions_of(by_id)
    ]
    heads = ("level", "intervention", *(METRICS[effect].title for effect in effects))
    return result_table("-".join(effects), title, heads, rows)


def conditions_of(by_id: dict[str, Record]) -> list[tuple[str, str]]:
    """Level and intervention of every condition, in the order of the results."""
    return list(dict.fromkeys((level, intervention) for level, _, intervention in map(of_id, by_id)))


def of_id(id: str) -> tuple[str, str, str]:
    """Level, effect and intervention of a record's id, `<level>.<effect>[<intervention>]`."""
    name, _, intervention = id.rpartition("[")
    level, _, effect = name.rpartition(".")
    return level, effect, intervention.rstrip("]")


def _cell(by_id: dict[str, Record], level: str, effect: str, intervention: str) -> Cell:
    record = by_id.get(f"{level}.{effect}[{intervention}]")
    if record is None:
        return EMPTY
    change = by_id.get(f"{level}.{effect}{CHANGE}[{intervention}]")
    below = [chance_text(record)] if METRICS[effect].has_null else []
    if change is not None and math.isfinite(change.value):
        below.append(f"Δ {change.value:+.3f}{'*' if is_clear(change) else ''}")
    return Cell("\n".join([spanned()(record).text, *below]), record.estimate)


def is_clear(change: Record) -> bool:
    """Whether the interval of a difference leaves out zero."""
    return change.ci_low > 0 or change.ci_high < 0
