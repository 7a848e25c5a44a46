"""How wrong an aligner is: measured on synthetic speech of the corpus's own transcripts, whose truth is known.

The synthetic voice speaks the same texts in the same languages, so the measure includes what the aligner's
pronunciations get wrong. It is cleaner than real speech and the synthesizer's pronunciations are not a person's: the
figures show the aligner's bias and its order of precision, not the exact error on the corpus.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hac.align.corpus import Options, align_corpus
from hac.align.evaluate import score_alignments
from hac.align.g2p import base_language
from hac.data.alignment import PHONES, WORDS, Alignments, tier_from_rows
from hac.data.audio import write_audio
from hac.data.corpora.espeak import DRY_VARIANTS, Voice, synthesize
from hac.data.manifest import Manifest, Utterance
from hac.data.timeline import US_PER_S, samples_to_us
from hac.errors import FailureLog

_MINUTES = 6.0
"""Of synthetic speech a language: what one speaker's model wants."""

_NOISE_DB = -50.0
"""Noise below full scale: digital silence between the words would make the task too easy."""


def with_error(
    alignments: Alignments, manifest: Manifest, options: Options, *, minutes: float = _MINUTES
) -> Alignments:
    """The alignments, with `provenance["aligner_error"]` telling the aligner's error by language."""
    aligned = set(alignments.phones.ids)
    texts: dict[str, list[str]] = defaultdict(list)
    for item in manifest.utterances:
        if item.id in aligned and item.text:
            texts[base_language(item.language or "en")].append(item.text)
    errors = {
        language: measure_aligner(language, texts[language], options, minutes=minutes) for language in sorted(texts)
    }
    return replace(alignments, provenance={**alignments.provenance, "aligner_error": errors})


def measure_aligner(
    language: str, texts: Sequence[str], options: Options, *, minutes: float = _MINUTES, seed: int = 0
) -> dict[str, Any]:
    """Align synthetic speech and compare with its truth.

    Args:
        language: of the texts.
        texts: spoken in an order drawn by the seed, again and again until there are `minutes`.
        options: the aligner.
        minutes: how much to speak.
        seed: of the order and of the voices.

    Returns:
        Minutes, voice, failures by reason, and per tier the figures of `BoundaryScore.as_json`.

    Raises:
        HacError: espeakng-loader is not installed, or nothing could be aligned.
    """
    failures = FailureLog()
    with tempfile.TemporaryDirectory(prefix="hac-measure-") as folder:
        manifest, truth, voice = _speak(Path(folder), language, texts, minutes, seed)
        found = align_corpus(manifest, options, failures=failures)
    scores = score_alignments(truth, found)
    return {
        "minutes": round(manifest.duration_us / US_PER_S / 60, 2),
        "voice": f"espeak-ng {voice}",
        "seed": seed,
        "failures": failures.by_reason(),
        "tiers": {name: score.as_json() for name, score in scores.items()},
    }


def _speak(
    folder: Path, language: str, texts: Sequence[str], minutes: float, seed: int
) -> tuple[Manifest, Alignments, str]:
    """A corpus of one synthetic speaker, and its true tiers."""
    rng = np.random.default_rng(seed)
    voice = Voice(language, DRY_VARIANTS[int(rng.integers(len(DRY_VARIANTS)))], 50, 160)
    utterances: list[Utterance] = []
    phones: list[tuple[str, str, int, int]] = []
    words: list[tuple[str, str, int, int]] = []
    order: list[int] = []
    while sum(item.duration for item in utterances) < 60.0 * minutes:
        order = order or rng.permutation(len(texts)).tolist()
        text = texts[order.pop()]
        id = f"{len(utterances):05d}"
        speech = synthesize(text, voice, seed=len(utterances))
        rate = speech.sample_rate
        noise = 10 ** (_NOISE_DB / 20) * rng.standard_normal(len(speech.samples))
        write_audio(folder / f"{id}.wav", (speech.samples / 32768.0 + noise).astype(np.float32), rate)
        duration_us = samples_to_us(len(speech.samples), rate)
        utterances.append(Utterance(id, f"{id}.wav", duration_us / US_PER_S, "synthetic", language, text))
        for rows, spans in ((phones, speech.phones), (words, speech.words)):
            rows.extend((id, s.label, samples_to_us(s.start, rate), samples_to_us(s.end, rate)) for s in spans)
    tiers = {PHONES: tier_from_rows(PHONES, phones), WORDS: tier_from_rows(WORDS, words)}
    return Manifest(folder, tuple(utterances)), Alignments(tiers), f"{voice.language}+{voice.variant}"
