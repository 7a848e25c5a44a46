"""What models say of references and reconstructions: the texts, and who judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.audio_quality.judged import Recordings, Vector
from hac.data.manifest.manifest import Manifest, Utterance
from hac.judges.judge_files import Verdict, languages_of
from hac.parallel.resumable import read_rows
from probes.transcripts import normalize

NO_TEXT, NO_LANGUAGE, EMPTY_TEXT = "text-missing", "language-unknown-to-recognizer", "text-empty"
STORES = {"words": "transcripts", "voices": "voices", "opinions": "opinions"}
"""Names of the stores of verdicts in a run's folder, by protocol."""


@dataclass(frozen=True)
class Transcripts:
    """Texts and what was recognized, both normalized; an utterance without a text has its reason in both.

    Attributes:
        texts: by utterance.
        recognized: by condition (also the references), by utterance.
    """

    texts: Sequence[Verdict[str]]
    recognized: Mapping[str, Sequence[Verdict[str]]]


def transcribe(recordings: Recordings, manifest: Manifest, recognizer: str, normalizer: str) -> Transcripts:
    """Transcribe the recordings of all utterances that have a text in a language that the recognizer knows."""
    known = languages_of(recognizer, recordings.device)
    texts = {each.id: _text(each, known, normalizer) for each in manifest.utterances}
    left_out = {id: text for id, text in texts.items() if text.value is None}
    return Transcripts([*texts.values()], recordings.transcripts(recognizer, normalizer, left_out))


def _text(utterance: Utterance, known: frozenset[str] | None, normalizer: str) -> Verdict[str]:
    """The text to compare with, or why there is none."""
    if utterance.text is None or not utterance.text.strip():
        return Verdict(None, NO_TEXT)
    if known is not None and utterance.language is not None and utterance.language not in known:
        return Verdict(None, NO_LANGUAGE)
    text = normalize(utterance.text, normalizer)
    return Verdict(text) if text else Verdict(None, EMPTY_TEXT)


def cosine(one: Vector, other: Vector) -> float:
    """Cosine of two vectors of length 1."""
    return float(np.clip(np.dot(one.astype(np.float64), other.astype(np.float64)), -1, 1))


def judges_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What a result must record of the judges, by protocol: of every judge whose verdicts the folder keeps."""
    found = {}
    for protocol, store in STORES.items():
        kept = read_rows(folder / f"{store}.parquet", store, ())
        found[protocol] = [] if kept is None else [judge for _, judge in sorted(kept[1].get("judges", {}).items())]
    return found
