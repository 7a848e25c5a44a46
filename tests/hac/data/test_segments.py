"""Segments from files and from streams: what is read, what is refused and with which words."""

from __future__ import annotations

import csv
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hac.data.segments import read_segments, runs_of, within
from hac.data.timeline import frame_edges_us
from hac.data.tokens.token_store import Stream
from hac.errors import FailureLog, HacError
from tests.strategies import RATES, bounds

CLASSES = """Class 1 k-a-t
b 0.5 0.75
a 0.1 0.4

Class 2
a 0.4 1.000001

"""
ROWS = [("b", "1", 500_000, 750_000), ("a", "1", 100_000, 400_000), ("a", "2", 400_000, 1_000_001)]


def written(folder: Path, text: str, name: str = "found.class") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_class_file(tmp_path: Path) -> None:
    tier = read_segments(written(tmp_path, CLASSES))
    assert tier.rows() == ROWS
    assert tier.vocabulary == ("1", "2")


@pytest.mark.parametrize("text", [CLASSES.rstrip(), CLASSES.replace("\n\nClass 2", "\nClass 2"), "\ufeff" + CLASSES])
def test_a_class_file_that_is_almost_one(tmp_path: Path, text: str) -> None:
    assert read_segments(written(tmp_path, text)).rows() == ROWS


def test_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "found.class"
    path.write_bytes(CLASSES.replace("\n", "\r\n").encode())
    assert read_segments(path).rows() == ROWS


def test_csv_and_parquet_say_the_same(tmp_path: Path) -> None:
    with (tmp_path / "found.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["cluster", "more", "id", "onset", "offset"])
        writer.writerows([label, "x", id, a / 1e6, b / 1e6] for id, label, a, b in ROWS)
    columns = list(zip(*ROWS, strict=True))
    table = pa.table(
        {
            "id": columns[0],
            "cluster": pa.array([int(label) for label in columns[1]]),
            "onset": [a / 1e6 for a in columns[2]],
            "offset": [b / 1e6 for b in columns[3]],
        }
    )
    pq.write_table(table, tmp_path / "found.parquet")
    assert read_segments(tmp_path / "found.csv").rows() == ROWS
    assert read_segments(tmp_path / "found.parquet").rows() == ROWS


ODD = 'Lisa\'s "tape" 3', "шум 東京 1", "Class 7", "täg,;\t1"


def test_ids_with_spaces_quotes_and_other_scripts(tmp_path: Path) -> None:
    with (tmp_path / "odd.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "onset", "offset", "cluster"], *[[id, 0, 1, "ключ 1"] for id in ODD]])
    assert [row[:2] for row in read_segments(tmp_path / "odd.csv").rows()] == [(id, "ключ 1") for id in ODD]
    text = "Class 1\n" + "".join(f"{id} 0 1\n" for id in ODD if not id.startswith("Class"))
    assert read_segments(written(tmp_path, text)).ids == tuple(id for id in ODD if not id.startswith("Class"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ("empty",)),
        ("Class 1\n\n", ("no segment", "Class")),
        ("Class\na 0 1\n", ("line 1", "Class N")),
        ("Class 1\na 0\n", ("line 2", "'a 0'")),
        ("Class 1\na 0 eins\n", ("line 2", "'eins'", "seconds")),
        ("Class 1\na 0 nan\n", ("line 2", "'nan'")),
        ("Class 1\na 0 inf\n", ("line 2", "'inf'")),
        ("Class 1\na -0.5 1\n", ("line 2", "'-0.5'")),
        ("Class 1\na 0 1\n\na 1 2\n", ("line 4", "outside of a class")),
        ("Class 1\na 0 1\n\nClass 1\na 1 2\n", ("line 4", "'1'", "second time")),
        ("Class 1\na 0.5 0.5\n", ("line 2", "0.5 to 0.5")),
        ("id,onset,offset\na,0,1\n", ("'cluster'", "id, onset, offset")),
        ("id,onset,offset,cluster\na,0,,1\n", ("line 2", "''")),
        ("id,onset,offset,cluster\na,0,1\n", ("line 2", "cluster")),
        ("id,onset,offset,cluster\n,0,1,5\n", ("line 2", "id")),
        ("id,onset,offset,cluster\n", ("no segment",)),
        ("some words of mine\n", ("'id'", "Class 1")),
        ('id,onset,offset,cluster\n"a\r\0,0,1,2\n', ("found.class",)),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, says: tuple[str, ...]) -> None:
    path = written(tmp_path, text)
    with pytest.raises(HacError) as error:
        read_segments(path)
    for part in (*says, "found.class"):
        assert part in str(error.value)


@pytest.mark.parametrize("name", ["none.class", "none.parquet", "."])
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(HacError, match="no such file of segments"):
        read_segments(tmp_path / name)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"id,onset\n", b"\xff\xfe\x00"])
