"""Words that codes detect: ranked, each beside its null and interval; those whose detections can be heard open them."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.metrics.registry import METRICS, metric_name
from analysis.results.records import beyond_nulls
from analysis.results.schema import Null, Record
from hac.errors import HacError
from reports.document.cells import (
    chance_cell,
    counted_cell,
    estimate_cell,
    interval_cell,
    n_cell,
    null_cell,
    number_cell,
    text_cell,
)
from reports.document.claim_rule import beyond_chance
from reports.document.order import first_of_levels, level_of
from reports.document.part_ids import part_id
from reports.document.parts import Cell, Chart, Panel, Point, Section, Series, Table, no_run
from reports.document.result_table import Row, Shown, only, record_table, result_table
from reports.document.runs import ReportRun, Runs
from reports.document.titles import headed, metric_title
from reports.listen.section import Listening
from reports.render.csv_files import plain

SHOWN = 40
"""Words of a system that the table shows."""
MAX_RANKS = 250
RANKS = frozenset(round(MAX_RANKS ** (i / 59)) for i in range(60))
"""Ranks of a curve: evenly spread over the logarithm."""
SUMMARY = ("detected_words", "word_f1_top250", "word_f1", "word_nmi", "word_ncmi")
LATER = ("null_sd", "null_heldout_sd", "heldout_ci_low", "heldout_ci_high")
"""Columns that runs of older versions lack."""
PREFERRED = ("lexical", "phonetic")
"""Levels whose words are listed, if there are any."""

Opens = Mapping[tuple[str, str, int, str], str]
"""Id of what can be heard, by system, stream, code and word."""


@dataclass(frozen=True)
class WordRow:
    """A line of `words.csv`."""

    stream: str
    definition: str
    rank: int
    word: str
    language: str
    code: int
    count: int
    f1: float
    null: float
    held_out: float
    held_out_null: float
    null_sd: float
    held_out_null_sd: float
    held_out_low: float
    held_out_high: float


def sections(runs: Runs, listening: Listening) -> tuple[Section, ...]:
    """The sections of this measure on a page: words, and their detections to hear."""
    words = words_section(runs, listening.opens)
    return (replace(words, parts=(*words.parts, *listening.detections)),)


def words_section(runs: Runs, opens: Opens) -> Section:
    """Detection by codes: a summary, F1 by rank beside its null, and the best words.

    Args:
        runs: of the report.
        opens: what can be heard.
    """
    found = runs.of("words")
    title = "Words that codes detect"
    if not found:
        return Section("words", title, "", missing=(no_run("words"),))
    parts: list[Table | Chart] = [_summary(found)]
    missing, lists = [], {}
    for run in found:
        path = run.folder / "words.csv"
        if path.is_file():
            lists[run.system] = read_words(path, {key[1:] for key in opens if key[0] == run.system})
        else:
            missing.append(f"{run.system}: words.csv is not in the run's folder, so single words are not shown.")
    if any(lists.values()):
        parts.append(_rank_chart(lists))
    parts += [table for run in found if (table := _best(run, lists.get(run.system, []), opens))]
    if not opens:
        missing.append("No sound of a detection was kept by the runs (listen/clips.json), so words cannot be played.")
    lead = (
        "A code detects a word if it fires when the word is spoken. Held out: the code is chosen on one half of the "
        "speakers and scored on the other, which is the honest number."
    )
    hint = "Choose a word to play where its code fires."
    return Section("words", title, lead, tuple(parts), tuple(missing), hint=hint)


def read_words(path: Path, heard: Collection[tuple[str, int, str]] = ()) -> list[WordRow]:
    """The lines of a `words.csv` whose rank is shown or which can be heard.

    Args:
        path: the file.
        heard: stream, code and word of what can be heard.

    Raises:
        HacError: it is not one of ours.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.reader(stream)
            names = next(rows, [])
            rank = names.index("rank")
            # a corpus has many more words than are shown: most lines are not looked at any further
            lines = [dict(zip(names, row, strict=True)) for row in rows if heard or int(row[rank]) <= MAX_RANKS]
        return [_row(line) for line in lines if int(line["rank"]) <= MAX_RANKS or _key(line) in heard]
    except (OSError, ValueError, LookupError, TypeError, csv.Error) as error:
        raise HacError(f"{path}: not a words.csv of hac-analyze ({error!r}); run hac-analyze words again") from error


def _key(line: Mapping[str, str]) -> tuple[str, int, str]:
    return plain(line["stream"]), int(line["code"] or -1), plain(line["word"])


