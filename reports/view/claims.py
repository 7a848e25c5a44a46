"""Claims: sentences that results bear out or do not, each with its number, its null and its interval.

Every claim is derived from records by one rule, so that no wish enters: against chance, a number stands if it lies more
than two standard deviations beyond every null, and its null-corrected interval (or, where there is none, its interval)
lies beyond chance too; of a change that an intervention makes, no change is a null besides. A difference stands if its
p-value, corrected by Holm's rule for all differences of the table, is below 0.05. What has no interval is no claim: it
is listed with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from analysis.comparison import Difference, difference, judged
from analysis.detection import HELD_OUT
from analysis.leakage_scores import IN_NULL_SD
from analysis.metric_records.interventions import CHANGE
from analysis.metrics import METRICS, metric_of
from analysis.results import Record
from reports.boundary_tables import Scores
from reports.view.alike import alike
from reports.view.cells import interval_text, null_text, reason_of
from reports.view.matches import matches_of
from reports.view.runs import ReportRun, Runs
from reports.view.streams import first_of_levels, level_of, perturbations_of
from reports.view.titles import metric_title

Verdict = Literal["stands", "does not stand", "cannot be judged"]
RANKS_OF_DIFFERENCES = 2
"""Kinds of differences: between streams of a system, between systems."""
NO_INTERVAL, NO_NULL = "no interval", "no null"
RECON_ORDER = ("wer", "pesq_wb", "stoi", "estoi", "speaker_similarity", "mel_distance")
"""The metric that stands for a reconstruction: the first of these that was measured."""
FEW = 10
"""Utterances, or speakers, below which an interval over them says little."""
OF_TEXT = ("wer", "cer")
"""Metrics that judge words, not sound."""
DROP_EFFECTS = {"phonetic": "phone_kept", "lexical": "own_wer", "acoustic": "source_similarity"}
"""What dropping a level is meant to make worse, by name of the effect; of others, what is kept of phones."""
WORD_LEVELS, BOUNDARY_LEVELS = ("lexical", "phonetic"), ("phonetic", "lexical")
"""Levels that are claimed to hold words, the first that there is; and to change at boundaries."""


@dataclass(frozen=True)
class Claim:
    """A sentence and what it rests on.

    Attributes:
        system: whose.
        text: the sentence.
        metric: what was measured, with its unit.
        number, null: the value with its interval, and its null, as read.
        value, low, high, null_mean: the same as numbers.
        verdict: whether it stands.
        why: the reason where it cannot be judged, p of a difference, or that it rests on few utterances.
        stream: which stream it is of, empty for none.
        rank: place of its kind among all kinds of claims.
    """

    system: str
    text: str
    metric: str
    number: str
    null: str
    value: float
    low: float
    high: float
    null_mean: float
    verdict: Verdict
    why: str = ""
    stream: str = ""
    rank: int = 0


def claims_of(runs: Runs) -> list[Claim]:
    """All claims, those of each system together, its differences corrected together with all others'."""
    against_chance = {system: list(_against_chance(runs, system)) for system in runs.systems}
    within = [(system, text, one) for system in runs.systems for text, one in _within(runs, system)]
    differences = [*within, *_between(runs)]
    verdicts = judged([one for _, _, one in differences])
    gaps: dict[str, list[Claim]] = {}
    for place, ((system, text, _), one) in enumerate(zip(differences, verdicts, strict=True)):
        gaps.setdefault(system, []).append(_of_difference(system, text, one, 1 if place < len(within) else 2))
    return [claim for system in runs.systems for claim in (*against_chance[system], *gaps.get(system, []))]


def beyond_chance(record: Record, better: Literal["higher", "lower"] = "higher", *, zero: bool = False) -> Verdict:
    """Whether a number is better than chance; see the rule of this module.

    Args:
        record: with its nulls.
        better: the side that is claimed.
        zero: whether 0 is a null too, as of a change.
    """
    sign = 1 if better == "higher" else -1
    nulls = [(record.null_mean, record.null_sd), *((null.mean, null.sd) for null in record.nulls.values())]
    nulls += [(0.0, 0.0)] if zero else []
    ends = (record.corrected_ci_low, record.corrected_ci_high)
    bound = 0.0
    if not all(math.isfinite(end) for end in ends):
        ends = (record.ci_low, record.ci_high)
        bound = max(sign * mean for mean, _ in nulls) * sign
    if not all(math.isfinite(x) for x in (record.value, record.null_mean, *ends)):
        return "cannot be judged"
    margin = all(sign * (record.value - mean) > IN_NULL_SD * (sd if math.isfinite(sd) else 0) for mean, sd in nulls)
    near = min(ends) if better == "higher" else max(ends)
    return "stands" if margin and sign * (near - bound) > 0 else "does not stand"


