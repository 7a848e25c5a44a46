"""Many streams on a page: summed up, cut short, and not set against another system's part of unlike bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.results.schema import StreamInfo, read_results
from hac.data.tokens.formats import read_tokens, write_tokens
from hac.data.tokens.token_store import TokenStore
from reports.claims.claims import claims_of
from reports.comparison.section import difference_section
from reports.document.order import MOST_LEVELS, MOST_STREAMS, first_of_levels, shown_streams
from reports.document.parts import Chart, Table
from reports.document.runs import ReportRun, Runs
from reports.pnmi.levels import levels_section
from reports.pnmi.section import pnmi_section
from tests.bad import test_bad_input as bad
from tests.bad.test_bad_input import Run
from tests.reports.made_runs import made_record, made_run

corpus, run = bad.corpus, bad.run
INFO = {"frame_rate": "50", "used_codes": 9, "n_frames": 9, "hours": 1.5}


def codec(system: str, n: int, codes: int, seed: int = 0, name: str = "acoustic", **fields: object) -> ReportRun:
    names = [f"{name}.{i}" for i in range(n)]
    records = [made_record(f"{one}.pnmi", 0.3 - i / 1000, seed=seed) for i, one in enumerate(names)]
    streams = {one: StreamInfo(codebook_size=codes, **INFO) for one in names}
    return made_run(system, "pnmi", *records, streams=streams, **fields)


def claimed(*runs: ReportRun) -> list[str]:
    return [claim.text for claim in claims_of(Runs(runs)) if " of a" in claim.text]


@pytest.mark.parametrize(
    ("ours", "theirs", "is_set_against"),
    [((46, 16), (9, 1024), False), ((46, 16), (46, 16), True), ((1, 16), (1, 1024), True), ((1, 16), (2, 1024), False)],
)
def test_a_part_of_unlike_bits_is_not_set_against_one(
    ours: tuple[int, int], theirs: tuple[int, int], is_set_against: bool
) -> None:
    runs = (codec("a", *ours), codec("b", *theirs, seed=1))
    assert bool(claimed(*runs)) == is_set_against
    section = difference_section(Runs(runs))
    assert bool(section.parts) == is_set_against
    assert any("acoustic.0 of b and of a have unlike bits" in one for one in section.missing) != is_set_against


def test_a_page_shows_the_first_of_many_streams_and_says_how_many_there_are() -> None:
    table = next(part for part in pnmi_section(Runs((codec("a", 46, 16),))).parts if isinstance(part, Table))
    assert len(table.rows) == MOST_STREAMS
    assert table.note == "a: 30 more streams in its metrics.csv"
    assert pnmi_section(Runs((codec("a", 9, 16),))).parts[1].note == ""
    assert len(first_of_levels(f"q{i}" for i in range(46))) == MOST_LEVELS
    assert shown_streams(["units", "phonetic"]) == ("phonetic", "units")


def test_levels_are_a_curve_a_system_over_bits_and_a_row_each() -> None:
    levels = {"acoustic.0": (1, 0.2), "acoustic.0..acoustic.1": (2, 0.4), "acoustic.0..acoustic.45": (46, 9.2)}
    run = codec("a", 46, 16)
    extra = [
        made_record("acoustic.0..acoustic.1.pnmi", 0.35),
        *(
            made_record(f"{name}.pnmi_bound", 0.2 + kbps / 100, is_corrected=False)
            for name, (_, kbps) in levels.items()
        ),
    ]
    about = {name: {"streams": n, "kbps": kbps} for name, (n, kbps) in levels.items()}
    coverage = {**run.results.coverage, "levels": about}
    summed = run.results.model_copy(update={"metrics": [*run.results.metrics, *extra], "coverage": coverage})
    runs = Runs((ReportRun("a", Path(), summed), codec("units", 1, 1024)))
    chart, table = levels_section(runs).parts
    assert isinstance(chart, Chart) and isinstance(table, Table)
    curves = {
        (panel.title, one.name): [(p.x, p.value) for p in one.points] for panel in chart.panels for one in panel.series
    }
    assert curves == {
        ("counted jointly", "a"): [(0.2, 0.3), (0.4, 0.35)],
        ("counted jointly", "units"): [(0.5, 0.3)],
        ("held-out bound", "a"): [
            (0.2, pytest.approx(0.202)),
            (0.4, pytest.approx(0.204)),
            (9.2, pytest.approx(0.292)),
        ],
    }
    assert [(row[1].text, row[2].value, row[4].text) for row in table.rows] == [
        ("acoustic.0", 1, "counted jointly and held-out bound"),
        ("acoustic.0..acoustic.1", 2, "counted jointly and held-out bound"),
        ("acoustic.0..acoustic.45", 46, "held-out bound"),
    ]


def test_without_levels_the_page_says_what_to_run() -> None:
    section = levels_section(Runs((codec("a", 3, 16),)))
    assert not section.parts and "--no-cumulative" in section.missing[0]


def test_the_command_sums_up_unless_told_not_to(run: Run, corpus: Path) -> None:
    store = read_tokens(corpus / "tokens.parquet")
    (stream,) = list(store.streams.values())[:1]
    both = {name: replace(stream, name=name) for name in ("rvq.0", "rvq.1")}
    write_tokens(TokenStore(store.ids, both), corpus / "two.parquet")
    words = (
        "pnmi",
        "--tokens",
        "two.parquet",
        "--manifest",
        "manifest.jsonl",
        "-j",
        "1",
        "--clips",
        "0",
        "--nulls",
        "2",
    )
    for option, is_summed_up in (("--cumulative", True), ("--no-cumulative", False)):
        code, error = run(*words, option, "-o", option.strip("-"))
        assert code == 0, error
        results = read_results(Path(option.strip("-"), "results.json"))
        assert ("rvq.0..rvq.1" in results.coverage.get("levels", {})) == is_summed_up
        assert any("pnmi_bound" in record.id for record in results.metrics) == is_summed_up
