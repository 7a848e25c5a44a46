"""Claims against chance: what each command's numbers say of a system, beside what tokens that know nothing score."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from analysis.interventions.effects import CHANGE
from analysis.metrics.registry import METRICS
from analysis.results.schema import Record
from analysis.slices import slice_of
from analysis.words.detection import HELD_OUT
from reports.document.boundary_scores import find_boundary
from reports.document.claim_rule import Claim, beyond_chance, chance_claim, claim_of, why_not
from reports.document.order import first_of_levels, level_of, perturbations_of
from reports.document.runs import ReportRun, Runs

RANKS_OF_DIFFERENCES = 2
"""Kinds of differences: between streams of a system, between systems."""
FEW = 10
"""Utterances, or speakers, below which an interval over them says little."""
OF_TEXT = ("wer", "cer")
"""Metrics that judge words, not sound."""
DROP_EFFECTS = {"phonetic": "phone_kept", "lexical": "own_wer", "acoustic": "source_similarity"}
"""What dropping a level is meant to make worse, by name of the effect; of others, what is kept of phones."""
WORD_LEVELS, BOUNDARY_LEVELS = ("lexical", "phonetic"), ("phonetic", "lexical")
"""Levels that are claimed to hold words, the first that there is; and to change at boundaries."""


def against_chance(runs: Runs, system: str) -> Iterator[Claim]:
    """The claims of one system, in the order of the commands."""
    finders = (
        *(("pnmi", _phones), ("words", _words), ("boundaries", _boundaries), ("leakage", _speakers)),
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


def _phones(runs: Runs, system: str) -> Iterator[Claim]:
    return _tells(runs.get(system, "pnmi"), "phones", "pnmi")


def _speakers(runs: Runs, system: str) -> Iterator[Claim]:
    return _tells(runs.get(system, "leakage"), "the speaker", "leakage[speaker]")


def _tells(run: ReportRun | None, what: str, metric: str) -> Iterator[Claim]:
    """That a stream of each level tells of something."""
    for stream in first_of_levels(run.results.streams) if run else ():
        if run and (record := run.by_id.get(f"{stream}.{metric}")):
            yield chance_claim(run.system, f"{stream} tells of {what} beyond chance", record)


def _words(runs: Runs, system: str) -> Iterator[Claim]:
    run = runs.get(system, "words")
    streams = first_of_levels(run.results.streams) if run else ()
    by_level = {level_of(stream): stream for stream in streams}
    for stream in [by_level[level] for level in WORD_LEVELS if level in by_level][:1] or streams[:1]:
        if run and (record := held_out_f1(run, stream)):
            yield chance_claim(
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
            yield chance_claim(system, f"{stream} changes where {tier} begin, beyond chance", record)


def _discovery(runs: Runs, system: str) -> Iterator[Claim]:
    run = runs.get(system, "discovery")
    for record in run.by_id.values() if run else ():
        if record.id == f"{record.stream}.discovery_token_f1":
            yield chance_claim(system, f"segments of {record.stream} are words beyond chance", record)


def _recon(runs: Runs, system: str) -> Iterator[Claim]:
    if not (run := runs.get(system, "recon")):
        return
    for condition in list(run.results.coverage.get("conditions", {}))[-1:]:
        for name in slice_of("recon").headlines:
            if record := run.by_id.get(f"{condition}.{name}"):
                better: Literal["higher", "lower"] = "lower" if METRICS[name].better == "lower" else "higher"
                of, to = ("text spoken in", "texts") if name in OF_TEXT else ("sound of", "speech")
                text = f"{of} {condition} is nearer to its original than to others' {to}"
                yield chance_claim(system, text, record, better)
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
        yield claim_of(system, f"{text} beyond chance", record, verdict, why_not(record, verdict))


def _stability(runs: Runs, system: str) -> Iterator[Claim]:
    if not (run := runs.get(system, "stability")):
        return
    for stream in first_of_levels(run.results.streams)[:1]:
        found = [run.by_id.get(f"{stream}.ued[{name}]") for name in perturbations_of(run)]
        known = [record for record in found if record and math.isfinite(record.estimate)]
        if known:
            hardest = max(known, key=lambda record: record.estimate)
            way = hardest.id.partition("[")[2].rstrip("]")
            text = f"tokens of {stream} stay nearer to their own than to other speech's, even under {way}"
            yield chance_claim(system, text, hardest, "lower")
