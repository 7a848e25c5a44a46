"""The questions of the first screen, and the number with which each system answers them.

A number is a headline of `metrics.yaml`: of each question the first that most systems have. Of a system it is that of
its best stream, of phones also that of several streams together (counted jointly, or at least so much), of speaker
leakage that of the stream that leaks most, of sound and intelligibility that of the last condition of decoding. The
best answer, and what differs from it by no more than noise, are marked alike: differences are paired where both runs
counted the same utterances, and p is corrected by Holm's rule for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from analysis.comparison.differences import Difference, with_verdicts
from analysis.inputs.request import JOINER
from analysis.metrics.metric import Metric
from analysis.metrics.registry import HEADLINES, METRICS, metric_name
from analysis.pnmi.cumulative import BOUND
from analysis.results.records import reason_of
from analysis.results.schema import Record
from analysis.slices import slice_of
from reports.comparison.comparable_runs import alike
from reports.document.claim_rule import LEAST, NO_INTERVAL, beyond_chance, size_of
from reports.document.headlines import headline_record
from reports.document.order import first_of_levels
from reports.document.reservations import held_against, reservation
from reports.document.runs import ReportRun, Runs
from reports.pnmi.levels import levels_of, of_system

NOMINAL = "kbps[nominal]"
UNKNOWN = "a metric of a later version"
"""Why a number is not ranked of which this version knows no better side."""
Chance = Literal["", "no more than chance", "next to chance"]
Place = Literal["best", "within noise of the best", "behind", "not ranked"]


@dataclass(frozen=True)
class Question:
    """What is asked, in words.

    Attributes:
        name: as metrics have it, one of `analysis.metrics.metric.QUESTIONS`.
        head: over its column.
        does: what a system does that answers it.
        does_best: and what the best of several does.
        all_streams: whether every stream is looked at, and not the first of each level only.
        stream: the only stream or condition that is looked at; empty: by the rule.
    """

    name: str
    head: str
    does: str
    does_best: str
    all_streams: bool = False
    stream: str = ""


QUESTIONS = (
    Question("phones", "phones", "carries information on phones", "carries most information on phones"),
    Question("words", "words", "detects words", "detects words best"),
    Question(
        "leakage",
        "speaker leakage",
        "carries information on the speaker (or the recording session)",
        "carries most information on the speaker (or the recording session)",
        all_streams=True,
    ),
    Question("sound", "sound", "sounds like its original", "sounds best"),
    Question("intelligibility", "intelligibility", "is understood", "is understood best"),
)
"""In the order of the columns."""


@dataclass(frozen=True)
class Answer:
    """How a system answers a question.

    Attributes:
        run: where the number is from.
        record: the number.
        of: stream or condition.
        doubt: why it is not ranked.
        place: among the answers of all systems; `behind` also where there is nothing to compare.
        chance: whether it is no more than chance, or so little more that a claim of it would be slight.
        best_stream: where the number is of several streams, the answer of the best one.
    """

    run: ReportRun
    record: Record
    of: str
    doubt: str = ""
    place: Place = "behind"
    chance: Chance = ""
    best_stream: Answer | None = None

    @property
    def is_bound(self) -> bool:
        """Whether the number is a lower bound of what the system tells."""
        return metric_name(self.record.id) == BOUND

    @property
    def system(self) -> str:
        """Whose answer it is."""
        return self.run.system

    @property
    def is_ranked(self) -> bool:
        """Whether it can be the best."""
        return not self.doubt


@dataclass(frozen=True)
class Answered:
    """A question with the answers of the systems that have one, the metric, and the command that measured it."""

    question: Question
    metric: Metric
    command: str
    answers: tuple[Answer, ...]

    @property
    def is_lower_better(self) -> bool:
        """Whether the best answer is the lowest."""
        return self.metric.better == "lower"

    @property
    def is_nothing(self) -> bool:
        """Whether no answer that can be ranked is beyond chance: then none is the best."""
        return all(one.chance for one in self.answers if one.is_ranked)

    @property
    def ranked(self) -> list[Answer]:
        """The answers that can be ranked, the best first."""
        sign = 1 if self.is_lower_better else -1
        return sorted((one for one in self.answers if one.is_ranked), key=lambda one: sign * one.record.estimate)


@dataclass(frozen=True)
class Bits:
    """Nominal kilobits per second of a system, of what, and the command that has a table of them, if any."""

    kbps: float
    of: str
    command: str = ""


def answered(runs: Runs) -> list[Answered]:
    """The questions that a run of the page answers, with the places of the answers."""
    return placed([one for question in QUESTIONS if (one := _answered(runs, question))])


def placed(found: Sequence[Answered]) -> list[Answered]:
    """The same with the places of the answers: p is corrected for all that are compared here."""
    pairs = [(i, one.ranked[0], other) for i, one in enumerate(found) if not one.is_nothing for other in one.ranked[1:]]
    judged = with_verdicts([_against(best, other) for _, best, other in pairs])
    tested = {i for (i, _, _), gap in zip(pairs, judged, strict=True) if gap.verdict != "unknown"}
    places: dict[tuple[int, str], Answer] = {}
    for (i, best, other), gap in zip(pairs, judged, strict=True):
        untested = replace(best, place="not ranked", doubt="no other number could be tested against it")
        places[i, best.system] = replace(best, place="best") if i in tested else untested
        if gap.verdict == "unknown":
            why = f"no test against the best: {gap.note or NO_INTERVAL}"
            places[i, other.system] = replace(other, place="not ranked", doubt=why)
        else:
            noise = gap.verdict == "within noise"
            places[i, other.system] = replace(other, place="within noise of the best" if noise else "behind")
    return [
        replace(one, answers=tuple(places.get((i, answer.system), answer) for answer in one.answers))
        for i, one in enumerate(found)
    ]


def _against(best: Answer, other: Answer) -> Difference:
    """The difference of an answer to the best one; without p where they are of other speech."""
    how = alike(best.run, other.run)
    theirs, ours = (
        one.record.model_copy(update={"left_out": one.run.drawn_by_id[one.record.id].left_out}) for one in (best, other)
    )
    gap = held_against(best.run, theirs, other.run, ours, how.paired)
    return gap if how.comparable else replace(gap, p=math.nan, note=how.why)


def _answered(runs: Runs, question: Question) -> Answered | None:
    entries = ((command, entry) for command, headlines in HEADLINES.items() for entry in headlines.systems)
    wanted = [(command, entry) for command, entry in entries if METRICS[metric_name(entry)].question == question.name]
    return most_answered(runs, question, wanted)


def most_answered(runs: Runs, question: Question, entries: Iterable[tuple[str, str]]) -> Answered | None:
    """The answers by the entry that most systems have, of several the first; their places are not known yet.

    Args:
        runs: of the report.
        question: what is asked.
        entries: commands, and entries as headlines have them.
    """
    best: Answered | None = None
    for command, entry in entries:
        metric = known_metric(metric_name(entry))
        answers = tuple(one for run in runs.of(command) if (one := _answer(run, question, entry, metric)))
        if answers and (best is None or len(answers) > len(best.answers)):
            best = Answered(question, metric, command, answers)
    return best


def known_metric(name: str) -> Metric:
    """The metric of a name; of one that this version does not know no more than the name."""
    return METRICS.get(name) or Metric(
        name=name, title=name, unit="", better="none", has_null=False, undefined="", definition=""
    )


def _answer(run: ReportRun, question: Question, entry: str, metric: Metric) -> Answer | None:
    """The answer of a run: of what can be ranked the best, else of what has a number, else whatever there is.

    What carries most information on the speaker is the leak, whether it can be ranked or not.
    """
    sign = -1 if metric.better == "lower" else 1
    names = _streams(run, question, metric)
    streams = [record for stream in names if (record := headline_record(run, stream, entry))]
    # only what is asked of a system at large, with silence, is also had of its streams together
    together = of_system(run.results) if entry == "pnmi" and not question.stream else ()
    found, joint = (
        [Answer(run, record, record.stream, _doubt(run, record), chance=_chance(record, metric)) for record in records]
        for records in (streams, together)
    )

    def goodness(one: Answer) -> tuple[bool, bool, float]:
        known = math.isfinite(one.record.estimate)
        return one.is_ranked and not question.all_streams, known, sign * one.record.estimate if known else 0.0

    answer = max(found, key=goodness, default=None)
    if answer and joint and goodness(system := max(joint, key=goodness)) > goodness(answer):
        answer = replace(system, best_stream=answer)
    return replace(answer, place="not ranked") if answer and answer.doubt else answer


def _streams(run: ReportRun, question: Question, metric: Metric) -> tuple[str, ...]:
    if question.stream:
        return (question.stream,)
    if metric.name == BOUND:
        return tuple(each.name for each in levels_of(run.results))
    if not slice_of(run.command).by_stream:
        return run.conditions[-1:]
    return tuple(run.results.streams) if question.all_streams else first_of_levels(run.results.streams)


def _doubt(run: ReportRun, record: Record) -> str:
    if not math.isfinite(record.estimate):
        return reason_of(record)
    if metric_name(record.id) not in METRICS:
        return UNKNOWN
    return reservation(run, record) or ("" if math.isfinite(record.ci_low) else NO_INTERVAL)


def _chance(record: Record, metric: Metric) -> Chance:
    if not metric.has_null:
        return ""
    verdict = beyond_chance(record, metric.side)
    if verdict == "not judged":
        return ""
    if verdict == "not supported":
        return "no more than chance"
    return "next to chance" if size_of(record, metric.side) < LEAST else ""


def bits_of(runs: Runs) -> dict[str, Bits]:
    """Nominal bits of each system: as decoded last, else of all streams that a run counted."""
    found = {}
    for system in runs.systems:
        if bits := _decoded(runs.get(system, "recon")) or _counted([run for run in runs.all if run.system == system]):
            found[system] = bits
    return found


def _decoded(run: ReportRun | None) -> Bits | None:
    for condition in run.conditions[-1:] if run else ():
        record = run.by_id.get(f"{condition}.{NOMINAL}") if run else None
        if record and math.isfinite(record.value):
            return Bits(record.value, condition, "recon")
    return None


def _counted(runs: list[ReportRun]) -> Bits | None:
    """log2 of the codebook's size a frame, over the streams of the run that has most; joined ones add no bits."""
    streams = max((run.results.streams for run in runs), key=len, default={})
    own = {name: info for name, info in streams.items() if JOINER not in name}
    if not own:
        return None
    kbps = sum(info.kbps for info in own.values())
    command = "usage" if any(run.command == "usage" for run in runs) else ""
    return Bits(kbps, next(iter(own)) if len(own) == 1 else f"{len(own)} streams", command)
