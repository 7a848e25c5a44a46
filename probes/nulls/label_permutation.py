"""Null: labels of utterances or words permuted, where a circular shift within an utterance breaks nothing.

Each factor says what its labels are permuted over (`Factor.permuted`): `speaker` over the utterances of each language,
so that chance knows the language and the number of utterances of every speaker, and the corrected value is what is told
of the speaker beyond the language; `gender` over the speakers of each language; `language` over all speakers.

What sounds alike within an utterance, or within a speaker, stays together in chance too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from probes.leakage.factors import Factor, Labels
from probes.nulls.random_streams import permutation_within, random_stream
from probes.words.word_codes import Words

Unit = tuple[str, tuple[str, str]]
"""Stratum, and the name of an utterance or a speaker in it."""


def permuted_labels(
    factor: Factor, speakers: Sequence[str | None], languages: Sequence[str | None], draw: int, seed: int
) -> Labels:
    """Labels of the utterances in one draw: int32 [n_utterances]; undefined ones stay where they are.

    Args:
        factor: an utterance factor.
        speakers: of each utterance; an utterance without one counts by itself.
        languages: of each utterance.
        draw: which draw, from 1.
        seed: of the whole analysis.
    """
    ids, labels = factor.tier.ids, factor.tier.labels
    units = [("", id) for id in ids]
    if factor.permuted != "utterances of each language":
        # speakers of two languages are two speakers
        voices = zip(ids, speakers, languages, strict=True)
        units = [(f"speaker {language}", voice) if voice else ("", id) for id, voice, language in voices]
    strata = [""] * len(ids) if factor.permuted == "speakers" else [language or "" for language in languages]
    first: dict[Unit, int] = {}
    for u in sorted((u for u in range(len(ids)) if labels[u] >= 0), key=lambda u: ids[u]):
        first.setdefault((strata[u], units[u]), int(labels[u]))
    permuted = _permuted(sorted(first), first, random_stream(f"labels of {factor.name}", draw, seed))
    places = [permuted.get((strata[u], units[u]), -1) if labels[u] >= 0 else -1 for u in range(len(ids))]
    return np.array(places, np.int32)


def _permuted(units: list[Unit], labels: dict[Unit, int], rng: np.random.Generator) -> dict[Unit, int]:
    """The labels of units exchanged within each stratum."""
    _, stratum = np.unique(np.array([unit[0] for unit in units], object), return_inverse=True)
    order = permutation_within(stratum, rng)
    return {unit: labels[units[i]] for unit, i in zip(units, order.tolist(), strict=True)}


def permuted_words(words: Words, draw: int, seed: int) -> NDArray[np.int32]:
    """Every token's word exchanged with that of a random token of the same language: int32 [n_tokens].

    Frequencies of words, and times and codes of tokens, stay; only which word a token is of is chance. Made from the
    whole corpus, so a shard must take its part of the result.
    """
    languages = sorted({word.language for word in words.types})
    language = np.array([languages.index(word.language) for word in words.types], np.int64)[words.word]
    return words.word[permutation_within(language, random_stream("word permutation", draw, seed))]
