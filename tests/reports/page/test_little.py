"""Pages of next to nothing: one speaker, one utterance, one code, no number; each is whole, on screen and on paper."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.results.schema import Record, write_results
from hac.data.tokens.token_store import Stream
from reports.document.parts import Page, Statements, Table
from reports.document.runs import read_runs
from reports.page.page import build_page
from reports.render.html import draw_page, render
from tests.analysis.leakage.worlds import Spoken
from tests.reports.made_runs import made_record, made_run
from tests.reports.report_worlds import make_streams, write_counted


def constant(size: int) -> Callable[[Spoken], list[Stream]]:
    return lambda world: [world.stream("units", np.zeros_like(world.phone), size)]


def many_codes(world: Spoken) -> list[Stream]:
    return [world.stream("units", world.rng.integers(0, 1 << 16, len(world.phone)), 1 << 16)]


def informative(world: Spoken) -> list[Stream]:
    return make_streams(world, 0.9)


def whole_page(*folders: Path) -> Page:
    """The page of some runs, after it was drawn both ways; no cell shows a number that is none."""
    drawn = draw_page(build_page(read_runs(folders)))
    assert "Not in this report" in render(drawn) and "Not in this report" in render(drawn, pdf=True)
    tables = [part for part in drawn.page.parts if isinstance(part, Table)]
    assert not [cell.text for table in tables for row in table.rows for cell in row if "nan" in cell.text.split()]
    return drawn.page


def lines(page: Page, id: str) -> list[str]:
    """The sentences of a part of the first screen."""
    return [line for part in page.parts if isinstance(part, Statements) and part.id == id for line in part.lines]


def answers(page: Page) -> list[list[str]]:
    """The cells of the first table after the systems' names, by their lines."""
    return [cell.text.split("\n") for part in page.parts if isinstance(part, Table) for cell in part.rows[0][1:2]][:1]


@pytest.mark.parametrize(
    ("n_utterances", "n_speakers", "streams", "caution"),
    [
        (6, 1, informative, "intervals are over utterances, of this speaker alone"),
        (1, 1, informative, "fewer than 10 utterances"),
        (12, 6, constant(1), ""),
        (12, 6, constant(16), ""),
        (12, 6, many_codes, "too little speech for so many codes"),
    ],
    ids=["one speaker", "one utterance", "one code", "a stream of constants", "more codes than frames"],
)
def test_next_to_no_speech_makes_a_page_that_says_so(
    tmp_path: Path, n_utterances: int, n_speakers: int, streams: Callable[[Spoken], list[Stream]], caution: str
) -> None:
    world = Spoken(n_utterances=n_utterances, n_speakers=n_speakers, n_phones=20)
    write_counted(tmp_path / "little", world, streams(world), "little")
    page = whole_page(tmp_path / "little")
    assert page.sections[0].id == "answer"
    assert any(caution in line for line in lines(page, "answer-distrust")) if caution else True
    assert not any("carries information on phones" in line for line in lines(page, "answer-sentences"))


NOTHING = dict.fromkeys(("estimate", "ci_low", "ci_high", "value", "null_mean", "null_sd"), math.nan)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (made_record("units.pnmi", 0.0, 0.0, null=0.2, null_sd=0.0), [".000", "units", "not ranked: no interval"]),
        (
            made_record("units.pnmi", 0.4).model_copy(update={**NOTHING, "note": "undefined: no speech was counted"}),
            ["not defined", "units", "no speech was counted"],
        ),
        (
            made_record("units.pnmi", 0.4).model_copy(update={"ci_low": math.nan, "ci_high": math.nan}),
            [".400", "units", "not ranked: no interval"],
        ),
    ],
    ids=["a null that equals the value", "no number", "no interval"],
)
def test_a_number_that_cannot_be_ranked_says_why(tmp_path: Path, record: Record, expected: list[str]) -> None:
    write_results(made_run("a", "pnmi", record).results, tmp_path / "results.json")
    assert answers(whole_page(tmp_path)) == [expected]
