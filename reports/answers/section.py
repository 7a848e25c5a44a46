"""The first section: what was measured, a number a system and question, sentences, and what to distrust."""

from __future__ import annotations

import math

from reports.answers.questions import Answer, Answered, Bits, answered, bits_of
from reports.answers.sentences import distrusted, sentences
from reports.document.cells import EMPTY, interval_text
from reports.document.number_format import figures, long_text
from reports.document.parts import Cell, Mark, Section, Statements, Table
from reports.document.result_table import Cells, result_table
from reports.document.runs import OF_TRAININGS, ReportRun, Runs
from reports.document.titles import ARROWS
from reports.provenance.section import warnings_of
from reports.render.escape import shortened

NAME_LETTERS = 24
"""Of a stream in a cell."""
REASON_LETTERS = 80
"""Of a reason in a cell."""
MOST_COUNTS = 3
"""Amounts of speech that the lead names."""


def answer_section(runs: Runs) -> Section:
    """The first screen; without parts where there is no system."""
    found, bits = answered(runs), bits_of(runs)
    parts: list[Table | Statements] = [
        _table(runs, found, bits),
        Statements("answer-sentences", "In words", tuple(sentences(found, bits))),
        Statements("answer-distrust", "What to distrust", tuple(distrusted(runs)), is_caution=True),
    ]
    links = [("verdict", "Every claim with its verdict"), ("terms", "What the words and numbers mean")]
    if n := len(warnings_of(runs)):
        links.append(("warnings", f"{n} warning{'s' * (n > 1)} of the runs: read before quoting a number"))
    shown = tuple(part for part in parts if (part.rows if isinstance(part, Table) else part.lines))
    return Section("answer", "The answer", _lead(runs), shown, links=tuple(links))


def _lead(runs: Runs) -> str:
    """What was measured, of what, and on how much speech."""
    n = len(runs.systems)
    of: dict[str, dict[str, None]] = {}
    for run in runs.all:
        if run.command not in OF_TRAININGS:
            of.setdefault(_speech(run), {})[run.command] = None
    amounts = sorted(of.items(), key=lambda one: -len(one[1]))
    said = [f"{speech} ({', '.join(commands)})" for speech, commands in amounts[:MOST_COUNTS] if speech]
    more = "; and other amounts, see What was measured" if len(amounts) > MOST_COUNTS else ""
    return f"{n} system{'s' * (n != 1)}, measured on {'; '.join(said)}{more}." if said else f"{n} systems."


def _speech(run: ReportRun) -> str:
    """`549 utterances, 0.40 h, 1 speaker, en`."""
    coverage = run.results.coverage
    counted, speakers = coverage.get("utterances", {}).get("counted"), coverage.get("speakers")
    hours, languages = coverage.get("hours", {}).get("counted"), coverage.get("languages") or []
    parts = [
        _plural(counted, "utterance"),
        long_text(hours) if isinstance(hours, int | float) else "",
        _plural(speakers, "speaker"),
        ", ".join(shortened(str(one), 12) for one in languages),
    ]
    return ", ".join(part for part in parts if part)


def _plural(n: object, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}" if isinstance(n, int) else ""


def _table(runs: Runs, found: list[Answered], bits: dict[str, Bits]) -> Table:
    by_question = [{one.system: one for one in each.answers} for each in found]
    rows: list[Cells] = [
        (
            system,
            *(_cell(answers.get(system), each) for answers, each in zip(by_question, found, strict=True)),
            _bits_cell(bits.get(system)),
        )
        for system in runs.systems
    ]
    heads = ("system", *map(_head, found), "bits: kbit/s, nominal")
    note = (
        "Of the best stream (phones: or of streams together, a..b); speaker: of the one with most information; sound: "
        "of the last condition. ± 95 %, chance-corrected where that can be. ✓: the best, and what is within noise of "
        "it (Holm over the table). kbit/s: log2 of codebooks' sizes."
    )
    shown = rows if found or bits else ()
    return result_table("table-answer", "Systems by question", heads, shown, note, cards=True)


def _head(one: Answered) -> str:
    return f"{one.question.head}: {one.metric.title}{ARROWS[one.metric.better]}"


def _cell(answer: Answer | None, of: Answered) -> Cell:
    if answer is None:
        return EMPTY
    record = answer.record
    known = math.isfinite(record.estimate)
    number = interval_text(record.estimate, record.ci_low, record.ci_high) if known else "not defined"
    place = f"{'not ranked: ' * known}{shortened(answer.doubt, REASON_LETTERS)}" if answer.doubt else answer.place
    is_leak = of.metric.better == "none"
    if is_leak and not answer.doubt:
        place = place.replace("the best", "the most").replace("best", "most")
    said = answer.chance if place == "behind" else place
    number = f"at least {number}" if answer.is_bound else number
    best = answer.best_stream
    stream = f"one stream: {shortened(best.of, NAME_LETTERS)} {figures(best.record.estimate)}" if best else ""
    lines = [number, shortened(" ".join(answer.of.split()), NAME_LETTERS), stream, said]
    mark: Mark = "good" if not is_leak and answer.place in ("best", "within noise of the best") else ""
    around = (("low", record.ci_low), ("high", record.ci_high), ("counted", record.value), ("chance", record.null_mean))
    text = "\n".join(line for line in lines if line)
    return Cell(text, record.estimate, mark, more=around, links=of.command)


def _bits_cell(bits: Bits | None) -> Cell:
    return (
        Cell(f"{bits.kbps:.3g}\n{shortened(bits.of, NAME_LETTERS)}", bits.kbps, links=bits.command) if bits else EMPTY
    )
