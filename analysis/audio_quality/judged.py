"""What models say of recordings: words, voices, opinions. One model at a time, each file once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.audio_quality.pairs import Comparison, Part, undefined
from analysis.results import ratios
from analysis.results.ratios import Ratios
from hac.errors import FailureLog
from hac.judges import judge_files
from hac.judges.base import MosPredictor, Recognizer, SpeakerEncoder
from hac.judges.judge_files import Verdict
from probes.transcripts import Edits, normalize

T = TypeVar("T")
Verdicts = dict[str, list[Verdict[T]]]
"""By condition, in the order of the utterances."""
Vector = NDArray[np.float32]
"""Of a voice, of length 1."""
Opinions = dict[str, float]
"""Predicted opinion scores by scale."""

NOT_DECODED, NOT_JUDGED = "not-decoded", "not-judged"
_SEPARATOR = "\n"
"""Between condition and utterance id in the names that judges see; no condition has one."""


@dataclass(frozen=True)
class Recordings:
    """Recordings to ask judges about; each judge is loaded once, and what it said is kept.

    Attributes:
        files: audio by condition and utterance id.
        ids: utterances, in order; one without a file is `not-decoded`.
        folder: for `transcripts.parquet`, `voices.parquet` and `opinions.parquet`.
        device: of the judges.
        jobs: processes; 0 or less: one per core.
        failures: takes files without a verdict, by utterance; None: their verdict says it.
    """

    files: Mapping[str, Mapping[str, Path]]
    ids: Sequence[str]
    folder: Path
    device: str = "cpu"
    jobs: int = 1
    failures: FailureLog | None = None

    def transcripts(
        self, recognizer: str | Recognizer, normalizer: str, left_out: Mapping[str, Verdict[str]]
    ) -> Verdicts[str]:
        """What a recognizer hears, normalized by `probes.transcripts`; by id, what stands for those it is not asked."""
        found = self._ask("transcripts", judge_files.transcripts, recognizer, left_out)
        return {name: [_normalized(each, normalizer) for each in verdicts] for name, verdicts in found.items()}

    def voices(self, encoder: str | SpeakerEncoder) -> Verdicts[Vector]:
        """The voice in every file."""
        return self._ask("voices", judge_files.voices, encoder, {})

    def opinions(self, predictor: str | MosPredictor) -> Verdicts[Opinions]:
        """Predicted opinion scores of every file."""
        return self._ask("opinions", judge_files.opinions, predictor, {})

    def _ask(
        self, store: str, call: Callable[..., dict[str, Verdict[T]]], judge: Any, left_out: Mapping[str, Verdict[T]]
    ) -> Verdicts[T]:
        files = {
            f"{condition}{_SEPARATOR}{id}": path
            for condition, by_id in self.files.items()
            for id, path in by_id.items()
            if id not in left_out
        }
        log = FailureLog(self.failures is not None and self.failures.strict)
        path, jobs = self.folder / f"{store}.parquet", self.jobs if self.jobs > 0 else -1
        found = call(files, judge, path, device=self.device, jobs=jobs, failures=log) if files else {}
        if self.failures is not None:
            for failure in log:
                condition, _, id = failure.id.partition(_SEPARATOR)
                self.failures.add(id, failure.reason, f"{condition}: {failure.detail}")

        def verdict(condition: str, id: str) -> Verdict[T]:
            if id not in self.files[condition]:
                return Verdict(None, NOT_DECODED)
            return left_out[id] if id in left_out else found[f"{condition}{_SEPARATOR}{id}"]

        return {condition: [verdict(condition, id) for id in self.ids] for condition in self.files}


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


def opinions_by_scale(verdicts: Sequence[Verdict[Opinions]], scales: Iterable[str]) -> dict[str, Ratios]:
    """Mean predicted opinion score on each scale."""
    reasons = [verdict.reason or "" for verdict in verdicts]
    return {
        scale: ratios.means([(verdict.value or {}).get(scale, math.nan) for verdict in verdicts], reasons)
        for scale in scales
    }


def scales_of(verdicts: Iterable[Verdict[Opinions]]) -> list[str]:
    """The scales of a predictor, in its order; none where it said nothing."""
    return list(next((verdict.value for verdict in verdicts if verdict.value is not None), {}))
