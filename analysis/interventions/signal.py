"""How far a condition's audio lies from the reference decode: STOI and mel distance of pairs of files.

A pair is known by the hashes of both files (`hac.parallel.resumable`), so that a run that goes on measures only what is
new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from analysis.audio_quality.judged import NOT_DECODED
from analysis.audio_quality.pairs import Measure, Pairing, Part, mean_part, ratios_of, undefined
from hac.data.audio.audio import read_audio
from hac.errors import HacError
from hac.judges.stoi import Score
from hac.parallel.resumable import Item, Recipe, hashed, process
from probes.signal.signal_metrics import signal_scores
from probes.tokens.interventions import tiled

MEASURES = {"keep_stoi": "stoi", "keep_mel": "mel_distance"}
"""Measure -> metric of a pair."""
N_NULLS = 3
"""Null draws at most: a pair costs far more here than elsewhere, and each draw is a mean over all utterances."""
COLUMNS = {name: pa.struct({"value": pa.float64(), "reason": pa.string()}) for name in MEASURES.values()}
VERSION = 1


def compare(
    ids: Sequence[str],
    files: Mapping[str, Path],
    keep: Mapping[str, Path],
    nulls: Sequence[Pairing],
    folder: Path,
    jobs: int,
    what: str,
) -> dict[str, Measure]:
    """Each utterance against the reference decode of itself, and of others for the null.

    Args:
        ids: the utterances.
        files: audio of the condition.
        keep: audio of the reference.
        nulls: other utterances, for each null draw.
        folder: keeps what was measured.
        jobs: processes; 0 or less: one per core.
        what: shown beside the progress bar.
    """
    draws = [np.arange(len(ids)), *nulls[:N_NULLS]]
    own, reference = (_hashed(some) for some in (files, keep))
    pairs = [[(id, ids[draw[u]]) for u, id in enumerate(ids)] for draw in draws]
    items = {
        (one, other): Item(one, (files[one], keep[other]), f"{own[one].key}-{reference[other].key}", own[one].seconds)
        for drawn in pairs
        for one, other in drawn
        if one in own and other in reference
    }
    recipe = Recipe({"version": VERSION, "measures": MEASURES}, COLUMNS, _scores)
    table = process(
        [*items.values()], None, recipe, folder, jobs=jobs if jobs > 0 else -1, strict=False, description=what
    )
    rows = {row["audio"]: row for row in table.to_pylist()}

    def part(pair: tuple[str, str], metric: str) -> Part:
        if pair not in items:
            return undefined(NOT_DECODED)
        row = rows[items[pair].key]
        return undefined(row["reason"]) if row["reason"] else mean_part(Score(**row[metric]))

    made = {}
    for name, metric in MEASURES.items():
        value, *drawn = (ratios_of(part(pair, metric) for pair in drawn) for drawn in pairs)
        made[name] = Measure(value, tuple(drawn))
    return made


def _hashed(files: Mapping[str, Path]) -> dict[str, Item]:
    items, failed = hashed(files)
    if failed:
        raise HacError(failed[0].detail)
    return {item.id: item for item in items}


def _scores(pair: tuple[Path, Path]) -> dict[str, dict[str, float | str | None]]:
    """The scores of a file against a reference, which is cut or tiled to its length."""
    estimate = read_audio(pair[0])
    reference = tiled(read_audio(pair[1], estimate.sample_rate).samples, len(estimate.samples))
    scores = signal_scores(reference, estimate.samples, estimate.sample_rate, MEASURES.values())
    return {name: {"value": score.value, "reason": score.reason} for name, score in scores.items()}
