"""`jackknife.parquet`: every number of a run without each cluster in turn, beside its `results.json`.

Runs over the same utterances leave out the same clusters, so the difference of two runs can be taken cluster by
cluster: an interval of the difference, in which what both runs share (easy and hard speakers) cancels.

One row a record: `id`, `group` and `left_out`, float64, the record's estimate without each cluster, in the clusters'
order.
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
from analysis.statistics.jackknife import LeftOut
from hac.errors import HacError
from hac.files.atomic import atomic_path

NAME = "jackknife.parquet"
SCHEMA = pa.schema([("id", pa.string()), ("group", pa.string()), ("left_out", pa.list_(pa.float64()))])


def write_left_out(results: Results, folder: Path) -> Path:
    """Write what a run's records are without each cluster, atomically."""
    records = [(record, record.left_out.values) for record in results.metrics if record.left_out is not None]
    columns = [
        [record.id for record, _ in records],
        [record.group for record, _ in records],
        [values for _, values in records],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    path = folder / NAME
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(arrays, schema=SCHEMA), temporary, compression="zstd")
    return path


def with_left_out(results: Results, folder: Path) -> Results:
    """The results with what lies beside them in `jackknife.parquet`; without the file, as they are.

    Raises:
        HacError: the file is not one of ours.
    """
    path = folder / NAME
    if not path.is_file():
        return results
    try:
        table = pq.ParquetFile(path).read(use_threads=False).cast(SCHEMA)
        table.validate(full=True)
        if any(column.null_count for column in (table["left_out"], pc.list_flatten(table["left_out"]))):
            raise ValueError("a number is missing")
        keys = zip(table["id"].to_pylist(), table["group"].to_pylist(), strict=True)
        values = dict(zip(keys, _lists(table["left_out"].combine_chunks()), strict=True))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise HacError(f"{path}: not a whole file of the jackknife; run the analysis again") from error

    def found(record: Record) -> Record:
        own = values.get((record.id, record.group))
        return record if own is None else record.model_copy(update={"left_out": LeftOut(own)})

    return results.model_copy(update={"metrics": [found(record) for record in results.metrics]})


def _lists(column: pa.ListArray) -> list[NDArray[np.float64]]:
    """The lists of a column, all cut from one array: to ask pyarrow for each takes twenty times as long."""
    values = column.values.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return [values[a:b] for a, b in pairwise(column.offsets.tolist())]
