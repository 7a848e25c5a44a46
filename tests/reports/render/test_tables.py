"""Tables for people and CSV for programs."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from analysis.pnmi.run import Outcome, run
from reports.document.number_format import number, with_interval, with_null
from reports.pnmi.files import pnmi_files
from reports.pnmi.tables import phone_given_code_csv, pnmi_table
from reports.render.result_files import CSV_FIELDS, file_name, metrics_csv, write_run
from tests.analysis.worlds import make_world


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    world = make_world(4, 8, 8)
    return run(world.request(world.knowing(), replace(world.knowing(), name="weird [red]/../x")), jobs=1)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_record_is_a_row(outcome: Outcome) -> None:
    rows = read(metrics_csv(outcome.results))
    assert len(rows) == len(outcome.results.metrics)
    assert tuple(rows[0]) == CSV_FIELDS
    for row, record in zip(rows, outcome.results.metrics, strict=True):
        assert row["id"] == record.id
        assert row["value"] == ("" if math.isnan(record.value) else repr(record.value))


def test_shares_of_each_code_add_up_to_one() -> None:
    counts = np.array([[3, 0, 1], [1, 0, 1]])
    rows = read(phone_given_code_csv(counts, ("AA", 'T"\n,'), np.array([4, 5, 9])))
    assert [row["code"] for row in rows] == ["4", "9"]
    assert [float(row["share"]) for row in rows] == pytest.approx([4 / 6, 2 / 6], abs=1e-5)
    assert float(rows[0]["AA"]) == 0.75
    assert float(rows[0]['T"\n,']) == 0.25


def test_the_table_shows_the_numbers_of_the_records(outcome: Outcome) -> None:
    console = Console(width=250, record=True, file=io.StringIO())
    console.print(pnmi_table(outcome.results))
    text = console.export_text()
    record = outcome.results.get("units.pnmi")
    for value in (record.value, record.null_mean, record.estimate):
        assert f"{value:.4f}" in text
    assert f"± {record.half_width:.3f}".replace("0.", ".") in text
    for word in ("kept", "dropped", "8 utterances", "of these two speakers alone", "duration"):
        assert word in text


def test_names_from_a_corpus_are_text_not_markup(outcome: Outcome) -> None:
    """Rich would take `[red]` for a colour, and fail at `[/x]`."""
    console = Console(width=250, record=True, file=io.StringIO())
    console.print(pnmi_table(outcome.results))
    assert "weird [red]/../x" in console.export_text()


def test_what_could_not_be_had_is_a_dash() -> None:
    assert number(math.nan) == "-"
    assert with_interval(math.nan, math.nan, math.nan) == "-"
    assert with_interval(0.5, 0.4, 0.6) == "0.5000 ± .100"
    assert with_null(0.5, math.nan) == "0.5000"


def test_only_a_leading_zero_is_dropped() -> None:
    """With chance near 1, a corrected value can lie far below zero."""
    assert with_interval(-3.5, -4.25, -2.75) == "-3.5000 ± .750"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acoustic.0", "acoustic.0"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "_"),
        ("", "_"),
        ("a b\x00/ʃ", "a_b___"),
    ],
)
def test_names_of_streams_make_safe_file_names(text: str, expected: str) -> None:
    assert file_name(text) == expected


def test_long_names_fit_into_a_folder() -> None:
    assert len(file_name("x" * 5000)) <= 100


def test_no_file_of_a_run_leaves_its_folder(outcome: Outcome, tmp_path) -> None:
    written = write_run(outcome.results, pnmi_files(outcome), tmp_path / "out")
    assert written[-1].name == "results.json"
    assert len(set(written)) == len(written)
    for path in written:
        assert path.resolve().is_relative_to(tmp_path / "out")
        assert path.stat().st_size > 0


def test_streams_whose_names_collide_do_not_overwrite_each_other(tmp_path) -> None:
    world = make_world(2, 4, 6)
    streams = [replace(world.knowing(), name=name) for name in ("a/b", "a_b")]
    outcome = run(world.request(*streams), jobs=1)
    written = write_run(outcome.results, pnmi_files(outcome), tmp_path)
    assert len(set(written)) == len(written)