def _against_chance(runs: Runs, system: str) -> Iterator[Claim]:
    finders = (
        *(("pnmi", _phones), ("words", _words), ("boundaries", _boundaries), ("leakage", _voices)),
        *(("discovery", _discovery), ("recon", _recon), ("intervene", _dropped), ("stability", _stability)),
    )
    for place, (command, find) in enumerate(finders):
        for claim in find(runs, system):
            # differences of what streams tell of phones are read right after that
            rank = place if find is _phones else place + RANKS_OF_DIFFERENCES
            yield replace(claim, rank=rank, why=claim.why or _few(runs.get(system, command)))


def _few(run: ReportRun | None) -> str:
    """A caution where next to nothing was counted."""
    counted = run.results.coverage.get("utterances", {}).get("counted") if run else None
    return f"only {counted} utterances" if counted is not None and counted < FEW else ""


def _chance(system: str, text: str, record: Record, better: Literal["higher", "lower"] = "higher") -> Claim:
    verdict = beyond_chance(record, better)
    return _claim(system, text, record, verdict, _why_not(record, verdict))


def _why_not(record: Record, verdict: Verdict) -> str:
    """Why a number cannot be judged, empty where it can."""
    if verdict != "cannot be judged":
        return ""
    if not math.isfinite(record.value):
        return reason_of(record)
    return NO_INTERVAL if math.isfinite(record.null_mean) else NO_NULL


def _claim(system: str, text: str, record: Record, verdict: Verdict, why: str = "") -> Claim:
    return Claim(
        system,
        text,
        metric_title(record.id),
        interval_text(record.value, record.ci_low, record.ci_high),
        null_text(record.null_mean, record.null_sd),
        record.value,
        record.ci_low,
        record.ci_high,
        record.null_mean,
        verdict,
        why,
        record.stream,
    )


def _phones(runs: Runs, system: str) -> Iterator[Claim]:
    run = runs.get(system, "pnmi")
    for stream in first_of_levels(run.results.streams) if run else ():
        if run and (record := run.by_id.get(f"{stream}.pnmi")):
            yield _chance(system, f"{stream} tells of phones beyond chance", record)


def _words(runs: Runs, system: str) -> Iterator[Claim]:
    run = runs.get(system, "words")
    streams = first_of_levels(run.results.streams) if run else ()
    by_level = {level_of(stream): stream for stream in streams}
    for stream in [by_level[level] for level in WORD_LEVELS if level in by_level][:1] or streams[:1]:
        if run and (record := held_out_f1(run, stream)):
            yield _chance(
                system, f"codes of {stream} detect words beyond chance, on speech they were not chosen on", record
            )


def held_out_f1(run: ReportRun, stream: str) -> Record | None:
    """The mean F1 of a stream's words under the first definition, each code chosen on the other half."""
    start, end = f"{stream}.word_f1[", f",{HELD_OUT}]"
    return next((r for id, r in run.by_id.items() if id.startswith(start) and id.endswith(end)), None)


def _boundaries(runs: Runs, system: str) -> Iterator[Claim]:
    if not (run := runs.get(system, "boundaries")):
        return
    scores = run.scores
    streams = first_of_levels(run.results.streams)
    for stream in [stream for stream in streams if level_of(stream) in BOUNDARY_LEVELS] or streams[:1]:
        tier = "words" if level_of(stream) == "lexical" and "words" in scores.tiers else scores.tiers[0]
        if record := find_boundary(scores, stream, "f1", tier):
            yield _chance(system, f"{stream} changes where {tier} begin, beyond chance", record)


def find_boundary(
    scores: Scores, stream: str, metric: str, tier: str, tolerance_ms: int | None = None
) -> Record | None:
    """A boundary record, None where the run lacks it."""
    try:
        return scores.get(stream, metric, tier, tolerance_ms=tolerance_ms)
    except KeyError:
        return None


def _voices(runs: Runs, system: str) -> Iterator[Claim]:
    run = runs.get(system, "leakage")
    for stream in first_of_levels(run.results.streams) if run else ():
        if run and (record := run.by_id.get(f"{stream}.leakage[speaker]")):
            yield _chance(system, f"{stream} tells of the speaker beyond chance", record)


def _discovery(runs: Runs, system: str) -> Iterator[Claim]:
    run = runs.get(system, "discovery")
    for record in run.by_id.values() if run else ():
        if record.id == f"{record.stream}.discovery_token_f1":
            yield _chance(system, f"segments of {record.stream} are words beyond chance", record)


