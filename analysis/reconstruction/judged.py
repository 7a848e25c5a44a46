"""What models say of references and reconstructions: words, voices, opinions. One model at a time, each file once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.reconstruction.inputs import REFERENCE, Material
from analysis.reconstruction.pairs import NullPairs
from analysis.results import ratios
from analysis.results.ratios import Ratios
from hac.errors import FailureLog
from probes.transcripts import Edits, char_edits, normalize, word_edits

if TYPE_CHECKING:
    from hac.judges.judge_files import Verdict

NO_TEXT, NO_LANGUAGE, EMPTY_TEXT = "text-missing", "language-unknown-to-recognizer", "text-empty"
SEPARATOR = "\n"
"""Between condition and utterance id in the names that judges see; no condition has one."""


@dataclass(frozen=True)
class Words:
    """Texts and what the recognizer heard, both normalized.

    Attributes:
        texts: reference text by utterance, or the reason why there is none.
        heard: by condition (also `REFERENCE`), by utterance.
    """

    texts: list[tuple[str, str]]
    heard: Mapping[str, list[tuple[str, str]]]


def files_of(material: Material, with_reference: bool = True) -> dict[str, Mapping[str, Path]]:
    """Audio by condition, the references first."""
    first = {REFERENCE: material.references} if with_reference else {}
    return {**first, **{condition.name: condition.files for condition in material.conditions}}


def hear(
    material: Material, recognizer: str, normalizer: str, store: Path, device: str, jobs: int, failures: FailureLog
) -> Words:
    """Transcribe references and reconstructions of all utterances that have a text in a language it knows."""
    from hac.judges.judge_files import languages_of, transcripts

    known = languages_of(recognizer, device)
    texts = []
    for utterance in material.manifest.utterances:
        text = utterance.text
        if text is None or not text.strip():
            texts.append(("", NO_TEXT))
        elif known is not None and utterance.language is not None and utterance.language not in known:
            texts.append(("", NO_LANGUAGE))
        else:
            clean = normalize(text, normalizer)
            texts.append((clean, "" if clean else EMPTY_TEXT))
    wanted = {id for id, (_, reason) in zip(material.manifest.ids, texts, strict=True) if not reason}
    verdicts = _judge(transcripts, files_of(material), recognizer, store, device, jobs, failures, wanted)
    heard = {
        condition: [_heard(by_id.get(id), normalizer) for id in material.manifest.ids]
        for condition, by_id in verdicts.items()
    }
    return Words(texts, heard)


def _heard(verdict: Verdict[str] | None, normalizer: str) -> tuple[str, str]:
    if verdict is None:
        return "", "not-judged"
    return ("", verdict.reason or "not-judged") if verdict.value is None else (normalize(verdict.value, normalizer), "")


def word_ratios(words: Words, condition: str, draw: NullPairs | None = None) -> dict[str, Ratios]:
    """WER and CER of a condition; under a null draw, against the texts of other utterances."""
    n = len(words.texts)
    partner = np.arange(n) if draw is None else draw.reference
    parts: dict[str, list[tuple[float, float, str]]] = {"wer": [], "cer": []}
    for i in range(n):
        text, why = words.texts[partner[i]] if partner[i] >= 0 else ("", "not-measured")
        heard, why_not = words.heard[condition][i]
        reason = words.texts[i][1] or why or why_not
        for metric, count in (("wer", word_edits), ("cer", char_edits)):
            parts[metric].append((math.nan, math.nan, reason) if reason else _edits(count(text, heard)))
    return {metric: _from_parts(listed) for metric, listed in parts.items()}


def _edits(edits: Edits) -> tuple[float, float, str]:
    return float(edits.errors), float(edits.reference_length), ""


@dataclass(frozen=True)
class Voices:
    """Vectors of length 1 by condition and utterance, None where there is none; and why, likewise."""

    vectors: Mapping[str, list[NDArray[np.float32] | None]]
    reasons: Mapping[str, list[str]]


def hear_voices(material: Material, encoder: str, store: Path, device: str, jobs: int, failures: FailureLog) -> Voices:
    """The voice of every reference and reconstruction."""
    from hac.judges.judge_files import voices

    verdicts = _judge(voices, files_of(material), encoder, store, device, jobs, failures)
    ids = material.manifest.ids
    return Voices(
        {condition: [by_id[id].value for id in ids] for condition, by_id in verdicts.items()},
        {condition: [by_id[id].reason or "" for id in ids] for condition, by_id in verdicts.items()},
    )


def voice_ratios(voices: Voices, condition: str, draw: NullPairs | None = None) -> Ratios:
    """Cosine with the reference's voice; under a null draw, with another one's."""
    n = len(voices.vectors[condition])
    partner = np.arange(n) if draw is None else draw.reference
    values, reasons = [], []
    for i in range(n):
        estimate, j = voices.vectors[condition][i], int(partner[i])
        reference = voices.vectors[REFERENCE][j] if j >= 0 else None
        if estimate is None or reference is None:
            values.append(math.nan)
            why = voices.reasons[REFERENCE][j] if j >= 0 else "not-measured"
            reasons.append(voices.reasons[condition][i] or why)
            continue
        values.append(float(np.clip(np.dot(estimate.astype(np.float64), reference.astype(np.float64)), -1, 1)))
        reasons.append("")
    return ratios.means(values, reasons)


def judge_opinions(
    material: Material, predictor: str, store: Path, device: str, jobs: int, failures: FailureLog
) -> dict[str, dict[str, Ratios]]:
    """Predicted opinion scores by condition (also `REFERENCE`) and scale."""
    from hac.judges.judge_files import opinions

    verdicts = _judge(opinions, files_of(material), predictor, store, device, jobs, failures)
    scales = _scales(verdicts.values())
    listed = {condition: [by_id[id] for id in material.manifest.ids] for condition, by_id in verdicts.items()}
    return {
        condition: {
            scale: ratios.means(
                [(verdict.value or {}).get(scale, math.nan) for verdict in of],
                [verdict.reason or "" for verdict in of],
            )
            for scale in scales
        }
        for condition, of in listed.items()
    }


def _scales(verdicts: Iterable[Mapping[str, Verdict[dict[str, float]]]]) -> list[str]:
    for by_id in verdicts:
        for verdict in by_id.values():
            if verdict.value is not None:
                return list(verdict.value)
    return []


STORES = {"words": "transcripts", "voices": "voices", "opinions": "opinions"}
"""Names of the stores of verdicts in a run's folder, by protocol."""


