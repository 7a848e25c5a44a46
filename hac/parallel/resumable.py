"""Rows that are made once of audio and kept: resumable, in processes.

What a recipe makes of an item (an audio file, a pair of them) depends on the bytes of its audio and on the recipe, and
so is kept under the hashes of both. Items are worked on in *parts* of about a minute of audio (`hac.parallel.parts`).
Items of equal bytes are worked on once. The rows depend neither on the order of the items nor on the processes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from hac.data.audio.audio import AudioError, audio_info
from hac.data.timeline import US_PER_S
from hac.errors import Failure, FailureLog, HacError, Unusable
from hac.files.atomic import atomic_path, sha256_file
from hac.files.parsing import load_json
from hac.parallel.parts import cut, run_parts

PART_S = 60.0
"""Seconds of audio in a part: what a killed run can lose, per process."""
MOST = 500
"""Items in a part, at most."""

KEYS = {"audio": pa.string(), "recipe": pa.string(), "reason": pa.string(), "detail": pa.string()}
"""Columns beside those of a recipe: hashes of the audio's bytes and of the recipe, and why there is no value."""

PASSING = ("audio-missing", "judge-error")
"""Reasons that may pass (a disk that is away, memory of a device): such an item is tried again the next time."""


@dataclass(frozen=True, slots=True)
class Item:
    """What a row is made of: a file, or several that belong together.

    Attributes:
        id: of the utterance, for failures.
        content: what the recipe is given; picklable.
        key: hash of the bytes of its audio.
        seconds: of audio, 0 where that is not known.
    """

    id: str
    content: Any
    key: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is made of an item.

    Attributes:
        basis: everything the values depend on but the audio, as plain JSON.
        columns: types of the values by name.
        make: the values of an item's content; picklable. Raises `Unusable`, such as an `AudioError`.
        single_thread: whether numerical libraries are held to one thread, as where every core has a process.
    """

    basis: Mapping[str, Any]
    columns: Mapping[str, pa.DataType]
    make: Callable[[Any], Mapping[str, Any]]
    single_thread: bool = True

    @property
    def key(self) -> str:
        """Hash of the basis."""
        return hashlib.sha256(json.dumps(self.basis, sort_keys=True, default=str).encode()).hexdigest()

    @property
    def schema(self) -> pa.Schema:
        """Columns of its rows."""
        return pa.schema({**KEYS, **self.columns})


def hashed(files: Mapping[str, Path]) -> tuple[list[Item], list[Failure]]:
    """Audio files with the hashes of their bytes, in the order given; those that cannot be read are failures."""
    found, failed = [], []
    for id, path in files.items():
        try:
            digest = sha256_file(Path(path))
        except OSError as error:
            reason = "audio-missing" if isinstance(error, FileNotFoundError) else "audio-unreadable"
            failed.append(Failure(id, reason, f"{path}: cannot be read ({error.strerror}); expected an audio file"))
            continue
        try:
            seconds = audio_info(Path(path)).duration_us / US_PER_S
        except AudioError:
            seconds = 0.0  # the recipe will say what is wrong with it
        found.append(Item(id, Path(path), digest, seconds))
    return found, failed


def process(
    items: Sequence[Item],
    kept: pa.Table | None,
    recipe: Recipe,
    folder: Path,
    *,
    jobs: int,
    strict: bool,
    description: str,
) -> pa.Table:
    """The rows of these items under this recipe: those kept before, those in parts of a killed run, and new ones.

    Args:
        items: such as `hashed` gives.
        kept: rows of earlier runs, of any recipe with these columns; or None.
        folder: for the parts; `clear_parts` removes it when the rows are kept elsewhere.

    Returns:
        Rows sorted by key, one for each different item; columns as `recipe.schema`.

    Raises:
        HacError: 0 jobs; a folder that cannot be written; or (strict) an item of which nothing could be made.
    """
    if jobs == 0:
        raise HacError("0 jobs were asked for; give 1 or more, or -1 for one per core")
    wanted = {item.key: item for item in reversed(items)}
    tables = [] if kept is None else [final_rows(kept.filter(pc.equal(kept["recipe"], recipe.key)), recipe)]
    tables += read_parts(folder, recipe)
    done = {key for table in tables for key in table["audio"].to_pylist()}
    missing = [wanted[key] for key in sorted(wanted.keys() - done)]
    tables += run_parts(
        _work_part,
        [_Part(group) for group in cut(missing, lambda item: item.seconds, PART_S, MOST)],
        recipe,
        folder,
        strict,
        total_s=sum(item.seconds for item in wanted.values()),
        jobs=jobs,
        description=description,
    )
    table = pa.concat_tables([recipe.schema.empty_table(), *(table.cast(recipe.schema) for table in tables)])
    table = table.filter(pc.is_in(table["audio"], pa.array(sorted(wanted), pa.string()))).sort_by("audio")
    return _first_of_each(table)


def final_rows(rows: pa.Table, recipe: Recipe) -> pa.Table:
    """The rows that need not be made again, in the recipe's columns."""
    passing = pc.is_in(rows["reason"], pa.array(PASSING))
    return rows.filter(pc.invert(passing)).select(recipe.schema.names).cast(recipe.schema)


