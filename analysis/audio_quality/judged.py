"""What models say of recordings: words, voices, opinions. One model at a time, each file once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.audio_quality.pairs import Comparison, Part, undefined
from analysis.results import ratios
from analysis.results.ratios import Ratios
from hac.errors import FailureLog
from hac.judges import judge_files
from hac.judges.base import Judge, Recognizer
from hac.judges.judge_files import Verdict
from probes.transcripts import Edits, normalize

T = TypeVar("T")
Files = Mapping[str, Mapping[str, Path]]
"""Audio by condition and utterance id."""
Verdicts = dict[str, dict[str, Verdict[T]]]
"""What was said of it."""
Vector = NDArray[np.float32]
"""Of a voice, of length 1."""

NOT_JUDGED = "not-judged"
_SEPARATOR = "\n"
"""Between condition and utterance id in the names that judges see; no condition has one."""


def ask(
    call: Callable[..., dict[str, Verdict[Any]]],
    files: Files,
    judge: str | Judge,
    store: Path,
    device: str,
    jobs: int,
    failures: FailureLog | None = None,
) -> Verdicts[Any]:
    """The verdicts on every file, in one call, so that the model is loaded once.

    Args:
        call: `transcripts`, `voices` or `opinions` of `hac.judges.judge_files`.
        files: what is judged.
        judge: by name, or loaded.
        store: keeps the verdicts.
        device: of the judge.
        jobs: processes; 0 or less: one per core.
        failures: takes files without a verdict, by utterance; None: their verdict says it.
    """
    flat = {f"{condition}{_SEPARATOR}{id}": path for condition, by_id in files.items() for id, path in by_id.items()}
    noted = FailureLog(failures is not None and failures.strict)
    jobs = jobs if jobs > 0 else -1
    found = call(flat, judge, store, device=device, jobs=jobs, failures=noted) if flat else {}
    for failure in noted if failures is not None else ():
        condition, _, id = failure.id.partition(_SEPARATOR)
        failures.add(id, failure.reason, f"{condition}: {failure.detail}")
    verdicts: Verdicts[Any] = {condition: {} for condition in files}
    for name, verdict in found.items():
        condition, _, id = name.partition(_SEPARATOR)
        verdicts[condition][id] = verdict
    return verdicts


def recognize(
    files: Files,
    recognizer: str | Recognizer,
    normalizer: str,
    store: Path,
    device: str,
    jobs: int,
    failures: FailureLog | None = None,
) -> Verdicts[str]:
    """What a recognizer hears, normalized as transcripts are (`probes.transcripts`); arguments as `ask`."""
    found = ask(judge_files.transcripts, files, recognizer, store, device, jobs, failures)
    return {
        condition: {id: _normalized(verdict, normalizer) for id, verdict in by_id.items()}
        for condition, by_id in found.items()
    }


def _normalized(verdict: Verdict[str], normalizer: str) -> Verdict[str]:
    text = None if verdict.value is None else normalize(verdict.value, normalizer)
    return Verdict(text, verdict.reason, verdict.detail)


def text_errors(
    count: Callable[[str, str], Edits], recognized: Sequence[Verdict[str]], texts: Sequence[Verdict[str]]
) -> Comparison:
    """Edits between what was recognized and a text, over the text's length: a word or character error rate.

    Args:
        count: `word_edits` or `char_edits` of `probes.transcripts`.
        recognized: in each recording, normalized.
        texts: of each reference, normalized; not empty.
    """

    def part(words: str, text: str) -> Part:
        edits = count(text, words)
        return float(edits.errors), float(edits.reference_length), ""

    return _where_both_are(recognized, texts, part)


def voice_similarity(
    voices: Sequence[Verdict[Vector]], references: Sequence[Verdict[Vector]], cosine: Callable[[Vector, Vector], float]
) -> Comparison:
    """Cosine of the voices of a recording and a reference, -1 to 1."""
    return _where_both_are(voices, references, lambda one, other: (cosine(one, other), 1.0, ""))


def _where_both_are(
    estimates: Sequence[Verdict[T]], references: Sequence[Verdict[T]], part: Callable[[T, T], Part]
) -> Comparison:
    """The part of an estimate and a reference; the reason of the first of them that has no value."""

    def comparison(u: int, v: int) -> Part:
        one, other = estimates[u], references[v]
        if one.value is None or other.value is None:
            return undefined((one if one.value is None else other).reason or NOT_JUDGED)
        return part(one.value, other.value)

    return comparison


def opinions_by_scale(verdicts: Sequence[Verdict[dict[str, float]]], scales: Iterable[str]) -> dict[str, Ratios]:
    """Mean predicted opinion score on each scale."""
    reasons = [verdict.reason or "" for verdict in verdicts]
    return {
        scale: ratios.means([(verdict.value or {}).get(scale, math.nan) for verdict in verdicts], reasons)
        for scale in scales
    }


def scales_of(verdicts: Iterable[Verdict[dict[str, float]]]) -> list[str]:
    """The scales of a predictor, in its order; none where it said nothing."""
    return list(next((verdict.value for verdict in verdicts if verdict.value is not None), {}))
