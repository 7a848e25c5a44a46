"""Nulls that keep frequencies: word labels dealt anew, and codes dealt anew among runs of another stream's code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens import Stream
from probes.words import Words


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
    dealt = np.empty_like(words.word)
    dealt[in_order] = words.word[by_chance]
    return dealt


def permuted_runs(stream: Stream, given: Stream, draw: int, seed: int) -> NDArray[np.int32]:
    """The codes of a stream dealt anew among the runs that have the same code of another: int32 [n_frames].

    A run is a stretch of frames in which neither stream changes. What a run's code in `stream` says of anything but the
    code in `given` is chance then; how the two streams go together stays, and so do runs. (A local permutation as
    in Runge 2018, arXiv 1709.01447, with the code of `given` as the neighbourhood.) Made from the whole corpus.

    Args:
        stream, given: of the same rate and the same utterances.
        draw: which null draw.
        seed: of the whole analysis.
    """
    starts = np.union1d(stream.run_starts(), given.run_starts())
    of_run, condition = stream.codes[starts], given.codes[starts]
    rng = np.random.default_rng([seed, draw, 2])
    by_chance = np.lexsort((rng.random(len(starts)), condition))
    in_order = np.argsort(condition, kind="stable")
    dealt = np.empty_like(of_run)
    dealt[in_order] = of_run[by_chance]
    return np.repeat(dealt, np.diff(starts, append=len(stream.codes))).astype(np.int32)
