"""Figures: drawn, and the same bytes from the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.pnmi.run import Outcome, run
from reports.pnmi.figures import MAX_CODES, heat_map, pnmi_bars, sorted_shares
from tests.analysis.worlds import make_world

LABELS = ("AA", "B", "S", "T", "sil")
CLASSES = {
    "manner": {"AA": "vowel", "B": "plosive", "S": "fricative", "T": "plosive", "sil": "silence"},
    "place": {"B": "bilabial"},
    "height": {"AA": "open"},
}
MAGIC = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    world = make_world(3, 6, 8)
    return run(world.request(world.knowing()), jobs=1)


def table() -> np.ndarray:
    return np.random.default_rng(0).poisson(2, (5, 12))


@pytest.mark.parametrize("kind", MAGIC)
def test_a_heat_map_is_the_same_bytes_twice(kind: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.{kind}" for name in "ab"]
    for path in paths:
        heat_map(table(), LABELS, CLASSES, "units", path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes().startswith(MAGIC[kind])


@pytest.mark.parametrize("kind", MAGIC)
def test_bars_are_the_same_bytes_twice(kind: str, outcome: Outcome, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.{kind}" for name in "ab"]
    for path in paths:
        pnmi_bars(outcome.results, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes().startswith(MAGIC[kind])


def test_other_numbers_are_another_picture(tmp_path: Path) -> None:
    heat_map(table(), LABELS, CLASSES, "units", tmp_path / "a.png")
    heat_map(table()[::-1], LABELS, CLASSES, "units", tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("title", ["$\\frac{", "a" * 5000, "\x00\x07 \u202e", "ʃ ɲ 你好"])
def test_names_from_a_corpus_cannot_break_a_picture(title: str, tmp_path: Path) -> None:
    heat_map(table(), ("$x_{", "\x01", "ʃ", "a" * 300, "T"), CLASSES, title, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_columns_are_shares_sorted_by_the_phone_they_mean_most() -> None:
    shares, names = sorted_shares(table(), LABELS, CLASSES)
    assert shares.sum(axis=0) == pytest.approx(np.ones(shares.shape[1]))
    assert (np.diff(shares.argmax(axis=0)) >= 0).all()
    assert sorted(names) == sorted(LABELS)
    assert names.index("B") < names.index("S") < names.index("AA")


def test_what_never_occurs_is_not_shown() -> None:
    counts = table()
    counts[1] = 0
    counts[:, [2, 5]] = 0
    shares, names = sorted_shares(counts, LABELS, CLASSES)
    assert shares.shape == (4, 10)
    assert "B" not in names


def test_a_huge_codebook_shows_its_most_frequent_codes(tmp_path: Path) -> None:
    counts = np.ones((2, MAX_CODES + 100), np.int64)
    counts[0, 50:] += 5
    shares, _ = sorted_shares(counts, ("AA", "T"), CLASSES)
    assert shares.shape == (2, MAX_CODES)
    assert (shares[1] > 0.5).all()  # plosives come before vowels


def test_a_table_without_counts_is_drawn_too(tmp_path: Path) -> None:
    heat_map(np.zeros((2, 3), np.int64), ("AA", "T"), CLASSES, "nothing", tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()
