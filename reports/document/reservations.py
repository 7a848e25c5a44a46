"""Why numbers can be neither claimed nor ranked, however far from chance they lie, and of whose speech they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from analysis.comparison.differences import Difference, difference
from analysis.results.records import TOO_LITTLE_SPEECH, clusters_of, too_little_speech
from analysis.results.schema import Record, Results
from probes.clusters import of_few_speakers
from reports.document.runs import ReportRun

FEW = 10
"""Utterances below which an interval over them says little: with four it holds in .88 at best."""
FITTED = "its units were fitted on the speech that they are scored on"


def reservation(run: ReportRun, record: Record | None = None) -> str:
    """Why the numbers of a run, or this one of them, are neither claimed nor ranked; empty where they can be."""
    counted = run.results.coverage.get("utterances", {}).get("counted")
    if isinstance(counted, int) and counted < FEW:
        return f"only {counted} utterance{'s' * (counted != 1)}"
    if is_fitted_on_scored(run.results):
        return FITTED
    if record is not None and too_little_speech(record):
        return TOO_LITTLE_SPEECH
    return ""


def is_fitted_on_scored(results: Results) -> bool:
    """Whether units were fitted on the very manifest that they are scored on, by the hashes that the run holds."""
    fitted = _at(results.provenance, "tokenizer", "tokenizer_provenance", "manifest_sha256")
    return fitted is not None and fitted == _at(results.provenance, "inputs", "manifest", "content_sha256")


def whose(run: ReportRun, record: Record) -> str:
    """`of this speaker alone` where the interval is over utterances, so that no other speaker is meant; else empty."""
    speakers = run.results.coverage.get("speakers")
    return of_few_speakers(speakers) if speakers in (1, 2) or clusters_of(record)[1] == "utterance" else ""


def held_against(base: ReportRun, theirs: Record, run: ReportRun, ours: Record, paired: bool) -> Difference:
    """A difference between two runs, or within one; without p where a number of either cannot be ranked.

    Args:
        base, theirs: the run that is held against, and its number.
        run, ours: the other.
        paired: whether both counted the same utterances.
    """
    one = difference(theirs, ours, run.system, paired)
    for each, record in ((base, theirs), (run, ours)):
        if why := reservation(each, record):
            return replace(one, p=float("nan"), note=f"{each.system}: {why}")
    return one


def _at(found: Any, *keys: str) -> Any:
    """What lies in nested settings; None where one of the keys is not there."""
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
