"""Common Voice: tables such as `validated.tsv` (client_id, path, sentence, locale, gender) beside `clips/`.

Given a folder, `validated.tsv` is read, else `train.tsv`, `dev.tsv` and `test.tsv`; given one table, that one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from hac.corpora.imports.item import Item, Layout, Options, files, gender_of, read_text
from hac.errors import FailureLog, HacError

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
    for table in _tables(source):
        # sentences hold lone quotes, so none is special
        rows = csv.DictReader(io.StringIO(read_text(table), newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
        try:
            missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                found = ", ".join(rows.fieldnames or ())[:200] or "nothing"
                raise HacError(f"{table}: no column {missing[0]!r} in its first line; found {found}")
            for row in rows:
                name = row["path"]
                if not name:
                    failures.add(f"{table.name}: line {rows.line_num}", "bad-row", f"{table} names no clip there")
                    continue
                clip = name if PurePosixPath(name).suffix else f"{name}.mp3"
                language = options.language or row.get("locale") or table.parent.absolute().name
                id = PurePosixPath(clip).stem
                audio = table.parent / "clips" / clip
                gender = gender_of(row.get("gender"))
                yield Item(id, audio, row["client_id"], language, row["sentence"], gender=gender)
        except csv.Error as error:
            raise HacError(f"{table}: line {rows.line_num}: not a table of tab-separated values ({error})") from error


LAYOUT = Layout("commonvoice", "validated.tsv (or another table) beside a folder clips/", _detect, _find)