def judges_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What a result must record of the judges, by protocol: of every judge whose verdicts the folder keeps."""
    from hac.parallel.resumable import read_rows

    found = {}
    for protocol, store in STORES.items():
        kept = read_rows(folder / f"{store}.parquet", store, ())
        found[protocol] = [] if kept is None else [judge for _, judge in sorted(kept[1].get("judges", {}).items())]
    return found


def _judge(
    call: Any,
    files: Mapping[str, Mapping[str, Path]],
    judge: str,
    store: Path,
    device: str,
    jobs: int,
    failures: FailureLog,
    wanted: set[str] | None = None,
) -> dict[str, dict[str, Verdict[Any]]]:
    """Verdicts by condition and id, of one call: the model is loaded once. Failures are noted by id."""
    flat = {
        f"{condition}{SEPARATOR}{id}": path
        for condition, by_id in files.items()
        for id, path in by_id.items()
        if wanted is None or id in wanted
    }
    noted = FailureLog(failures.strict)
    verdicts = call(flat, judge, store, device=device, jobs=jobs, failures=noted) if flat else {}
    for failure in noted:
        condition, _, id = failure.id.partition(SEPARATOR)
        failures.add(id, failure.reason, f"{condition}: {failure.detail}")
    split: dict[str, dict[str, Verdict[Any]]] = {condition: {} for condition in files}
    for name, verdict in verdicts.items():
        condition, _, id = name.partition(SEPARATOR)
        split[condition][id] = verdict
    return split


def _from_parts(parts: Sequence[tuple[float, float, str]]) -> Ratios:
    return ratios.ratios([part[0] for part in parts], [part[1] for part in parts], [part[2] for part in parts])
