"""What the first screen says in sentences, by rule: who is best at what, what nothing here can do, what to distrust."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from analysis.metrics.registry import headlines_of
from analysis.results.records import RANK_INSTEAD, TOO_LITTLE_SPEECH, clusters_of, too_little_speech
from analysis.results.schema import Results
from probes.clusters import over_utterances
from reports.answers.questions import Answer, Answered, Bits
from reports.document.cells import interval_text
from reports.document.claim_rule import of_whom
from reports.document.headlines import headline_record
from reports.document.order import first_of_levels
from reports.document.reservations import FEW, is_fitted_on_scored
from reports.document.runs import OF_TRAININGS, ReportRun, Runs
from reports.document.titles import metric_title
from reports.render.escape import shortened

NAMED = 3
"""Systems of a sentence that are named, of those that share a place."""
MOST_LETTERS = 40
"""Of a name in a sentence."""


def sentences(found: Sequence[Answered], bits: Mapping[str, Bits]) -> Iterator[str]:
    """A sentence a question: the best, what is within noise of it, what is not; or that nothing is beyond chance."""
    for one in found:
        if ranked := one.ranked:
            yield _sentence(one, ranked, bits)


def _sentence(one: Answered, ranked: list[Answer], bits: Mapping[str, Bits]) -> str:
    rates = bits if one.command == "recon" else {}
    best, *others = ranked
    metric = metric_title(best.record.id)
    doubtful = [answer for answer in one.answers if answer.doubt and math.isfinite(answer.record.estimate)]
    unranked = f"; not ranked: {_listed(doubtful, rates)}" if doubtful else ""
    if one.is_nothing:
        most = f"at most {_listed([best], rates)}; {metric}"
        return f"Nothing here {one.question.does}, or next to nothing: {most}{unranked}."
    parts = {
        "within noise of it": [answer for answer in others if answer.place == "within noise of the best"],
        "behind it": [answer for answer in others if answer.place == "behind"],
    }
    rest = "".join(f"; {place}: {_listed(answers, rates)}" for place, answers in parts.items() if answers)
    does = one.question.does_best if others else one.question.does
    said = of_whom(does, best.run, best.record)
    return f"{_name(best.system)} {said} ({_number(best, rates)}; {metric}){rest}{unranked}."


def _number(answer: Answer, rates: Mapping[str, Bits]) -> str:
    """`.412 ± .010, phonetic`, and of sound the bits."""
    record, bits = answer.record, rates.get(answer.system)
    rate = f" at {bits.kbps:.3g} kbit/s" if bits else ""
    least = "at least " if answer.is_bound else ""
    return f"{least}{interval_text(record.estimate, record.ci_low, record.ci_high)}, {_name(answer.of)}{rate}"


def _listed(answers: Sequence[Answer], rates: Mapping[str, Bits]) -> str:
    """`B (.401 ± .012, units) and C (...)`; of more than a few, how many there are."""
    texts = [f"{_name(answer.system)} ({_number(answer, rates)})" for answer in answers[:NAMED]]
    return _joined([*texts, *([f"{len(answers) - NAMED} more"] if len(answers) > NAMED else [])])


def _joined(texts: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(texts[:-1]), *texts[-1:]) if part)


def _name(text: str) -> str:
    return shortened(text, MOST_LETTERS)


def distrusted(runs: Runs) -> Iterator[str]:
    """What must not be quoted without a word of caution, by name; runs that share a caution share a line."""
    measured = [run for run in runs.all if run.command not in OF_TRAININGS]
    found: dict[str, list[tuple[ReportRun, str]]] = {}
    for run in measured:
        for caution, what in _cautions(run):
            found.setdefault(caution, []).append((run, what))
    for caution, of in found.items():
        is_of_all = len(of) == len(measured) > 1 and not any(what for _, what in of)
        yield f"{'All numbers' if is_of_all else _whose(of)}: {caution}"


def _cautions(run: ReportRun) -> Iterator[tuple[str, str]]:
    """Each caution on a run, and which of its streams it is of, empty for all of it."""
    coverage = run.results.coverage
    speakers, counted = coverage.get("speakers"), coverage.get("utterances", {}).get("counted")
    if isinstance(counted, int) and counted < FEW:
        yield f"fewer than {FEW} utterances: nothing is ranked or claimed.", ""
    if speakers in (1, 2) or any(clusters_of(record)[1] == "utterance" for record in run.by_id.values()):
        yield f"{over_utterances(speakers)}: other speakers may differ.", ""
    if is_fitted_on_scored(run.results):
        yield "units fitted on the very speech that they are scored on: not ranked, and no claim rests on them.", ""
    if run.results.status == "partial":
        yield "the run is partial: some of its parts failed.", ""
    if is_of_older_version(run.results):
        yield "made by an older version, whose intervals did not hold: run the analysis again to have intervals.", ""
    if _shifts_within_utterances(run.results):
        yield (
            "made by an older version, whose null kept what each utterance holds as a whole: chance is a little high "
            "and the number a little low; run the analysis again to compare it with others.",
            "",
        )
    if little := _with_too_little_speech(run):
        yield f"{TOO_LITTLE_SPEECH}; {RANK_INSTEAD}.", ", ".join(map(_name, little))


def _with_too_little_speech(run: ReportRun) -> tuple[str, ...]:
    """The streams of whose headlines chance alone scores half and more: the first of each level."""
    first, entries = first_of_levels(run.results.streams), headlines_of(run.command).systems
    found = [headline_record(run, stream, entry) for stream in first for entry in entries]
    return tuple(dict.fromkeys(record.stream for record in found if record and too_little_speech(record)))


def is_of_older_version(results: Results) -> bool:
    """Whether intervals were left out that an older version made."""
    return any("of an older version" in record.note for record in results.metrics)


def _shifts_within_utterances(results: Results) -> bool:
    """Whether null draws are circular shifts within each utterance, as they were before they went over speakers."""
    nulls = [str(settings.get("null", "")) for settings in results.protocols.values()]
    return any(null.startswith("circular-shift") and "within each utterance" in null for null in nulls)


def _whose(of: Sequence[tuple[ReportRun, str]]) -> str:
    """`a and b (pnmi, words); c (leakage: units)`."""
    commands: dict[str, list[str]] = {}
    for run, what in of:
        commands.setdefault(run.system, []).append(f"{run.command}: {what}" if what else run.command)
    systems: dict[tuple[str, ...], list[str]] = {}
    for system, names in commands.items():
        systems.setdefault(tuple(names), []).append(_name(system))
    return "; ".join(f"{_joined(names)} ({', '.join(of)})" for of, names in systems.items())
