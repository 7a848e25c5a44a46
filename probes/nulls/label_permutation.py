"""Labels of whole utterances dealt anew: the null of what a circular shift within an utterance cannot break.

- `speaker`: labels are dealt over the utterances of each language. Chance then knows the language and the number of
  utterances of every speaker, so the corrected value is what is told of the speaker beyond the language.
- `gender`: labels are dealt over the speakers of each language.
- `language`: labels are dealt over the speakers.

What sounds alike within an utterance, or within a speaker, stays together in chance too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from probes.leakage.factors import Factor, Labels
from probes.words.word_codes import Words

NULL_OF = {
    "speaker": "labels dealt anew over the utterances of each language",
    "gender": "labels dealt anew over the speakers of each language",
    "language": "labels dealt anew over the speakers",
}
"""What each null deals, by factor."""
Unit = tuple[str, tuple[str, str]]
"""Stratum, and the name of an utterance or a speaker in it."""


def permuted_labels(
    factor: Factor, speakers: Sequence[str | None], languages: Sequence[str | None], draw: int, seed: int
) -> Labels:
    """Labels of the utterances in one draw: int32 [n_utterances]; undefined ones stay where they are.

    Args:
        factor: an utterance factor.
        speakers: of each utterance; an utterance without one is dealt by itself.
        languages: of each utterance.
        draw: which draw, from 1.
        seed: of the whole analysis.
    """
    ids, labels = factor.tier.ids, factor.tier.labels
    units = [("", id) for id in ids]
    if factor.name != "speaker":
        # speakers of two languages are two speakers
        voices = zip(ids, speakers, languages, strict=True)
        units = [(f"speaker {language}", voice) if voice else ("", id) for id, voice, language in voices]
    strata = [""] * len(ids) if factor.name == "language" else [language or "" for language in languages]
    first: dict[Unit, int] = {}
    for u in sorted((u for u in range(len(ids)) if labels[u] >= 0), key=lambda u: ids[u]):
        first.setdefault((strata[u], units[u]), int(labels[u]))
    permuted = _permuted(sorted(first), first, np.random.default_rng([seed, draw, 3]))
    places = [permuted.get((strata[u], units[u]), -1) if labels[u] >= 0 else -1 for u in range(len(ids))]
    return np.array(places, np.int32)


def _permuted(units: list[Unit], labels: dict[Unit, int], rng: np.random.Generator) -> dict[Unit, int]:
    """The labels of units exchanged within each stratum, which comes first in a unit's name."""
    chance = rng.random(len(units))
    by_chance = sorted(range(len(units)), key=lambda i: (units[i][0], chance[i]))
    return {unit: labels[units[i]] for unit, i in zip(units, by_chance, strict=True)}


def per_frame(labels: Labels, n_frames: NDArray[np.int64]) -> Labels:
    """Labels of utterances as labels of their frames."""
    return np.repeat(labels, n_frames)


def permuted_words(words: Words, draw: int, seed: int) -> NDArray[np.int32]:
    """Every token's word exchanged with that of a random token of the same language: int32 [n_tokens].

    Frequencies of words, and times and codes of tokens, stay; only which word a token is of is chance. Made from the
    whole corpus, so a shard must take its part of the result.
    """
    rng = np.random.default_rng([seed, draw, 1])
    languages = sorted({word.language for word in words.types})
    language = np.array([languages.index(word.language) for word in words.types], np.int64)[words.word]
    # sorting by language first and by chance second deals within each language
    by_chance = np.lexsort((rng.random(len(language)), language))
    in_order = np.argsort(language, kind="stable")
    permuted = np.empty_like(words.word)
    permuted[in_order] = words.word[by_chance]
    return permuted
