"""From a words tier as it was found to word tokens: what is a word, what is not, and what is said of it.

The rules, in this order; each is counted, none is silent:

1. `silence`: labels that mean silence (none at all, `sil`, `<eps>`, ...) are no words.
2. `markers`: labels in brackets (`<unk>`, `[noise]`) and noise labels (`spn`) are no words; the time counts as silence.
3. `no_duration`: an interval that does not end after it begins is dropped.
4. `several_words`: an interval with several words ("good morning") has no times for each of them; its frames count
   neither for nor against any code.

What is left is compared without regard to case, in Unicode's composed form. The same letters in two languages are two
words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hac.data.alignments.alignment import WORDS, Tier
from hac.data.manifest.manifest import Manifest
from hac.data.phones.policy import SILENCE, load_policy
from hac.data.ragged import bounds_of
from hac.errors import HacError
from probes.words.word_codes import Words, WordType

_NOISE = frozenset(("spn", "nsn"))
_BRACKETS = {"<": ">", "[": "]", "{": "}", "(": ")", "+": "+"}
_SHARED_ENOUGH = 0.5
"""Less than this share of the word tokens among the transcripts' words is worth a warning."""


@dataclass(frozen=True)
class Cleaning:
    """What the rules did: count of intervals."""

    found: int
    words: int
    silence: int
    markers: int
    no_duration: int
    several_words: int


def normalize(label: str) -> str:
    """A word as it is compared: Unicode's composed form, small letters, no space around."""
    return unicodedata.normalize("NFC", label).lower().strip()


@cache
def silence_labels() -> frozenset[str]:
    """Normalized labels that mean that nobody speaks; fewer than among phones: people say "silence" and "pause"."""
    return frozenset(normalize(label) for label in (*load_policy(WORDS, ()).silence, SILENCE))


def is_marker(label: str) -> bool:
    """Whether a normalized label is a remark, such as `<unk>` or `[laughter]`, and no word."""
    return label in _NOISE or (len(label) > 1 and _BRACKETS.get(label[0]) == label[-1])


def word_tokens(tier: Tier, languages: Sequence[str | None]) -> tuple[Words, Cleaning]:
    """The word tokens of a words tier.

    Args:
        tier: as it was found.
        languages: language of each of its utterances, None where unknown.

    Raises:
        HacError: there is no word in it.
    """
    names = [normalize(label) for label in tier.vocabulary]
    silent = np.array([name in silence_labels() for name in names], bool)
    marker = np.array([not silence and is_marker(name) for name, silence in zip(names, silent, strict=True)], bool)
    several = np.array([len(name.split()) > 1 for name in names], bool) & ~marker & ~silent
    label = tier.labels
    lasts = tier.offset_us > tier.onset_us
    talk = ~silent[label] & ~marker[label]
    kept = talk & lasts & ~several[label]
    hidden = talk & lasts & several[label]
    utterance = tier.utterance_index()
    words = _words(tier, names, languages, utterance, kept)
    whole = Words(*words, np.stack([utterance[hidden], tier.onset_us[hidden], tier.offset_us[hidden]], axis=1))
    cleaning = Cleaning(
        len(label),
        int(kept.sum()),
        int(silent[label].sum()),
        int(marker[label].sum()),
        int((talk & ~lasts).sum()),
        int(hidden.sum()),
    )
    if not cleaning.words:
        raise HacError(
            f"the words tier has no words in the {len(tier.ids)} utterances that count: {cleaning.found} intervals, "
            f"{cleaning.silence} of them silence, {cleaning.markers} remarks such as <unk>, {cleaning.several_words} "
            "with several words; align words first, one interval a word"
        )
    return whole, cleaning


def _words(
    tier: Tier,
    names: Sequence[str],
    languages: Sequence[str | None],
    utterance: NDArray[np.int64],
    kept: NDArray[np.bool_],
) -> tuple[
    tuple[str, ...], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], tuple[WordType, ...]
]:
    known = sorted({language or "" for language in languages})
    of_utterance = np.array([known.index(language or "") for language in languages], np.int64)
    spellings = sorted(set(names))
    place = {name: i for i, name in enumerate(spellings)}
    to_spelling = np.array([place[name] for name in names], np.int64)
    key = of_utterance[utterance[kept]] * len(spellings) + to_spelling[tier.labels[kept]]
    used, word = np.unique(key, return_inverse=True)
    types = tuple(WordType(known[k // len(spellings)], spellings[k % len(spellings)]) for k in used.tolist())
    bounds = bounds_of(np.bincount(utterance[kept], minlength=len(tier.ids)))
    return tier.ids, bounds, word.astype(np.int32), tier.onset_us[kept], tier.offset_us[kept], types


def warnings_of(words: Words, cleaning: Cleaning, manifest: Manifest | None) -> list[str]:
    """What a reader must know of the words."""
    said = []
    if cleaning.several_words:
        said.append(
            f"{cleaning.several_words} intervals of the words tier hold several words and have no times for each of "
            "them: their frames count neither for nor against any code"
        )
    spoken = _transcribed(manifest.by_id[id].text for id in words.ids) if manifest else set()
    if spoken:
        counts = np.bincount(words.word, minlength=len(words.types))
        shared = sum(int(n) for word, n in zip(words.types, counts, strict=True) if word.spelling in spoken)
        if shared < _SHARED_ENOUGH * counts.sum():
            rare = next(word.spelling for word in words.types if word.spelling not in spoken)
            said.append(
                f"only {shared / counts.sum():.0%} of the word tokens occur in the manifest's transcripts (not: "
                f"{rare!r}): is the words tier of another text, spelling or script?"
            )
    return said


def _transcribed(texts: Iterable[str | None]) -> set[str]:
    words: set[str] = set()
    for text in texts:
        for word in normalize(text or "").split():
            words.add(word)
            words.add(word.strip(".,;:!?\"'()[]«»„“”¿¡…-–—"))
    return words
