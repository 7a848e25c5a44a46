"""A synthetic corpus in eight languages whose phone and word times are exactly known.

    DIR/manifest.jsonl                        id, path, duration, speaker, language, text, gender
    DIR/audio/LANGUAGE/SPEAKER/ID.flac        16 kHz, mono, 16 bits
    DIR/alignments.parquet                    tiers phones (IPA, pauses `sil`) and words

It tests machinery: every claim about times can be checked against the truth. Formant speech is easy, so it does not
rank tokenizers or teachers. The same settings and seed give the same bytes, whatever the number of jobs.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from hac.console import progress
from hac.corpora.acoustic_conditions import CONDITIONS, Augmentation, augment
from hac.corpora.synthetic.espeak import FEMALE_VARIANTS, MALE_VARIANTS, Voice, at_rate, synthesize
from hac.corpora.synthetic.espeak_times import SILENCE
from hac.corpora.synthetic.texts import LANGUAGES, sentences
from hac.data.alignments.alignment import PHONES, WORDS, Alignments, tier_from_rows, write_alignments
from hac.data.audio.audio import write_audio
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tiers import Row
from hac.data.timeline import US_PER_S, samples_to_us
from hac.errors import HacError

SAMPLE_RATE = 16_000
"""Hz, of everything written."""

_P_TWO_SENTENCES = 0.35


@dataclass(frozen=True, slots=True)
class Speaker:
    """A named voice."""

    name: str
    voice: Voice

    @property
    def gender(self) -> str:
        """`female` or `male`, as the variant is meant."""
        return "female" if self.voice.variant in FEMALE_VARIANTS else "male"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the corpus is made of; recorded in the alignments' provenance.

    Attributes:
        minutes: total length to reach, silence included.
        voices: speakers, shared out evenly over the languages.
        augmentation: `none`, `light` or `strong`.
        seed: of everything random.
    """

    minutes: float = 20.0
    voices: int = 48
    languages: tuple[str, ...] = LANGUAGES
    augmentation: Augmentation = "light"
    seed: int = 0

    def check(self) -> None:
        """Refuse settings that make no corpus.

        Raises:
            HacError: naming the setting.
        """
        unknown = [language for language in self.languages if language not in LANGUAGES]
        if unknown or not self.languages:
            what = ", ".join(unknown) or "none"
            raise HacError(f"--languages: no sentences for {what}; expected some of {', '.join(LANGUAGES)}")
        if self.voices < len(self.languages):
            raise HacError(
                f"--voices {self.voices} is fewer than the {len(self.languages)} languages; give each at least one"
            )
        if not 0 < self.minutes < np.inf:
            raise HacError(f"--minutes {self.minutes:g} is not a positive number")
        if self.augmentation != "none" and self.augmentation not in CONDITIONS:
            raise HacError(f"--augment {self.augmentation!r} is not known; expected none, light or strong")
        if self.seed < 0:
            raise HacError(f"--seed {self.seed} is negative; expected 0 or more")


@dataclass(frozen=True, slots=True)
class SyntheticCorpus:
    """What was made."""

    manifest: Manifest
    alignments: Alignments


@dataclass(frozen=True, slots=True)
class _Spoken:
    utterance: Utterance
    phones: list[Row]
    words: list[Row]


def speakers(languages: Sequence[str], n_voices: int) -> list[Speaker]:
    """The first `n_voices` speakers, taking turns over the languages and, in each, over both sexes.

    A speaker is a variant with its own pitch and rate, and named after them: `en-f1-p52-r171`. Each language
    starts at another variant, so that a variant does not stand for a language.
    """
    found: dict[str, Speaker] = {}
    turn = 0
    while len(found) < n_voices:
        language, k = languages[turn % len(languages)], turn // len(languages)
        place = 3 * LANGUAGES.index(language) + k // 2
        variants = MALE_VARIANTS if k % 2 else FEMALE_VARIANTS
        # multiples of irrational numbers spread evenly over the ranges without repeating
        point = LANGUAGES.index(language) + len(LANGUAGES) * k + 1
        pitch, rate = 35 + int(31 * (point * 0.6180339887 % 1)), 145 + int(51 * (point * 0.7548776662 % 1))
        voice = Voice(language, variants[place % len(variants)], pitch, rate)
        name = f"{language}-{voice.variant.lower()}-p{pitch}-r{rate}"
        found.setdefault(name, Speaker(name, voice))
        turn += 1
    return list(found.values())


