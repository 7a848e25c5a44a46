"""Two halves of a corpus: what is chosen on one is scored on the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from probes.clusters import UNKNOWN, Row
from probes.utterance_keys import utterance_keys


def halves(rows: Sequence[Row], sizes: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[str]]:
    """Deal the rows of each language into two halves of about equal size: speakers where there are two, else parts.

    Args:
        sizes: int64 [n_rows], such as utterances of each row in the whole corpus (so that shards agree).

    Returns:
        int64 [n_rows], 0 or 1 for each row; and what a reader must know.
    """
    half = np.zeros(len(rows), np.int64)
    notes = []
    by_language: dict[str, list[int]] = defaultdict(list)
    for r, row in enumerate(rows):
        by_language[row.language].append(r)
    for language, members in sorted(by_language.items()):
        units: dict[str, list[int]] = defaultdict(list)
        for r in members:
            units[rows[r].speaker].append(r)
        known = len(set(units) - {UNKNOWN})
        if known < 2:
            units = {f"{rows[r].speaker} {rows[r].bin}": [r] for r in members}
            name = f"language {language}: " if language else ""
            notes.append(
                f"{name}{known} known speaker{'' if known == 1 else 's'}: the halves for held-out scores are split by "
                "utterance, so they know nothing of other speakers"
            )
        _deal(units, sizes, half)
    return half, notes


def _deal(units: dict[str, list[int]], sizes: NDArray[np.int64], half: NDArray[np.int64]) -> None:
    """Largest unit first, each to the smaller half; ties by a key of the name, so that no alphabet decides."""
    names = list(units)
    keys = dict(zip(names, utterance_keys(names).tolist(), strict=True))
    size = {name: int(sizes[units[name]].sum()) for name in names}
    filled = [0, 0]
    for name in sorted(names, key=lambda name: (-size[name], keys[name])):
        lighter = int(filled[1] < filled[0])
        half[units[name]] = lighter
        filled[lighter] += size[name]
