"""What a boundary run shows: tables with the numbers of the records, CSV, figures that are the same bytes twice."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from analysis.boundaries.counting import BoundaryProtocol
from analysis.boundaries.run import Outcome, run
from analysis.boundaries.scores import record_id
from reports.boundaries.figures import run_histogram, tolerance_curves
from reports.boundaries.files import boundary_files
from reports.boundaries.tables import CURVE_FIELDS, boundary_tables, curve_csv, histogram_csv, segments_csv
from reports.render.result_files import write_run
from tests.analysis.boundaries.test_run import request
from tests.analysis.worlds import make_world

MAGIC = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
PROTOCOL = BoundaryProtocol(rules=("greedy", "midpoint"), tolerances_ms=(20, 50), n_nulls=3)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """Tokens that know the phones, under a name that is no file name, and tokens that never change."""
    world = make_world(4, 8, 8)
    odd = replace(world.knowing(), name="weird [red]$_{/../x")
    constant = replace(world.knowing(), name="constant", codes=np.zeros_like(odd.codes))
    return run(request(world, odd, constant, protocol=PROTOCOL), jobs=1)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def printed(outcome: Outcome) -> str:
    console = Console(width=250, record=True, file=io.StringIO())
    console.print(boundary_tables(outcome.results))
    return console.export_text()


def test_the_tables_show_the_numbers_of_the_records(outcome: Outcome) -> None:
    text = printed(outcome)
    for tier in ("phones", "words"):
        f1 = outcome.results.get(record_id("weird [red]$_{/../x", "boundary_f1", tier, "greedy", 20))
        for value in (f1.value, f1.null_mean, f1.estimate):
            assert f"{value:.4f}" in text
        assert f"± {f1.half_width:.3f}".replace("0.", ".") in text
        midpoint = outcome.results.get(record_id("weird [red]$_{/../x", "boundary_f1", tier, "midpoint", 20))
        assert f"{midpoint.value:.4f} / {midpoint.null_mean:.4f}" in text
    run_ms = outcome.results.get("constant.run_ms")
    assert f"{run_ms.value:.1f} ± {run_ms.half_width:.1f}" in text
    for word in (
        "weird [red]$_{/../x",
        "rule 'greedy'",
        "±20 ms",
        "edges out",
        "over 4 speakers",
        "of these two speakers alone",
        "coverage: 8",
    ):
        assert word in text


def test_the_curve_has_a_row_for_each_tolerance(outcome: Outcome) -> None:
    rows = read(curve_csv(outcome.results))
    assert len(rows) == 2 * 2 * 2 * 2
    assert tuple(rows[0]) == CURVE_FIELDS
    for row in rows:
        place = (row["tier"], row["rule"], int(row["tolerance_ms"]))
        for column, metric in (("f1", "f1"), ("precision", "precision"), ("os", "os"), ("r_value", "r_value")):
            value = outcome.results.get(record_id(row["stream"], f"boundary_{metric}", *place)).value
            assert row[column] == ("" if math.isnan(value) else repr(value))
    assert {row["precision"] for row in rows if row["stream"] == "constant"} == {""}


def test_segments_are_counted_in_both_tables(outcome: Outcome) -> None:
    summaries = [*outcome.labels, *outcome.runs]
    rows, bins = read(segments_csv(summaries)), read(histogram_csv(summaries))
    assert [row["name"] for row in rows] == ["phones", "words", "weird [red]$_{/../x", "constant"]
    for row in rows:
        found = [int(b["n"]) for b in bins if b["name"] == row["name"]]
        assert len(found) == 101
        assert sum(found) == int(row["n"])
    assert bins[100]["from_ms"] == "1000"
    assert bins[100]["to_ms"] == ""


@pytest.mark.parametrize(("kind", "place"), [("png", 1), ("pdf", 0), ("svg", 0)])
def test_figures_are_the_same_bytes_twice(kind: str, place: int, outcome: Outcome, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.{kind}" for name in "abcd"]
    for path in paths[:2]:
        tolerance_curves(outcome.results, outcome.runs[place].name, path)
    for path in paths[2:]:
        run_histogram(outcome.runs[place], outcome.labels, "odd $_{", path)
    for a, b in (paths[:2], paths[2:]):
        assert a.read_bytes() == b.read_bytes()
        assert a.read_bytes().startswith(MAGIC[kind])


def test_a_run_leaves_the_same_files_twice_and_results_last(outcome: Outcome, tmp_path: Path) -> None:
    written = [write_run(outcome.results, boundary_files(outcome), tmp_path / name) for name in "ab"]
    for a, b in zip(*written, strict=True):
        assert a.read_bytes() == b.read_bytes()
        assert a.resolve().is_relative_to(tmp_path / "a")
    assert written[0][-1].name == "results.json"
    assert len(set(written[0])) == 10


def test_one_tier_and_no_references_are_drawn_too(tmp_path: Path) -> None:
    world = make_world(2, 4, 1)
    bare = replace(world, intervals=tuple((("AA", 0, rows[-1][2]),) for rows in world.intervals))
    outcome = run(bare.request(bare.independent(3), protocol=PROTOCOL), jobs=1)
    write_run(outcome.results, boundary_files(outcome), tmp_path)
    assert "-" in printed(outcome)
