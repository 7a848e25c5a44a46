"""Null: which other utterances' references reconstructions are compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.audio_quality.pairs import Pairing
from probes.nulls.derangement import derangement
from probes.nulls.random_streams import random_keys


def null_pairs(ids: Sequence[str], n_draws: int, seed: int, n_pairs: int | None = None) -> list[Pairing]:
    """Null draws; with `n_pairs`, each takes its share of so many pairs in all, utterances chosen by chance."""
    draws = []
    for draw in range(1, n_draws + 1):
        references = derangement(ids, draw, seed)
        if n_pairs is not None:
            share = n_pairs * draw // n_draws - n_pairs * (draw - 1) // n_draws
            order = np.argsort(random_keys("pairs", ids, draw, seed))
            references[order[share:]] = -1
        draws.append(references)
    return draws


def other_voices(
    ids: Sequence[str], speakers: Sequence[str | None], n_draws: int, seed: int
) -> tuple[list[Pairing], str]:
    """Null draws for voices: a reference of another speaker where there is one; and what a reader must know."""
    known = {speaker for speaker in speakers if speaker is not None}
    if len(known) < 2:
        note = "null from other utterances of the same voice, as the manifest names no two speakers"
        return null_pairs(ids, n_draws, seed), note
    voice = np.array([-1 if s is None else sorted(known).index(s) for s in speakers], np.int64)
    draws = []
    for draw in range(1, n_draws + 1):
        order = np.argsort(random_keys("voices", ids, draw, seed))
        place = np.empty(len(ids), np.int64)
        place[order] = np.arange(len(ids))
        references = np.full(len(ids), -1, np.int64)
        for i in range(len(ids)):
            after = np.roll(order, -place[i])
            others = after[(voice[after] != voice[i]) & (voice[after] >= 0)] if voice[i] >= 0 else after[:0]
            references[i] = others[0] if len(others) else -1
        draws.append(references)
    return draws, "null from references of other speakers"
