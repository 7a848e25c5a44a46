"""How far a condition's audio lies from the reference decode: STOI and mel distance, a file of them per condition.

The pairs of a condition are kept once all are measured, with a hash of the audio they are of, so that a run that goes
on measures only what is new.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis import parallel
from analysis.audio_quality.judged import NOT_DECODED
from analysis.audio_quality.pairs import Measure, Pairing, mean_part, ratios_of
from hac.data.audio.audio import AudioError, read_audio
from hac.files.atomic import atomic_path, sha256_file
from hac.judges.stoi import Score, undefined
from probes.signal.signal_metrics import signal_scores
from probes.tokens.interventions import tiled

MEASURES = {"keep_stoi": "stoi", "keep_mel": "mel_distance"}
"""Measure -> metric of a pair."""
N_NULLS = 3
"""Null draws at most: a pair costs far more here than elsewhere, and each draw is a mean over all utterances."""
_KEY = b"hac-signals"
VERSION = 1

Scores = tuple[Score, ...]
"""Of a pair, in the order of `MEASURES`."""


def compare(
    ids: Sequence[str],
    files: Mapping[str, Path],
    keep: Mapping[str, Path],
    nulls: Sequence[Pairing],
    kept_at: Path,
    jobs: int,
    what: str,
) -> dict[str, Measure]:
    """Each utterance against the reference decode of itself, and of others for the null.

    Args:
        ids: the utterances.
        files: audio of the condition.
        keep: audio of the reference.
        nulls: other utterances, for each null draw.
        kept_at: Parquet file of the condition.
        jobs: processes.
        what: shown beside the progress bar.
    """
    draws = [np.arange(len(ids)), *nulls[:N_NULLS]]
    pairs = [[(files.get(id), keep.get(ids[draw[u]])) for draw in draws] for u, id in enumerate(ids)]
    key = _key(ids, files, keep, draws)
    rows = _read(kept_at, key)
    if rows is None:
        rows = parallel.run(_measure, [(mine,) for mine in pairs], jobs=jobs, what=what)
        _write(kept_at, key, ids, rows)
    made = {}
    for place, name in enumerate(MEASURES):
        value, *drawn = (ratios_of(mean_part(row[draw][place]) for row in rows) for draw in range(len(draws)))
        made[name] = Measure(value, tuple(drawn))
    return made


def _measure(pairs: Sequence[tuple[Path | None, Path | None]]) -> list[Scores]:
    """The scores of one utterance's audio against several references, each cut or tiled to its length."""
    first = pairs[0][0]
    if first is None:
        return [_none(NOT_DECODED)] * len(pairs)
    made: list[Scores] = []
    try:
        estimate = read_audio(first)
    except AudioError as error:
        return [_none(error.reason)] * len(pairs)
    for _, path in pairs:
        if path is None:
            made.append(_none(NOT_DECODED))
            continue
        reference = tiled(read_audio(path, estimate.sample_rate).samples, len(estimate.samples))
        scores = signal_scores(reference, estimate.samples, estimate.sample_rate, MEASURES.values())
        made.append(tuple(scores[name] for name in MEASURES.values()))
    return made


def _none(reason: str) -> Scores:
    return (undefined(reason),) * len(MEASURES)


def _key(
    ids: Sequence[str],
    files: Mapping[str, Path],
    keep: Mapping[str, Path],
    draws: Sequence[Pairing],
) -> str:
    """Hash of all that the scores depend on."""
    audio = [[sha256_file(some[id]) if id in some else None for id in ids] for some in (files, keep)]
    content = [VERSION, list(ids), audio, [draw.tolist() for draw in draws]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


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
        rows[-1].append((Score(row["stoi"], row["stoi_reason"]), Score(row["mel"], row["mel_reason"])))
    return rows


def _write(path: Path, key: str, ids: Sequence[str], rows: Sequence[Sequence[Scores]]) -> None:
    flat = [
        (id, draw, stoi.value, stoi.reason, mel.value, mel.reason)
        for id, mine in zip(ids, rows, strict=True)
        for draw, (stoi, mel) in enumerate(mine)
    ]
    names = ("id", "draw", "stoi", "stoi_reason", "mel", "mel_reason")
    kinds = (pa.string(), pa.int32(), pa.float64(), pa.string(), pa.float64(), pa.string())
    columns = [pa.array([row[i] for row in flat], kind) for i, kind in enumerate(kinds)]
    table = pa.table(columns, pa.schema(list(zip(names, kinds, strict=True)), {_KEY: key.encode()}))
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary)
