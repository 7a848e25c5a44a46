"""How wrong an aligner is: measured on synthetic speech of the corpus's own transcripts, whose truth is known.

The synthetic voices speak the same texts in the same languages, so the measure includes what the aligner's
pronunciations get wrong. It is taken twice: on clean speech, and on the same speech in small rooms with noise. The
synthesizer's pronunciations are not a person's, and each voice speaks for long enough to get a model of its own,
which speakers of a corpus may not: the figures show the aligner's bias and its order of precision, not the exact
error on the corpus.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hac.align.boundary_errors import score_alignments
from hac.align.g2p import base_language
from hac.align.run import Options, align_corpus, uses_sphinx
from hac.corpora.acoustic_conditions import CONDITIONS, Augmentation, augment
from hac.corpora.synthetic.espeak import FEMALE_VARIANTS, MALE_VARIANTS, Voice, at_rate, synthesize
from hac.data.alignments.alignment import PHONES, WORDS, Alignments, tier_from_rows
from hac.data.audio.audio import write_audio
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.phones.classes import SILENCE
from hac.data.tiers import Row
from hac.data.timeline import samples_to_us
from hac.errors import FailureLog, HacError
from hac.parallel.pool import here

NOT_MEASURED = "not measured: "
"""How an error that could not be measured begins; the reason follows."""

_MINUTES_TRAINED, _MINUTES_READY = 5.5, 1.5
"""Of each voice, where the aligner grows a model of it from the speech itself, and where it comes with models."""

_CLEAN = "clean"
_ROOMS: Augmentation = "light"
_NOISE_DB = -50.0
"""Noise below full scale in clean speech: digital silence between the words would make the task too easy."""
_PITCH, _RATE = (35, 65), (145, 190)
_SAMPLE_RATE = 16_000


@dataclass
class _Spoken:
    """What two voices said, and when."""

    utterances: list[Utterance] = field(default_factory=list)
    phones: list[Row] = field(default_factory=list)
    words: list[Row] = field(default_factory=list)
    voices: list[str] = field(default_factory=list)

    def truth(self) -> Alignments:
        """The true tiers."""
        return Alignments({PHONES: tier_from_rows(PHONES, self.phones), WORDS: tier_from_rows(WORDS, self.words)})


def with_error(
    alignments: Alignments, manifest: Manifest, options: Options, *, minutes: float | None = None
) -> Alignments:
    """The alignments, with `provenance["aligner_error"]` telling the aligner's error by language.

    A language whose error cannot be measured (espeakng-loader is missing, or has no such voice) gets a text that
    begins with `NOT_MEASURED` and says why.

    Args:
        minutes: of speech a voice, two voices a language; by default 5.5 where models are trained, else 1.5.
    """
    aligned = set(alignments.phones.ids)
    texts: dict[str, list[str]] = defaultdict(list)
    for item in manifest.utterances:
        if item.id in aligned and item.text:
            texts[base_language(item.language or "en")].append(item.text)
    errors: dict[str, Any] = {}
    for language in sorted(texts):
        try:
            errors[language] = measure_aligner(language, texts[language], options, minutes=minutes)
        except HacError as error:
            errors[language] = f"{NOT_MEASURED}{error}"
    return replace(alignments, provenance={**alignments.provenance, "aligner_error": errors})


def measure_aligner(
    language: str, texts: Sequence[str], options: Options, *, minutes: float | None = None, seed: int = 0
) -> dict[str, Any]:
    """Align synthetic speech and compare with its truth.

    Args:
        texts: spoken in an order drawn by the seed, again and again until there is enough.
        minutes: how much each of two voices speaks; see `with_error`.
        seed: of the order, the voices, the rooms and the noise.

    Returns:
        Minutes, voices, seed, and per condition (`clean`, `light`) failures by reason and, per tier, the figures of
        `BoundaryScore.as_json`.

    Raises:
        HacError: espeakng-loader is not installed, lacks the language, or nothing could be aligned.
    """
    if minutes is None:
        minutes = _MINUTES_READY if uses_sphinx(language, options.aligner) else _MINUTES_TRAINED
    # other machines do not see the folder
    with here(), tempfile.TemporaryDirectory(prefix="hac-measure-") as name:
        folder = Path(name)
        spoken = _speak(folder, language, texts, minutes, seed)
        conditions = {}
        for condition in (_CLEAN, _ROOMS):
            failures = FailureLog()
            manifest = Manifest(folder / condition, tuple(spoken.utterances))
            scores = score_alignments(spoken.truth(), align_corpus(manifest, options, failures=failures))
            tiers = {tier: score.as_json() for tier, score in scores.items()}
            conditions[condition] = {"failures": failures.by_reason(), "tiers": tiers}
    return {
        "minutes": round(sum(item.duration for item in spoken.utterances) / 60, 2),
        "voices": spoken.voices,
        "seed": seed,
        "conditions": conditions,
    }


def summary(errors: Mapping[str, Any]) -> list[str]:
    """A line for each language, condition and tier of `provenance["aligner_error"]`, or saying why there is none."""
    lines: list[str] = []
    for language, error in errors.items():
        if isinstance(error, str):
            lines.append(f"{language}: {error}")
            continue
        for condition, result in error["conditions"].items():
            for tier, figures in result["tiers"].items():
                lines.append(f"measured on synthetic {language}, {condition}, {tier}: {_figures(figures)}")
    return lines


def _figures(figures: Mapping[str, float | None]) -> str:
    if figures["mean_error_ms"] is None:
        return "no boundary found"
    f1 = ", ".join(f"{figures[f'f1_{ms}ms']:.3f} at {ms} ms" for ms in (20, 30, 50))
    return f"boundary F1 {f1}; bias {figures['mean_error_ms']:+.1f} ms, distance {figures['mean_abs_error_ms']:.1f} ms"


def _speak(folder: Path, language: str, texts: Sequence[str], minutes: float, seed: int) -> _Spoken:
    """Let a woman's and a man's voice speak; writes each condition's audio into a folder of its own."""
    spoken = _Spoken()
    for number, variants in enumerate((FEMALE_VARIANTS, MALE_VARIANTS)):
        rng = np.random.default_rng([seed, number])
        variant = variants[int(rng.integers(len(variants)))]
        voice = Voice(language, variant, int(rng.integers(*_PITCH)), int(rng.integers(*_RATE)))
        spoken.voices.append(f"espeak-ng {language}+{voice.variant} pitch {voice.pitch} rate {voice.rate}")
        left_s = 60.0 * minutes
        while left_s > 0:
            before_s = left_s
            for index in rng.permutation(len(texts)):
                if left_s > 0:
                    id = f"{number}-{len(spoken.utterances):05d}"
                    left_s -= _speak_one(folder, id, texts[index], voice, rng, spoken)
            if left_s == before_s:
                raise HacError(f"espeak-ng finds nothing to say in the {len(texts)} texts in language {language!r}")
    return spoken


