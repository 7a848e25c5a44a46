"""Every number of one or many runs as one data frame, a row each: where tables of one's own begin."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from analysis.metrics.registry import metric_name
from analysis.results.records import reason_of
from analysis.results.schema import Record, Results

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    **dict.fromkeys(("system", "command", "stream", "group", "metric", "tags"), "str"),
    **dict.fromkeys(("estimate", "ci_low", "ci_high"), "float64"),
    "is_corrected": "bool",
    **dict.fromkeys(("value", "null_mean", "null_sd"), "float64"),
    **dict.fromkeys(("n_nulls", "n"), "int64"),
    **dict.fromkeys(("protocol", "ci_method", "reason", "note", "id"), "str"),
}
"""Columns in order, with their types."""


def results_frame(runs: Iterable[Results]) -> pd.DataFrame:
    """The records of runs, in the order of the runs and of their files.

    Args:
        runs: from `read_results`.

    Returns:
        A row a record, with the columns `COLUMNS`: fields of `Record` by their names; `metric` is the id without its
        stream, `tags` what it has in brackets, `reason` why there is no estimate (NaN), empty where there is one. What
        a text column lacks is empty.
    """
    # pandas takes longer to load than most commands take
    import pandas as pd

    rows = [_row(results, record) for results in runs for record in results.metrics]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _row(results: Results, record: Record) -> tuple[object, ...]:
    given = {
        "system": results.system,
        "command": results.command,
        "metric": metric_name(record.id),
        "tags": record.id.partition("[")[2].removesuffix("]"),
        "reason": "" if math.isfinite(record.estimate) else reason_of(record),
    }
    return tuple(given[name] if name in given else getattr(record, name) for name in COLUMNS)
