"""Common Voice: tables such as `validated.tsv` (client_id, path, sentence, locale, gender) beside `clips/`.

Given a folder, `validated.tsv` is read, else `train.tsv`, `dev.tsv` and `test.tsv`; given one table, that one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from hac.corpora.imports.item import Item, Layout, Options, files, gender_of
from hac.errors import FailureLog
from hac.files.text import read_text, table_rows

_COLUMNS = ("client_id", "path", "sentence")


def _tables(source: Path) -> list[Path]:
    """The tables to read, one language after the other."""
    if source.is_file():
        return [source] if source.suffix == ".tsv" and (source.parent / "clips").is_dir() else []
    found: dict[Path, set[str]] = {}
    for path in files(source, ".tsv", depth=2):
        if (path.parent / "clips").is_dir():
            found.setdefault(path.parent, set()).add(path.name)
    tables = []
    for folder, names in found.items():
        wanted = ("validated.tsv",) if "validated.tsv" in names else ("train.tsv", "dev.tsv", "test.tsv")
        tables += [folder / name for name in wanted if name in names]
    return tables


def _detect(source: Path) -> bool:
    return bool(_tables(source))


def _find(source: Path, options: Options, failures: FailureLog) -> Iterator[Item]:
    expected = f"a table of tab-separated values with {', '.join(_COLUMNS)}"
    for table in _tables(source):
        # sentences hold lone quotes, so none is special
        for line, row in table_rows(read_text(table, expected), table, _COLUMNS, expected, tab_separated=True):
            name = row["path"]
            if not name:
                failures.add(f"{table.name}: line {line}", "bad-row", f"{table} names no clip there")
                continue
            clip = name if PurePosixPath(name).suffix else f"{name}.mp3"
            language = options.language or row.get("locale") or table.parent.absolute().name
            id = PurePosixPath(clip).stem
            audio = table.parent / "clips" / clip
            yield Item(id, audio, row["client_id"], language, row["sentence"], gender=gender_of(row.get("gender")))


LAYOUT = Layout("commonvoice", "validated.tsv (or another table) beside a folder clips/", _detect, _find)
