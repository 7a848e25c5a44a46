"""What a usage run shows: tables with the numbers of the records, CSV that adds up, the same bytes twice."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from analysis.usage.run import Outcome
from reports.render.result_files import write_run
from reports.usage.files import usage_files
from reports.usage.tables import entropy_csv, ranks_csv, runs_csv, usage_tables
from tests.analysis.usage.test_run import measure
from tests.analysis.worlds import make_world

ODD = "weird $_{/../x"


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    world = make_world(4, 8, 8)
    odd = replace(world.knowing(), name=ODD)
    constant = replace(world.knowing(), name="constant", codes=np.zeros_like(odd.codes))
    return measure(world, odd, constant)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_tables_show_the_numbers_of_the_records(outcome: Outcome) -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(usage_tables(outcome.results))
    text = console.export_text()
    for id in ("conditional_entropy[1,plug-in]", "cross_entropy[1]", "frame_mi[plug-in]"):
        record = outcome.results.get(f"{ODD}.{id}")
        assert f"{record.value / math.log(2):.2f} / {record.null_mean / math.log(2):.2f}" in text
    for word in (ODD, "8 (8)", "8 utterances", "coverage: 8", "150"):
        assert word in text


def test_counts_in_csv_add_up(outcome: Outcome) -> None:
    ranks, runs = read(ranks_csv(outcome.results, outcome.streams)), read(runs_csv(outcome.results, outcome.streams))
    for name, info in outcome.results.streams.items():
        mine = [int(row["frames"]) for row in ranks if row["stream"] == name]
        assert sum(mine) == info.n_frames
        assert mine == sorted(mine, reverse=True)
        lasting = [int(row["frames"]) * int(row["runs"]) for row in runs if row["stream"] == name]
        assert sum(lasting) == info.n_frames
    rows = read(entropy_csv(outcome.results))
    for row in rows:
        assert float(row["bits_per_s"]) == pytest.approx(50 * float(row["nats_per_frame"]) / math.log(2))
    assert {row["measure"].split("[")[0] for row in rows} == {
        "entropy",
        "conditional_entropy",
        "cross_entropy",
        "frame_mi",
    }


def test_a_run_leaves_the_same_files_twice_and_results_last(outcome: Outcome, tmp_path: Path) -> None:
    written = [write_run(outcome.results, usage_files(outcome), tmp_path / name) for name in "ab"]
    for a, b in zip(*written, strict=True):
        assert a.read_bytes() == b.read_bytes()
    assert written[0][-1].name == "results.json"
    assert len(set(written[0])) == 9