def _recon(runs: Runs, system: str) -> Iterator[Claim]:
    if not (run := runs.get(system, "recon")):
        return
    for condition in list(run.results.coverage.get("conditions", {}))[-1:]:
        for name in RECON_ORDER:
            if record := run.by_id.get(f"{condition}.{name}"):
                better: Literal["higher", "lower"] = "lower" if METRICS[name].better == "lower" else "higher"
                of, to = ("text spoken in", "texts") if name in OF_TEXT else ("sound of", "speech")
                text = f"{of} {condition} is nearer to its original than to others' {to}"
                yield _chance(system, text, record, better)
                return


def _dropped(runs: Runs, system: str) -> Iterator[Claim]:
    run = runs.get(system, "intervene")
    for record in run.by_id.values() if run else ():
        effect, _, intervention = record.id.removeprefix(f"{record.stream}.").partition("[")
        name = effect.removesuffix(CHANGE)
        if effect == name or intervention != "drop]" or name != DROP_EFFECTS.get(record.stream, "phone_kept"):
            continue
        worse: Literal["higher", "lower"] = "higher" if METRICS[name].better == "lower" else "lower"
        verdict = beyond_chance(record, worse, zero=True)
        text = f"dropping {record.stream} {'raises' if worse == 'higher' else 'lowers'} {METRICS[name].title}"
        yield _claim(system, f"{text} beyond chance", record, verdict, _why_not(record, verdict))


def _stability(runs: Runs, system: str) -> Iterator[Claim]:
    if not (run := runs.get(system, "stability")):
        return
    for stream in first_of_levels(run.results.streams)[:1]:
        found = [run.by_id.get(f"{stream}.ued[{name}]") for name in perturbations_of(run)]
        known = [record for record in found if record and math.isfinite(record.value)]
        if known:
            hardest = max(known, key=lambda record: record.value)
            way = hardest.id.partition("[")[2].rstrip("]")
            text = f"tokens of {stream} stay nearer to their own than to other speech's, even under {way}"
            yield _chance(system, text, hardest, "lower")


def _within(runs: Runs, system: str) -> Iterator[tuple[str, Difference]]:
    """Differences between streams of one run: the levels that must tell of phones against the acoustic one."""
    if not (run := runs.get(system, "pnmi")):
        return
    streams = {level_of(stream): stream for stream in reversed(first_of_levels(run.results.streams))}
    records = {record.id: record for record in run.drawn.metrics}
    if not (base := records.get(f"{streams.get('acoustic', '')}.pnmi")):
        return
    for level in ("phonetic", "lexical"):
        if other := records.get(f"{streams.get(level, '')}.pnmi"):
            text = f"{other.stream} tells more of phones than {base.stream}"
            yield text, difference(base, other, system, paired=True)


def _between(runs: Runs) -> Iterator[tuple[str, str, Difference]]:
    """Differences between systems: PNMI of each level's first stream against the first system that has it."""
    bases: dict[str, ReportRun] = {}
    for run in runs.of("pnmi"):
        for stream in first_of_levels(run.results.streams):
            base = bases.setdefault(id := f"{stream}.pnmi", run)
            if base is run or not (how := alike(base, run)).comparable:
                continue
            ours, theirs = ({r.id: r for r in one.drawn.metrics} for one in (run, base))
            if id in ours and id in theirs:
                text = f"{stream} tells more of phones than {stream} of {base.system}"
                yield run.system, text, difference(theirs[id], ours[id], run.system, how.paired)
    yield from _matched(runs)


def _matched(runs: Runs) -> Iterator[tuple[str, str, Difference]]:
    """Differences between streams of two systems that are held against each other by name."""
    for match in matches_of(runs, "pnmi"):
        base, other = match.base, match.other
        theirs, ours = ({r.id: r for r in records} for records in (base.drawn.metrics, match.run.results.metrics))
        for stream, own in match.pairs.items():
            if (id := f"{own}.pnmi") in theirs and id in ours:
                text = f"{stream} tells more of phones than {own} of {base.system}"
                yield other.system, text, difference(theirs[id], ours[id], other.system, alike(base, other).paired)


def _of_difference(system: str, text: str, one: Difference, rank: int) -> Claim:
    verdict: Verdict = "cannot be judged"
    if one.verdict != "unknown" and math.isfinite(one.low):
        verdict = "stands" if one.verdict == "better" else "does not stand"
    metric = metric_of(one.id)
    corrected = "null-corrected " if one.of == "corrected" else ""
    turned = "the opposite holds; " if one.verdict == "worse" else ""
    p = "p < .001" if one.p_holm < 0.001 else f"p {one.p_holm:.3f}"
    return Claim(
        system,
        text,
        f"difference of {corrected}{metric.title}, {metric.unit}",
        interval_text(one.difference, one.low, one.high),
        "0",
        one.difference,
        one.low,
        one.high,
        0.0,
        verdict,
        one.note or NO_INTERVAL if verdict == "cannot be judged" else f"{turned}{p}, {one.method}",
        one.id.partition(f".{metric.name}")[0],
        rank,
    )
