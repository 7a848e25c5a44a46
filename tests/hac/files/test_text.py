"""Text files of users: encodings, lines of JSON, tables; what is refused, and with which words."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from hac.errors import HacError
from hac.files.text import json_lines, json_objects, read_text, require_columns, table_rows
from hac.files.validation import complaint

CELL = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_text_is_read_in_any_unicode_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "t").write_bytes("from,to\r\nʃ,é\n".encode(encoding))
    assert read_text(tmp_path / "t", "a table") == "from,to\r\nʃ,é\n"


def test_a_text_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes("é".encode("latin-1"))
    with pytest.raises(HacError, match="t: byte 0 is not valid UTF-8; expected a table in UTF-8"):
        read_text(tmp_path / "t", "a table")
    for name in ("none", ".", "a\0b"):
        with pytest.raises(HacError, match=r"cannot be read \(.+\); expected a table"):
            read_text(tmp_path / name, "a table")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_json_lines_have_the_numbers_of_an_editor(tmp_path: Path, pack) -> None:
    (tmp_path / "t").write_bytes(pack(b'\xef\xbb\xbf{"a": 1}\r\n\n [2]\n{'))
    lines = json_lines(tmp_path / "t")
    assert [next(lines), next(lines)] == [(1, {"a": 1}), (3, [2])]
    with pytest.raises(HacError, match=r"t, line 4: broken JSON \(Expecting .*\); expected one object a line"):
        next(lines)
    with pytest.raises(HacError, match="t, line 3: expected a JSON object, found list"):
        list(json_objects(tmp_path / "t"))


@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=5))
def test_a_table_is_read_as_it_was_written(rows: list[tuple[str, str, str]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "more", "b"), *rows])
    found = [(row["a"], row["more"], row["b"]) for _, row in table_rows(out.getvalue(), Path("t"), ("a", "b"), "it")]
    assert found == rows


def test_rows_of_a_table_know_their_lines_and_what_is_lacking_is_empty() -> None:
    text = 'a,b\n"1\n2",3\n\n4\n5,6,7\n'
    assert [(line, row["a"], row["b"]) for line, row in table_rows(text, Path("t"), ("a", "b"), "it")] == [
        (3, "1\n2", "3"),
        (5, "4", ""),
        (6, "5", "6"),
    ]


def test_quotes_between_tabs_are_letters() -> None:
    rows = table_rows('a\tb\n"x\t"y"\n', Path("t"), ("a", "b"), "it", tab_separated=True)
    assert next(rows) == (2, {"a": '"x', "b": '"y"'})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"t: the column 'a' is missing \(columns found: none\); expected a table with a,b"),
        ("a,x\n", r"t: the column 'b' is missing \(columns found: a, x\)"),
        ("a,b,a\n", r"t: the column 'a' stands twice \(columns found: a, b, a\)"),
        ("a,b\n1,2\n" + "x" * 200_000, r"t: no CSV after line 2 \(field larger than .*\); expected a table with a,b"),
    ],
)
def test_a_table_that_is_none(text: str, sentence: str) -> None:
    with pytest.raises(HacError, match=sentence):
        list(table_rows(text, Path("t"), ("a", "b"), "a table with a,b"))


def test_a_long_list_of_columns_is_cut() -> None:
    with pytest.raises(HacError) as error:
        require_columns([str(i) for i in range(10_000)], Path("t"), ("a",), "it")
    assert len(str(error.value)) < 400


def test_a_complaint_of_pydantic_is_one_sentence() -> None:
    class Part(BaseModel):
        n: int = Field(ge=1)

    class Whole(BaseModel):
        parts: list[Part]

    def said(value: object) -> str:
        with pytest.raises(ValidationError) as error:
            Whole.model_validate(json.loads(json.dumps(value)))
        return complaint(error.value)

    assert said({"parts": [{"n": 1}, {"n": 0}]}) == "parts.1.n: Input should be greater than or equal to 1, found 0"
    assert said({}) == "parts: Field required"
    assert len(said({"parts": "x" * 500})) < 200
