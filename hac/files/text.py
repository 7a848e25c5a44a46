"""Text files that people bring: their encoding, gzip, lines of JSON, and tables with a header; one complaint for each.

`csv` reads the tables and not pandas, which was measured: 200,000 rows take it 1.2 s (`csv.DictReader`: 0.65 s), its
import another second, and it knows no line of a row to name when a cell is wrong.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, BinaryIO

from hac.errors import HacError
from hac.files.parsing import load_json, whole_lines

GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the mark of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(data: bytes) -> str:
    """The encoding that a byte-order mark names; UTF-8 without one, but for UTF-16 that begins with ASCII."""
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return name
    # every second byte of such UTF-16 is zero
    if data[1:8:2] == b"\0\0\0\0":
        return "utf-16-le"
    if data[0:8:2] == b"\0\0\0\0":
        return "utf-16-be"
    return "utf-8"


def read_text(path: Path | Traversable, expected: str) -> str:
    """A whole text file: UTF-8, or UTF-16 or UTF-32 where a byte-order mark says so; line ends as they are.

    Args:
        expected: what it should be, for the complaint, such as `a phone map`.

    Raises:
        HacError: it cannot be read, or is in another encoding.
    """
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        reason = getattr(error, "strerror", None) or error
        raise HacError(f"{path}: cannot be read ({reason}); expected {expected}") from error
    encoding = encoding_of(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        name = encoding.removesuffix("-sig").upper()
        raise HacError(f"{path}: byte {error.start} is not valid {name}; expected {expected} in UTF-8") from error


@contextmanager
def open_text(path: Path) -> Iterator[io.TextIOBase]:
    """Open a UTF-8 text file, gzipped or not, for reading line by line.

    Raises:
        HacError: on opening or while reading: it cannot be read, the gzip stream is cut off or damaged, or the text
            is not UTF-8.
    """
    with _opened(path) as raw:
        zipped = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        binary: Any = gzip.GzipFile(fileobj=raw) if zipped else raw
        try:
            with io.TextIOWrapper(binary, encoding="utf-8-sig") as text:
                yield text
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise HacError(f"{path}: the gzip file is truncated or damaged; make or fetch it again") from error
        except UnicodeDecodeError as error:
            raise HacError(f"{path}: not UTF-8 text ({error.reason}); save it as UTF-8") from error


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise HacError(f"{path}: cannot be read ({error.strerror}); expected a text file") from error


def json_lines(path: Path) -> Generator[tuple[int, Any]]:
    """Line numbers from 1 and the JSON value of each line that is not blank; the file may be gzipped.

    Raises:
        HacError: as `open_text`; a line is no JSON, or longer than memory should hold.
    """
    number = 1
    with open_text(path) as text:
        try:
            for line in whole_lines(text):
                if not line.isspace():
                    yield number, load_json(line)
                number += 1
        except UnicodeDecodeError:
            raise
        except ValueError as error:
            why = getattr(error, "msg", str(error))
            raise HacError(f"{path}, line {number}: broken JSON ({why}); expected one object a line") from error


def json_objects(path: Path) -> Generator[tuple[int, dict[str, Any]]]:
    """As `json_lines`, each of them an object.

    Raises:
        HacError: as `json_lines`; a value is another one.
    """
    for number, value in json_lines(path):
        if not isinstance(value, dict):
            raise HacError(f"{path}, line {number}: expected a JSON object, found {type(value).__name__}")
        yield number, value


def table_rows(
    text: str, path: Path | Traversable, columns: Sequence[str], expected: str, *, tab_separated: bool = False
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a table whose first line names its columns, each with the number of the line that it ends in.

    Args:
        text: the table as CSV; or cells between tabs, in which quotes are letters as any other.
        path: the file that it comes from, for complaints.
        columns: those that there must be, once each; other columns are read too.
        expected: the whole format, for complaints.

    Yields:
        Cells by column, all of them text; what a short row lacks is empty.

    Raises:
        HacError: a column is missing or stands twice, or this is no CSV.
    """
    form: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if tab_separated else {}
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="", **form)
    try:
        require_columns(reader.fieldnames or (), path, columns, expected)
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise HacError(f"{path}: no CSV after line {reader.line_num} ({error}); expected {expected}") from error


def require_columns(found: Sequence[str], path: Path | Traversable, columns: Sequence[str], expected: str) -> None:
    """Refuse a table, of whatever format, that lacks one of the columns or has it twice.

    Raises:
        HacError: it names the column and those that were found.
    """
    for name in columns:
        if (count := list(found).count(name)) != 1:
            wrong = "stands twice" if count else "is missing"
            listed = ", ".join(found)[:200] or "none"
            raise HacError(f"{path}: the column {name!r} {wrong} (columns found: {listed}); expected {expected}")


def shipped_table(package: str, name: str) -> list[dict[str, str]]:
    """The rows of a CSV file that comes with the program."""
    text = resources.files(package).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))
