"""How far a condition's audio lies from the reference decode: STOI and mel distance, a file of them per condition.

The pairs of a condition are kept once all are measured, with a hash of the audio they are of, so that a run that goes
on measures only what is new.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis import parallel
from analysis.interventions.measures import NOT_HEARD, Measure
from analysis.results.ratios import means
from hac.data.audio.audio import AudioError, read_audio
from hac.files.atomic import atomic_path, sha256_file
from probes.signal.signal_metrics import signal_scores
from probes.tokens.interventions import looped

MEASURES = {"keep_stoi": "stoi", "keep_mel": "mel_distance"}
"""Measure -> metric of a pair."""
N_NULLS = 3
"""Null draws at most: a pair costs far more here than elsewhere, and each draw is a mean over all utterances."""
_KEY = b"hac-signals"
VERSION = 1

Scores = tuple[float, str, float, str]
"""STOI, why not, mel distance, why not."""


def compare(
    ids: Sequence[str],
    files: Mapping[str, Path],
    keep: Mapping[str, Path],
    strangers: Sequence[NDArray[np.int64]],
    kept_at: Path,
    jobs: int,
    what: str,
) -> dict[str, Measure]:
    """Each utterance against the reference decode of itself, and of strangers for the null.

    Args:
        ids: the utterances.
        files: audio of the condition.
        keep: audio of the reference.
        strangers: from `probes.nulls.derangement.derangement`, one for each null draw.
        kept_at: Parquet file of the condition.
        jobs: processes.
        what: shown beside the progress bar.
    """
    others = [np.arange(len(ids)), *strangers[:N_NULLS]]
    pairs = [[(files.get(id), keep.get(ids[of[u]])) for of in others] for u, id in enumerate(ids)]
    key = _key(ids, files, keep, others)
    rows = _read(kept_at, key)
    if rows is None:
        rows = parallel.run(_measure, [(mine,) for mine in pairs], jobs=jobs, what=what)
        _write(kept_at, key, ids, rows)
    made = {}
    for name, place in zip(MEASURES, (0, 2), strict=True):
        of_draws = [
            means([row[draw][place] for row in rows], [str(row[draw][place + 1]) for row in rows])  # type: ignore[misc]
            for draw in range(len(others))
        ]
        made[name] = Measure(of_draws[0], tuple(of_draws[1:]))
    return made


def _measure(pairs: Sequence[tuple[Path | None, Path | None]]) -> list[Scores]:
    """The scores of one utterance's audio against several references, each cut or looped to its length."""
    first = pairs[0][0]
    if first is None:
        return [(math.nan, NOT_HEARD, math.nan, NOT_HEARD)] * len(pairs)
    made: list[Scores] = []
    try:
        estimate = read_audio(first)
    except AudioError as error:
        return [(math.nan, error.reason, math.nan, error.reason)] * len(pairs)
    for _, path in pairs:
        if path is None:
            made.append((math.nan, NOT_HEARD, math.nan, NOT_HEARD))
            continue
        reference = looped(read_audio(path, estimate.sample_rate).samples, len(estimate.samples))
        scores = signal_scores(reference, estimate.samples, estimate.sample_rate, tuple(MEASURES.values()))
        stoi, mel = (scores[name] for name in MEASURES.values())
        made.append((stoi.value, stoi.reason, mel.value, mel.reason))
    return made


def _key(
    ids: Sequence[str],
    files: Mapping[str, Path],
    keep: Mapping[str, Path],
    others: Sequence[NDArray[np.int64]],
) -> str:
    """Hash of all that the scores depend on."""
    audio = [[sha256_file(some[id]) if id in some else None for id in ids] for some in (files, keep)]
    facts = [VERSION, list(ids), audio, [of.tolist() for of in others]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _read(path: Path, key: str) -> list[list[Scores]] | None:
    """What was kept under this key; None where there is nothing, or it cannot be read."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid):
        return None
    if (table.schema.metadata or {}).get(_KEY) != key.encode():
        return None
    rows: list[list[Scores]] = []
    for row in table.to_pylist():
        if row["draw"] == 0:
            rows.append([])
        rows[-1].append((row["stoi"], row["stoi_reason"], row["mel"], row["mel_reason"]))
    return rows


def _write(path: Path, key: str, ids: Sequence[str], rows: Sequence[Sequence[Scores]]) -> None:
    flat = [(id, draw, *scores) for id, mine in zip(ids, rows, strict=True) for draw, scores in enumerate(mine)]
    names = ("id", "draw", "stoi", "stoi_reason", "mel", "mel_reason")
    kinds = (pa.string(), pa.int32(), pa.float64(), pa.string(), pa.float64(), pa.string())
    columns = [pa.array([row[i] for row in flat], kind) for i, kind in enumerate(kinds)]
    table = pa.table(columns, pa.schema(list(zip(names, kinds, strict=True)), {_KEY: key.encode()}))
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary)