def _row(line: Mapping[str, str]) -> WordRow:
    def number(name: str) -> float:
        text = line.get(name, "") if name in LATER else line[name]
        return float(text) if text else math.nan

    return WordRow(
        plain(line["stream"]),
        line["definition"],
        int(line["rank"]),
        plain(line["word"]),
        plain(line["language"]),
        int(line["code"]) if line["code"] else -1,
        int(line["count"]),
        number("f1"),
        number("null"),
        number("f1_heldout"),
        number("null_heldout"),
        number("null_sd"),
        number("null_heldout_sd"),
        number("heldout_ci_low"),
        number("heldout_ci_high"),
    )


def _summary(found: Sequence[ReportRun]) -> Table:
    fields = (
        ("words or frames", "", n_cell),
        ("number ± 95 %", "", _value),
        ("counted", "", counted_cell),
        ("chance ± sd", "", null_cell),
        ("beyond chance", "", _judged),
    )
    rows: list[Row] = []
    for run in found:
        shown = first_of_levels(run.results.streams)
        records = [r for r in run.by_id.values() if metric_name(r.id) in SUMMARY and r.stream in shown]
        records.sort(key=lambda record: shown.index(record.stream))
        rows += [((run.system, record.stream, metric_title(record.id)), only(record)) for record in records]
    note = (
        "In brackets: the definition of detection (see the protocol card), and whether codes were chosen on other "
        "speech. Codes and the best 250 words are held fixed in the intervals."
    )
    heads = ("system", "stream", "metric")
    return record_table("table-words", "Detection and information", heads, fields, rows, note)


def _judged(record: Record | None) -> Cell:
    verdict = {"supported": "yes", "not supported": "no"}.get(beyond_chance(record), "-") if record else ""
    return text_cell(verdict, "null" if verdict == "no" else "")


def _value(record: Record | None) -> Cell:
    """A record's value with its interval; a count of words without decimals."""
    cell = estimate_cell(record)
    if record is None or METRICS[metric_name(record.id)].unit != "words" or not math.isfinite(record.value):
        return cell
    return replace(cell, text=f"{record.value:.1f}".removesuffix(".0"))


def _chosen(rows: Sequence[WordRow]) -> list[WordRow]:
    """The rows under the first definition."""
    return [row for row in rows if row.definition == rows[0].definition]


def _rank_chart(lists: Mapping[str, list[WordRow]]) -> Chart:
    """F1 by rank, a panel a level's first stream: every word stands beside what chance gives that word."""
    streams = first_of_levels(row.stream for rows in lists.values() for row in rows)
    panels = []
    for stream in streams:
        series = []
        for system, rows in lists.items():
            if mine := [row for row in _chosen(rows) if row.stream == stream and row.rank in RANKS] if rows else []:
                series.append(Series(system, tuple(_ranked(row) for row in mine)))
        panels.append(Panel(stream, tuple(series), x_title="word, by rank", y_title=headed("word_f1")))
    note = "line: F1 of each word's best code, as counted; dotted: what chance gives that word, with 3 sd"
    return Chart("chart-words", "F1 of words by rank", "lines", tuple(panels), note, x_log=True)


def _ranked(row: WordRow) -> Point:
    return Point(row.f1, null=row.null, null_sd=row.null_sd, x=float(row.rank))


def _best(run: ReportRun, rows: Sequence[WordRow], opens: Opens) -> Table | None:
    """The best words of the level that is meant to hold words; words that can be heard come whatever their rank."""
    if not rows:
        return None
    chosen = _chosen(rows)
    streams = first_of_levels(row.stream for row in chosen)
    stream = next((s for level in PREFERRED for s in streams if level_of(s) == level), streams[0])

    def key(row: WordRow) -> str:
        return opens.get((run.system, row.stream, row.code, row.word), "")

    heard = [row for row in chosen if row.stream != stream and key(row)]
    mine = [row for row in chosen if row.stream == stream]
    shown = [row for i, row in enumerate(mine) if i < SHOWN or key(row)] + heard
    heads = ("word", "language", "stream", "rank", "code", "tokens", "F1", "chance ± sd", "held out ± 95 %")
    title = f"{run.system}: best words of {stream}, {chosen[0].definition}"
    note = f"{len(shown)} words; all that were scored are in the run's words.csv"
    lines = [_best_row(row, key(row)) for row in shown]
    return result_table(part_id("words", run.system), title, (*heads, "chance ± sd, held out"), lines, note)


def _best_row(row: WordRow, opens: str) -> tuple[Shown, ...]:
    clear = beyond_nulls(row.f1, [Null(mean=row.null, sd=row.null_sd)])
    return (
        text_cell(row.word, opens=opens),
        *(row.language, row.stream, row.rank, row.code, row.count),
        number_cell(row.f1, "" if clear else "null"),
        chance_cell(row.null, row.null_sd),
        interval_cell(row.held_out, row.held_out_low, row.held_out_high),
        chance_cell(row.held_out_null, row.held_out_null_sd),
    )