def synthetic_corpus(folder: Path, settings: Settings, *, jobs: int = 1) -> SyntheticCorpus:
    """Synthesize the corpus into `folder`.

    Raises:
        HacError: a setting makes no sense, espeak-ng is missing, or the folder cannot be written.
    """
    from joblib import Parallel, delayed

    settings.check()
    folder = Path(folder)
    for stale in (folder / "manifest.jsonl", folder / "alignments.parquet"):
        stale.unlink(missing_ok=True)  # an interrupted run must not leave them beside other audio
    cast = speakers(settings.languages, settings.voices)
    # processes, not threads: the library keeps its state in globals
    spoken = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(_speak_all)(speaker, settings, folder) for speaker in cast
    )
    rows: list[_Spoken] = []
    with progress("voices", len(cast)) as advance:
        for part in spoken:
            rows.extend(part)
            advance(1)
    manifest = Manifest(folder, tuple(row.utterance for row in rows))
    ids = [utterance.id for utterance in manifest.utterances]
    tiers = {
        PHONES: tier_from_rows(PHONES, (phone for row in rows for phone in row.phones), ids=ids),
        WORDS: tier_from_rows(WORDS, (word for row in rows for word in row.words), ids=ids),
    }
    provenance = {
        "aligner": "espeak-ng events (exact)",
        "settings": asdict(settings),
        "versions": {name: version(name) for name in ("espeakng-loader", "numpy", "scipy", "soxr", "soundfile")},
    }
    alignments = Alignments(tiers, provenance)
    write_alignments(alignments, folder / "alignments.parquet")
    write_manifest(manifest, folder / "manifest.jsonl")
    return SyntheticCorpus(manifest, alignments)


def _speak_all(speaker: Speaker, settings: Settings, folder: Path) -> list[_Spoken]:
    """Everything one speaker says, written to disk. Depends on the speaker, not on what others said before."""
    rng = np.random.default_rng([settings.seed, zlib.crc32(speaker.name.encode())])
    quota_us = round(settings.minutes * 60 * US_PER_S / settings.voices)
    spoken: list[_Spoken] = []
    done_us = 0
    for text in _texts(speaker.voice.language, rng):
        id = f"{speaker.name}-{len(spoken) + 1:04d}"
        row = _speak(id, text, speaker, settings, folder, rng)
        spoken.append(row)
        done_us += round(row.utterance.duration * US_PER_S)
        if done_us >= quota_us:
            break
    return spoken


def _texts(language: str, rng: np.random.Generator) -> Iterator[str]:
    """One or two sentences at a time, all of them once before any comes again."""
    lines = sentences(language)
    while True:
        order = list(rng.permutation(len(lines)))
        while order:
            count = 2 if rng.random() < _P_TWO_SENTENCES else 1
            yield " ".join(lines[order.pop()] for _ in range(min(count, len(order))))


def _speak(id: str, text: str, speaker: Speaker, settings: Settings, folder: Path, rng: np.random.Generator) -> _Spoken:
    speech = synthesize(text, speaker.voice, int(rng.integers(1, 2**31)))
    samples, rows = at_rate(speech, SAMPLE_RATE, rng)
    if settings.augmentation != "none":
        # a generator of its own, so that every augmentation is of the same speech at the same times
        conditions_rng = np.random.default_rng([settings.seed, zlib.crc32(id.encode()), 1])
        samples = augment(samples, SAMPLE_RATE, CONDITIONS[settings.augmentation], conditions_rng)
    path = Path("audio") / speaker.voice.language / speaker.name / f"{id}.flac"
    write_audio(folder / path, samples, SAMPLE_RATE)
    duration_us = samples_to_us(len(samples), SAMPLE_RATE)
    utterance = Utterance(
        id, path.as_posix(), duration_us / US_PER_S, speaker.name, speaker.voice.language, text, gender=speaker.gender
    )
    return _Spoken(utterance, _with_edges(id, rows(id, speech.phones), duration_us), rows(id, speech.words))


def _with_edges(id: str, phones: list[Row], duration_us: int) -> list[Row]:
    """The phones with the silence before and after them, so that the tier covers the whole file."""
    first, last = phones[0], phones[-1]
    if first[1] == SILENCE:
        phones[0] = (id, SILENCE, 0, first[3])
    else:
        phones.insert(0, (id, SILENCE, 0, first[2]))
    if last[1] == SILENCE:
        phones[-1] = (id, SILENCE, phones[-1][2], duration_us)
    else:
        phones.append((id, SILENCE, last[3], duration_us))
    return phones
