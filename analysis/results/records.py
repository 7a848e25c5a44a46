"""What records say: the names of protocols and notes, and whether a value is clear of its nulls."""

from __future__ import annotations

import math
from collections.abc import Iterable

from analysis.metrics.registry import METRICS, metric_name
from analysis.results.schema import Null, Record
from analysis.statistics.jackknife import student_t

KEPT, DROPPED = "silence-kept", "silence-dropped"
"""The two protocols of every number: silence counted as a phone, or left out."""
TOO_LITTLE = 0.5
"""Chance level from which counts rank nothing: beyond it errors of -.06 to +.07, of either sign, were seen."""
TOO_LITTLE_SPEECH = "too little speech for so many codes: chance alone scores half and more"
"""Why counts cannot rank a number: the sentence of every warning, claim and difference."""
RANK_INSTEAD = "compare by probes with held-out speakers (hac-analyze leakage --probes), or by codebooks of one size"
NOTE_JOINER = "; "
"""Between the remarks of a record's note."""


def too_little_speech(record: Record) -> bool:
    """Whether chance alone scores so much that counts cannot rank the number; of an unknown metric nothing is said."""
    metric = METRICS.get(metric_name(record.id))
    return metric is not None and metric.grows_with_codes and record.null_mean >= TOO_LITTLE


def clusters_of(record: Record) -> tuple[int, str]:
    """How many clusters an interval is over, and of what: `(12, "speaker")`; `(0, "")` where the note does not say."""
    n, _, unit = record.note.split(NOTE_JOINER)[0].removeprefix("clusters: ").partition(" ")
    return (int(n), unit.strip("()")) if n.isdecimal() else (0, "")


def reason_of(record: Record) -> str:
    """Why a record has no number, without what else its note says."""
    return record.note.partition("undefined: ")[2] or record.note or "no reason was given"


def nulls_of(record: Record) -> list[Null]:
    """Each null that a record has."""
    return [Null(mean=record.null_mean, sd=record.null_sd, n=record.n_nulls), *record.nulls.values()]


def beyond_nulls(value: float, nulls: Iterable[Null], sign: int = 1) -> bool:
    """Whether a value is clear of every null.

    A further draw of the null would lie beyond the value once in forty times at most: Student's t with the draws'
    standard deviation, (value - mean) / (sd sqrt(1 + 1/n)). "Two standard deviations" lets one in six through with two
    draws. Of an older file, whose count of draws is unknown, two standard deviations.

    Args:
        value: the number.
        nulls: each null.
        sign: 1 for above, -1 for below.
    """
    return all(sign * (value - null.mean) > _reach(null) for null in nulls)


def _reach(null: Null) -> float:
    """How far beyond its mean a further draw of a null lies, once in forty times."""
    if not math.isfinite(null.sd):
        return 0.0
    return null.sd * (student_t(null.n - 1) * math.sqrt(1 + 1 / null.n) if null.n > 1 else 2.0)