def _speak_one(folder: Path, id: str, text: str, voice: Voice, rng: np.random.Generator, spoken: _Spoken) -> float:
    """Speak one text; returns its duration in seconds, 0 where there is no word to say."""
    if not any(letter.isalnum() for letter in text):
        return 0.0
    speech = synthesize(text, voice, int(rng.integers(1, 2**31)))
    if not speech.words:
        return 0.0
    samples, rows = at_rate(speech, _SAMPLE_RATE, rng)
    noise = 10 ** (_NOISE_DB / 20) * rng.standard_normal(len(samples))
    path = f"{id}.flac"
    write_audio(folder / _CLEAN / path, (samples + noise).astype(np.float32), _SAMPLE_RATE)
    write_audio(folder / _ROOMS / path, augment(samples, _SAMPLE_RATE, CONDITIONS[_ROOMS], rng), _SAMPLE_RATE)
    duration_s = len(samples) / _SAMPLE_RATE
    spoken.utterances.append(Utterance(id, path, duration_s, voice.variant, voice.language, text))
    spoken.words.extend(rows(id, speech.words))
    phones = rows(id, speech.phones)
    inside = [row for row in phones if row[1] != SILENCE]
    first, last = phones.index(inside[0]), phones.index(inside[-1])
    spoken.phones.append((id, SILENCE, 0, inside[0][2]))
    spoken.phones.extend(phones[first : last + 1])
    spoken.phones.append((id, SILENCE, inside[-1][3], samples_to_us(len(samples), _SAMPLE_RATE)))
    return duration_s
