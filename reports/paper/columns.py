"""The columns of the table: which metric, of each system which stream or condition, which is best.

Stream or condition, the best and what is within noise of it are had as the first screen of a page has them:
`reports.answers.questions`.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from analysis.metrics.metric import Metric, read_metrics
from analysis.metrics.registry import HEADLINES, METRICS, metric_name
from analysis.pnmi.cumulative import BOUND
from analysis.results.schema import Record
from analysis.slices import SLICES
from hac.errors import HacError
from reports.answers.questions import (
    QUESTIONS,
    Answer,
    Answered,
    Question,
    answered,
    bits_of,
    known_metric,
    most_answered,
    placed,
)
from reports.document.reservations import whose
from reports.document.runs import OF_TRAININGS, Runs
from reports.render.escape import shortened

KBPS = "kbps"
"""The metric that is had without a run of its own: nominal bits, from the sizes of codebooks."""
AT_LEAST = "at least so much: a bound on held-out speech"
"""What is remarked on a bound in a column of another metric."""
_COMMA = re.compile(r",(?![^\[\]]*\])")
"""A comma that is not in brackets."""
_WANTED = re.compile(r"(?:([^=\[\]]+)\.)?(\w+)(\[[^\[\]]*\])?(?:\s*=(.*))?")
NAMED = 8
"""Ids that an error names."""


@dataclass(frozen=True)
class Number:
    """What stands in a cell.

    Attributes:
        value, low, high: the number with its 95 % interval; NaN where there is none.
        of: stream or condition.
        is_best: whether it is the best, or within noise of the best.
        place: the same in words.
        remark: why it is not ranked, not defined or no more than chance; that it is a bound.
        whose: of which speakers alone, empty for speakers at large.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    of: str = ""
    is_best: bool = False
    place: str = ""
    remark: str = ""
    whose: str = ""


@dataclass(frozen=True)
class Column:
    """A metric with its number of each system that has one.

    Attributes:
        title: its head.
        metric: its record.
        numbers: by system.
        stream: the one that was asked for, empty where each system has its best.
    """

    title: str
    metric: Metric
    numbers: Mapping[str, Number]
    stream: str = ""


@dataclass(frozen=True)
class Wanted:
    """A metric as it is asked for, `[STREAM.]METRIC[[TAG,...]][=HEAD]`.

    Attributes:
        entry: metric with tags, as headlines have it.
        stream: stream or condition, empty for the best of each system.
        head: empty for the metric's title.
    """

    entry: str
    stream: str = ""
    head: str = ""

    @property
    def id(self) -> str:
        """As it was asked for, without the head."""
        return f"{self.stream}.{self.entry}" if self.stream else self.entry


def columns(runs: Runs, metrics: str = "") -> list[Column]:
    """The columns of a table.

    Args:
        runs: from `reports.document.runs.read_runs`.
        metrics: `pnmi,rvq-7.wer,kbps=kbit/s`; empty: the questions of the first screen, and bits.

    Raises:
        HacError: no run has a metric or a stream, or there is nothing to show.
    """
    if not metrics:
        found = [_column(_title(one), one) for one in answered(runs)]
        if bits := _bits(runs, Wanted(KBPS, head="kbit/s")):
            found.append(bits)
        if not found:
            raise HacError("the runs hold no number that answers a question of the first screen; name some: --metrics")
        return found
    wanted = _parsed(metrics)
    by_place = {place: _asked(runs, one) for place, one in enumerate(wanted) if one.id != KBPS}
    ranked = dict(zip(by_place, placed(list(by_place.values())), strict=True))
    several = {one.entry for one in wanted if sum(one.entry == other.entry for other in wanted) > 1}
    found = []
    for place, one in enumerate(wanted):
        if one.id != KBPS:
            found.append(_column(_head(one, ranked[place], several), ranked[place], one.stream))
        elif bits := _bits(runs, one):
            found.append(bits)
        else:
            raise HacError("--metrics: no run tells the sizes of codebooks, so there is no kbps")
    return found


def _parsed(metrics: str) -> list[Wanted]:
    found = []
    for text in dict.fromkeys(part.strip() for part in _COMMA.split(metrics)):
        parts = _WANTED.fullmatch(text)
        if parts is None:
            raise HacError(
                f"--metrics: {text!r:.80} is no metric; expected METRIC or STREAM.METRIC, such as pnmi,phonetic.pnmi"
            )
        stream, metric, tags, head = (part or "" for part in parts.groups())
        found.append(Wanted(metric + tags, stream, head.strip()))
    return found