def read_parts(folder: Path, recipe: Recipe) -> list[pa.Table]:
    """What earlier runs of this recipe made and did not yet keep elsewhere; broken files are left out."""
    tables = []
    for path in sorted(folder.glob(f"{recipe.key[:16]}-*.parquet")):
        try:
            tables.append(pq.read_table(path, memory_map=False).cast(recipe.schema))
        except (pa.ArrowException, OSError, ValueError):
            continue  # a crash of the machine may leave a name without content
    return tables


def clear_parts(folder: Path, recipe: Recipe) -> None:
    """Remove the parts of a recipe, and the folder when it is empty."""
    if not folder.is_dir():
        return
    for path in [*folder.glob(f"{recipe.key[:16]}-*.parquet"), *folder.glob(f".{recipe.key[:16]}-*.part")]:
        path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def write_rows(table: pa.Table, path: Path, header: Mapping[str, Any]) -> None:
    """Write rows atomically, with JSON under the key `hac` of the metadata; same rows, same bytes."""
    metadata = {b"hac": json.dumps(header, sort_keys=True, ensure_ascii=False, default=str).encode()}
    with atomic_path(path) as temporary:
        pq.write_table(
            table.replace_schema_metadata(metadata).combine_chunks(),
            temporary,
            compression="zstd",
            write_page_checksum=True,
        )


def read_rows(path: Path, kind: str, columns: Iterable[str]) -> tuple[pa.Table, dict[str, Any]] | None:
    """Rows and header that `write_rows` wrote; None where there is no file.

    Raises:
        HacError: it is no Parquet file, or holds something else than `kind`.
    """
    if not path.exists():
        return None
    try:
        table = pq.read_table(path, memory_map=False, page_checksum_verification=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise HacError(f"{path}: cannot be read as {kind}, it is truncated or no Parquet file; delete it") from error
    try:
        header = load_json((table.schema.metadata or {}).get(b"hac", b"{}"))
    except ValueError:
        header = {}
    found = header.get("kind") if isinstance(header, dict) else None
    if found != kind or any(name not in table.column_names for name in columns):
        holds = f"{found}" if found else f"columns {', '.join(table.column_names[:5])}"
        raise HacError(f"{path}: holds {holds} where {kind} were expected; name another file")
    return table.replace_schema_metadata(None), header


@dataclass(frozen=True, slots=True)
class _Part:
    items: tuple[Item, ...]

    @property
    def seconds(self) -> float:
        return sum(item.seconds for item in self.items)

    @property
    def name(self) -> str:
        return hashlib.sha256("".join(item.key for item in self.items).encode()).hexdigest()[:32]


def _work_part(part: _Part, recipe: Recipe, folder: Path, strict: bool) -> pa.Table:
    """One task of a process: its rows, which are also written."""
    rows: list[dict[str, Any]] = []
    passing: list[dict[str, Any]] = []
    failed: list[Failure] = []
    with threadpool_limits(1 if recipe.single_thread else None):
        for item in part.items:
            row = _row(item, recipe)
            (passing if row["reason"] in PASSING else rows).append(row)
            if row["reason"] is not None:
                failed.append(Failure(item.id, row["reason"], row["detail"]))
    table = pa.Table.from_pylist(rows, schema=recipe.schema)
    path = folder / f"{recipe.key[:16]}-{part.name}.parquet"
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    # raised here and not where results are gathered: joblib then stops the other processes in order
    FailureLog(strict).extend(failed)
    return pa.concat_tables([table, pa.Table.from_pylist(passing, schema=recipe.schema)])


def _row(item: Item, recipe: Recipe) -> dict[str, Any]:
    row: dict[str, Any] = {"audio": item.key, "recipe": recipe.key, "reason": None, "detail": None}
    try:
        return {**row, **recipe.make(item.content)}
    except Unusable as error:
        return {**row, "reason": error.reason, "detail": error.detail}


def _first_of_each(table: pa.Table) -> pa.Table:
    """Rows sorted by audio, where two runs at once may have made one twice."""
    audio = table["audio"].to_pylist()
    firsts = [i for i, digest in enumerate(audio) if i == 0 or digest != audio[i - 1]]
    return table if len(firsts) == len(audio) else table.take(pa.array(firsts, pa.int64()))