def test_a_damaged_file(tmp_path: Path, data: bytes) -> None:
    for name in ("found.parquet", "found.csv"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(HacError, match=name):
            read_segments(tmp_path / name)


def test_a_parquet_file_with_holes(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"], "onset": [0.0], "offset": [None], "cluster": [1]}), tmp_path / "f.parquet")
    with pytest.raises(HacError, match="row 1: nothing stands where a time"):
        read_segments(tmp_path / "f.parquet")
    pq.write_table(pa.table({"id": ["a"], "onset": [0.0]}), tmp_path / "f.parquet")
    with pytest.raises(HacError, match="'offset' is missing"):
        read_segments(tmp_path / "f.parquet")


def test_a_segment_that_ends_before_it_begins_is_counted(tmp_path: Path) -> None:
    failures = FailureLog()
    tier = read_segments(written(tmp_path, CLASSES.replace("0.1 0.4", "0.4 0.1")), failures)
    assert tier.rows() == [ROWS[0], ROWS[2]]
    assert failures.by_reason() == {"segment-times": 1}
    assert failures.items[0].id == "a"
    assert "line 3" in failures.items[0].detail


def test_within_keeps_cuts_and_counts(tmp_path: Path) -> None:
    text = "Class 1\na 0 2\nb 0.5 1\nstranger 0 1\nknown 0 1\nb 3 4\n"
    failures = FailureLog()
    failures.add("known", "no-alignment", "said before")
    tier = within(read_segments(written(tmp_path, text)), ("a", "b", "c"), {"a": 1_500_000, "b": 1_000_000}, failures)
    assert tier.ids == ("a", "b", "c")
    assert tier.rows() == [("a", "1", 0, 1_500_000), ("b", "1", 500_000, 1_000_000)]
    assert failures.by_reason() == {"no-alignment": 1, "segment-outside": 1, "segments-unknown-id": 1}
    with pytest.raises(HacError, match=r"none of the 4 ids .*'a'.*'x'"):
        within(read_segments(written(tmp_path, text)), ("x",), {"x": 1}, failures)


@given(st.lists(st.lists(st.integers(0, 2), max_size=9), max_size=4), st.sampled_from(RATES))
def test_runs_are_those_of_groupby(codes: list[list[int]], rate: Fraction) -> None:
    ids = tuple(f"u{i}" for i in range(len(codes)))
    flat = np.array([code for row in codes for code in row], np.int32)
    tier = runs_of(Stream("s", 3, rate, flat, bounds([len(row) for row in codes])), ids)
    expected = []
    for id, row in zip(ids, codes, strict=True):
        now = 0
        for code, run in groupby(row):
            n = len(list(run))
            edges = [Fraction(edge) * 1_000_000 / rate for edge in (now, now + n)]
            expected.append((id, str(code), *[int(edge + Fraction(1, 2)) for edge in edges]))
            now += n
    assert tier.rows() == expected
    assert tier.ids == ids


def test_frame_edges_do_not_overflow_over_days_of_speech() -> None:
    rate = Fraction(44100, 512)
    frames = 7 * 24 * 3600 * 87
    assert frame_edges_us(np.array([frames]), rate)[0] == round(frames * 1_000_000 / rate)
