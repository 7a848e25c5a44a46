"""Runs that reports are made of, and their pages: made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.document.runs import read_runs
from reports.page.page import build_page
from reports.render.html import Drawn, draw_page, render
from tests.analysis.leakage.worlds import Spoken
from tests.reports import report_worlds as made
from tests.reports.clip_worlds import keep_clips


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two systems over the same speech, one of them with every command, and sounds to hear."""
    folder = tmp_path_factory.mktemp("runs")
    for system, kept in zip(made.SYSTEMS, (0.9, 0.6), strict=True):
        world = Spoken(n_utterances=24, n_speakers=12, n_phones=20)
        made.write_counted(folder / system, world, made.make_streams(world, kept), system)
    first = folder / made.SYSTEMS[0]
    made.write_sounding(first, made.SYSTEMS[0])
    keep_clips(first / "words", ["u000", made.SCRIPT], [made.best_word(first / "words")])
    return folder


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One system whose every name is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    world = Spoken(n_utterances=12, n_speakers=6, n_phones=20)
    streams = made.make_streams(world, 0.9, made.HOSTILE[:3])
    made.write_counted(folder, world, streams, made.SCRIPT, made.hostile_labels(world))
    stream, code, word = made.best_word(folder / "words", made.SCRIPT)
    keep_clips(folder / "words", made.HOSTILE, [(stream, code, word)], made.QUOTES)
    return folder


@pytest.fixture(scope="session")
def drawn(runs: Path) -> Drawn:
    """The page of both systems, with its pictures."""
    return draw_page(build_page(read_runs([runs])))


@pytest.fixture(scope="session")
def html(drawn: Drawn) -> str:
    """The page of both systems."""
    return render(drawn)


@pytest.fixture(scope="session")
def hostile_drawn(hostile: Path) -> Drawn:
    """The page of hostile names, with its pictures."""
    return draw_page(build_page(read_runs([hostile])))


@pytest.fixture(scope="session")
def hostile_html(hostile_drawn: Drawn) -> str:
    """The page of hostile names."""
    return render(hostile_drawn)