def _head(one: Wanted, found: Answered, several: Iterable[str]) -> str:
    """The metric's title, and what is asked for of it where that is not the usual."""
    shown = one.entry if "[" in one.entry or _usual(one.entry) else found.answers[0].record.id
    tags = shown.partition("[")[2].removesuffix("]")
    of = [part for part in (one.stream if one.stream and one.entry in several else "", tags) if part]
    title = found.metric.title if tags else _title(found)
    return one.head or (f"{title} ({', '.join(of)})" if of else title)


def _title(found: Answered) -> str:
    """What a metric is called whose tags are the usual: `speaker leakage`, `boundary F1`, `WER`."""
    if found.question.all_streams:
        return found.question.head
    head = HEADLINES[found.command].systems.get(_usual(found.metric.name), "{}") if found.command in HEADLINES else "{}"
    return head.format(found.metric.title) if head.endswith("{}") else found.metric.title


def _usual(name: str) -> str:
    """The entry of a metric among the headlines, with the usual tags; empty where it is none."""
    return next((entry for each in HEADLINES.values() for entry in each.systems if metric_name(entry) == name), "")


def _asked(runs: Runs, one: Wanted) -> Answered:
    """The answers of the systems that have a metric.

    Raises:
        HacError: none has it.
    """
    name = metric_name(one.entry)
    measured = [run for run in runs.all if run.command not in OF_TRAININGS]
    ids = {id for run in measured for id in run.by_id}
    names = {metric_name(id) for id in ids}
    if name not in names:
        raise HacError(f"--metrics: {_unknown(name, names)}")
    usual = _usual(name)
    # what is in braces is a setting of the protocol in headlines, and nothing but itself here
    given = usual if usual and one.entry == name else one.entry.replace("{", "{{").replace("}", "}}")
    question = next((each for each in QUESTIONS if each.name == known_metric(name).question), None)
    question = question or Question("", known_metric(name).title, "", "")
    commands = dict.fromkeys(run.command for run in measured if any(metric_name(id) == name for id in run.by_id))
    entries = [(command, given) for command in commands]
    found = most_answered(runs, replace(question, stream=one.stream), entries)
    if found is None:
        own = sorted(id for id in ids if metric_name(id) == name)
        near = difflib.get_close_matches(one.id, own, n=NAMED, cutoff=0.0)
        raise HacError(f"--metrics: no run has {one.id!r:.80}; ids with {name} are {', '.join(near)}"[:600])
    return found


def _unknown(name: str, measured: Iterable[str]) -> str:
    """Why no run has a metric: the nearest that they have, or the command that measures it."""
    names = sorted({*measured, KBPS})
    if name in METRICS:
        command = next(
            (one.command for one in SLICES if name in {metric.name for metric in read_metrics(one.name)}), ""
        )
        how = f"run hac-analyze {command}, or " if command else ""
        return f"no run has {name!r}; {how}choose among {', '.join(names)}"
    near = difflib.get_close_matches(name, {*names, *METRICS}, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"
    return f"no run has a metric {name!r:.80}; {hint}"


def _column(title: str, found: Answered, stream: str = "") -> Column:
    return Column(title, found.metric, {one.system: _number(one, found) for one in found.answers}, stream)


def _number(answer: Answer, of: Answered) -> Number:
    record: Record = answer.record
    is_best = of.metric.better != "none" and answer.place in ("best", "within noise of the best")
    chance = answer.chance if answer.chance == "no more than chance" else ""
    bound = AT_LEAST if answer.is_bound and of.metric.name != BOUND else ""
    return Number(
        record.estimate,
        record.ci_low,
        record.ci_high,
        answer.of,
        is_best,
        answer.place if of.metric.better != "none" else "",
        answer.doubt or chance or bound,
        whose(answer.run, record) if math.isfinite(record.ci_low) else "",
    )


def _bits(runs: Runs, wanted: Wanted) -> Column | None:
    found = {system: Number(bits.kbps, of="nominal") for system, bits in bits_of(runs).items()}
    return Column(wanted.head or "kbit/s", METRICS[KBPS], found) if found else None


def shown_systems(runs: Runs, found: Sequence[Column]) -> tuple[str, ...]:
    """The systems that have a number in a column."""
    return tuple(system for system in runs.systems if any(system in column.numbers for column in found))


def row_names(systems: Sequence[str], most: int = 48) -> tuple[str, ...]:
    """Names of systems for rows: long ones lose their middle, unless two would then be alike."""
    short = tuple(shortened(system, most) for system in systems)
    return short if len(set(short)) == len(short) else tuple(map(shortened, systems, map(len, systems)))
