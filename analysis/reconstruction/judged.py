"""What models say of references and reconstructions: words, voices, opinions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.audio_quality.judged import Vector, Verdicts, ask, recognize
from analysis.reconstruction.inputs import REFERENCE, Material
from hac.data.manifest.manifest import Utterance
from hac.errors import FailureLog
from hac.judges import judge_files
from hac.judges.judge_files import Verdict
from hac.parallel.resumable import read_rows
from probes.transcripts import normalize

NO_TEXT, NO_LANGUAGE, EMPTY_TEXT = "text-missing", "language-unknown-to-recognizer", "text-empty"


@dataclass(frozen=True)
class Transcripts:
    """Texts and what was recognized, both normalized; an utterance without a text has its reason in both.

    Attributes:
        texts: by utterance.
        recognized: by condition (also `REFERENCE`), by utterance.
    """

    texts: Sequence[Verdict[str]]
    recognized: Mapping[str, Sequence[Verdict[str]]]


def transcribe(
    material: Material, recognizer: str, normalizer: str, store: Path, device: str, jobs: int, failures: FailureLog
) -> Transcripts:
    """Transcribe references and reconstructions of all utterances that have a text in a language it knows."""
    known = judge_files.languages_of(recognizer, device)
    texts = {each.id: _text(each, known, normalizer) for each in material.manifest.utterances}
    files = {
        condition: {id: path for id, path in by_id.items() if texts[id].value is not None}
        for condition, by_id in _files(material).items()
    }
    found = recognize(files, recognizer, normalizer, store, device, jobs, failures)
    recognized = {condition: [by_id.get(id, text) for id, text in texts.items()] for condition, by_id in found.items()}
    return Transcripts([*texts.values()], recognized)


def _text(utterance: Utterance, known: frozenset[str] | None, normalizer: str) -> Verdict[str]:
    """The text to compare with, or why there is none."""
    if utterance.text is None or not utterance.text.strip():
        return Verdict(None, NO_TEXT)
    if known is not None and utterance.language is not None and utterance.language not in known:
        return Verdict(None, NO_LANGUAGE)
    text = normalize(utterance.text, normalizer)
    return Verdict(text) if text else Verdict(None, EMPTY_TEXT)


def embed_voices(
    material: Material, encoder: str, store: Path, device: str, jobs: int, failures: FailureLog
) -> dict[str, list[Verdict[Vector]]]:
    """The voice of every reference and reconstruction, by condition (also `REFERENCE`)."""
    return _listed(material, ask(judge_files.voices, _files(material), encoder, store, device, jobs, failures))


def cosine(one: Vector, other: Vector) -> float:
    """Cosine of two vectors of length 1."""
    return float(np.clip(np.dot(one.astype(np.float64), other.astype(np.float64)), -1, 1))


def predict_opinions(
    material: Material, predictor: str, store: Path, device: str, jobs: int, failures: FailureLog
) -> dict[str, list[Verdict[dict[str, float]]]]:
    """Predicted opinion scores by scale of every reference and reconstruction, by condition (also `REFERENCE`)."""
    return _listed(material, ask(judge_files.opinions, _files(material), predictor, store, device, jobs, failures))


def _files(material: Material) -> dict[str, Mapping[str, Path]]:
    """Audio by condition, the references first."""
    return {REFERENCE: material.references, **{each.name: each.files for each in material.conditions}}


def _listed(material: Material, verdicts: Verdicts[Any]) -> dict[str, list[Verdict[Any]]]:
    """The verdicts of each condition in the order of the utterances."""
    return {condition: [by_id[id] for id in material.manifest.ids] for condition, by_id in verdicts.items()}


STORES = {"words": "transcripts", "voices": "voices", "opinions": "opinions"}
"""Names of the stores of verdicts in a run's folder, by protocol."""


def judges_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What a result must record of the judges, by protocol: of every judge whose verdicts the folder keeps."""
    found = {}
    for protocol, store in STORES.items():
        kept = read_rows(folder / f"{store}.parquet", store, ())
        found[protocol] = [] if kept is None else [judge for _, judge in sorted(kept[1].get("judges", {}).items())]
    return found
