"""The data frame of results: a row a record, typed, in order, whatever the records are."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from analysis.results.frame import COLUMNS, results_frame
from analysis.results.schema import Record, Results

NAN = math.nan


def results(system: str, *records: Record) -> Results:
    return Results(command="pnmi", system=system, metrics=list(records))


def record(id: str, estimate: float = 0.5, **fields: object) -> Record:
    given = {"stream": "acoustic.0", "value": 0.6, "n": 7, "protocol": "p", **fields}
    return Record.model_validate({"id": id, "estimate": estimate, **given})


def test_a_row_is_a_record_with_its_own_numbers_in_the_order_given() -> None:
    first = record("acoustic.0.pnmi[silence-dropped,x=1]", 0.25, ci_low=0.2, ci_high=0.3, is_corrected=True, n_nulls=3)
    second = record("acoustic.0.later", group="speaker=s1", protocol="q")
    frame = results_frame([results("b", first, second), results("a", second)])
    assert list(frame["system"]) == ["b", "b", "a"]
    for row, one in zip(frame.to_dict("records"), (first, second, second), strict=True):
        for name in COLUMNS:
            if hasattr(one, name):
                assert row[name] == getattr(one, name) or math.isnan(row[name]), name
    assert list(frame["metric"]) == ["pnmi", "later", "later"]  # one that this version does not know is there as well
    assert list(frame["tags"]) == ["silence-dropped,x=1", "", ""]


@pytest.mark.parametrize("n", [0, 1])
def test_columns_have_their_types_also_without_rows(n: int) -> None:
    frame = results_frame([results("a", *[record("units.pnmi")] * n)])
    assert list(frame) == list(COLUMNS)
    kinds = {"float64": "f", "int64": "i", "bool": "b"}
    for name, kind in COLUMNS.items():
        assert frame[name].dtype.kind == kinds.get(kind, "O"), name


def test_what_has_no_number_says_why_and_what_has_one_says_nothing() -> None:
    frame = results_frame([
        results("a", record("u.pnmi", NAN, note="clusters: 3 (speaker); undefined: one phone"), record("u.pnmi", 0.1))
    ])  # fmt: skip
    assert list(frame["reason"]) == ["one phone", ""]
    assert list(frame["estimate"].isna()) == [True, False]


def test_the_command_line_does_not_load_pandas() -> None:
    code = "import sys, reports.cli, analysis.results.frame; assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
