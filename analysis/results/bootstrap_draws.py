"""`draws.parquet`: every number of a run on clusters drawn anew, beside its `results.json`.

Runs over the same utterances with the same seed draw the same clusters, so the difference of two runs can be taken draw
by draw: an interval of the difference, in which what both runs share (easy and hard speakers) cancels.

One row a record: `id`, `group`, `method` (as in the record), `n_clusters`, `value` and `corrected`: float32 lists, in
the order of the draws (bootstrap) or of the clusters left out (jackknife); null where there are none.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.results.schema import Record, Results
from analysis.statistics.bootstrap import Resamples
from hac.errors import HacError
from hac.files.atomic import atomic_path

NAME = "draws.parquet"
_LIST = pa.list_(pa.float32())
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "group", "method")),
        ("n_clusters", pa.int64()),
        *((name, _LIST) for name in ("value", "corrected")),
    ]
)


def write_draws(results: Results, folder: Path) -> Path:
    """Write the draws of a run's records, atomically."""
    records = [record for record in results.metrics if record.resamples is not None]
    columns = [
        [record.id for record in records],
        [record.group for record in records],
        [record.ci_method for record in records],
        [record.resamples.n_clusters for record in records if record.resamples],
        [_values(record.resamples) for record in records],
        [_values(record.resamples_corrected) for record in records],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    path = folder / NAME
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(arrays, schema=SCHEMA), temporary, compression="zstd")
    return path


def with_draws(results: Results, folder: Path) -> Results:
    """The results with the draws that lie beside them; without the file, as they are.

    Raises:
        HacError: the file is not one of ours.
    """
    path = folder / NAME
    if not path.is_file():
        return results
    try:
        table = pq.ParquetFile(path).read(use_threads=False).cast(SCHEMA)
        table.validate(full=True)
        if any(column.null_count for column in _parts(table)):
            raise ValueError("a number of draws or a draw is missing")
        names = list(zip(table["id"].to_pylist(), table["group"].to_pylist(), strict=True))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise HacError(f"{path}: not a whole file of draws; run the analysis again") from error
    place = {key: i for i, key in enumerate(names)}
    clusters = table["n_clusters"].to_pylist()
    columns = [_lists(table[name].combine_chunks()) for name in ("value", "corrected")]

    def drawn(record: Record) -> Record:
        i = place.get((record.id, record.group))
        if i is None:
            return record
        found = (one[i] for one in columns)
        value, corrected = (None if values is None else Resamples(values, clusters[i]) for values in found)
        return record.model_copy(update={"resamples": value, "resamples_corrected": corrected})

    return results.model_copy(update={"metrics": [drawn(record) for record in results.metrics]})


def _parts(table: pa.Table) -> list[pa.ChunkedArray]:
    """The columns in which nothing may be missing; a whole list of draws may."""
    return [table["n_clusters"], *(pc.list_flatten(table[name]) for name in ("value", "corrected"))]


def _values(resamples: Resamples | None) -> np.ndarray | None:
    return None if resamples is None else resamples.values


def _lists(column: pa.ListArray) -> list[NDArray[np.float32] | None]:
    """The lists of a column, all cut from one array: to ask pyarrow for each takes twenty times as long."""
    values = column.values.to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    ends, known = column.offsets.tolist(), column.is_valid().to_pylist()
    return [values[a:b] if there else None for (a, b), there in zip(pairwise(ends), known, strict=True)]
