"""The files that a word analysis leaves behind: results.json, tables as CSV, firings, figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis import parallel
from analysis.words.run import Outcome
from hac.files.atomic import atomic_path, write_text
from reports.render.result_files import file_names, write_numbers
from reports.words.figures import best_words, f1_by_rank
from reports.words.tables import bands_csv, related_csv, words_csv

_FIRINGS = pa.schema(
    [
        *((name, pa.string()) for name in ("stream", "definition", "word", "language")),
        *(("code", pa.int64()), ("id", pa.string()), ("onset_us", pa.int64()), ("offset_us", pa.int64())),
        ("hit", pa.bool_()),
    ]
)


def write_words(outcome: Outcome, folder: Path, jobs: int = 1) -> list[Path]:
    """Write everything of a word analysis; `results.json` last, so that it being there means that all is there.

    Args:
        outcome: the analysis.
        folder: where the files go.
        jobs: processes that draw; 0 or less: one per core.

    Returns:
        The files written.
    """
    written = []
    texts = {"words": words_csv(outcome), "bands": bands_csv(outcome), "related": related_csv(outcome)}
    for name, text in texts.items():
        written.append(folder / f"{name}.csv")
        write_text(written[-1], text)
    if outcome.firings:
        written.append(folder / "firings.parquet")
        _write_firings(outcome, written[-1])
    drawings: list[tuple[Any, ...]] = []
    for name, one in zip(file_names(one.name for one in outcome.streams), outcome.streams, strict=True):
        for found in one.lists:
            title = f"{outcome.results.system}, stream {one.name}, {found.definition}"
            ranks, best = (folder / "figures" / f"{kind}.{name}.{found.definition}.png" for kind in ("f1", "words"))
            drawings += [(f1_by_rank, found, title, ranks), (best_words, one, found, outcome.types, title, best)]
            written += [ranks, best]
    parallel.run(_draw, drawings, jobs=jobs, what="drawing")
    return [*written, *write_numbers(outcome.results, folder)]


def _draw(drawing: Callable[..., None], *arguments: Any) -> None:
    drawing(*arguments)


def _write_firings(outcome: Outcome, path: Path) -> None:
    """Where the codes of detected words fire: one row a run, `hit` where it overlaps a token of the word."""
    rows = []
    for stream, definition, found in outcome.firings:
        for one in found:
            word = outcome.types[one.word]
            times = (one.id, one.onset_us, one.offset_us, one.hit)
            rows.append((stream, definition, word.spelling, word.language, one.code, *times))
    columns = list(zip(*rows, strict=True)) or [()] * len(_FIRINGS)
    table = pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, _FIRINGS, strict=True)], schema=_FIRINGS
    )
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
