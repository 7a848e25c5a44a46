"""Work that is done once for every audio file and kept: resumable, in processes.

What a recipe makes of a file depends on the file's bytes and on the recipe, and so is kept under the hashes of both.
Files are worked on in *parts* of about a minute of audio. A part is renamed into place when it is whole, so a killed
run loses at most one part per process, and the next run goes on. Files of equal bytes are worked on once.
The rows depend neither on the order of the files nor on the processes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from hac.console import progress
from hac.data.audio.audio import AudioError, audio_info
from hac.data.timeline import US_PER_S
from hac.errors import Failure, FailureLog, HacError
from hac.files.atomic import atomic_path, sha256_file
from hac.files.parsing import load_json
from hac.parallel.pool import parallel_map

PART_S = 60.0
"""Seconds of audio in a part: what a killed run can lose, per process."""
IDLE_S = 10
"""Seconds after which a worker process without work ends itself."""

KEYS = {"audio": pa.string(), "recipe": pa.string(), "reason": pa.string(), "detail": pa.string()}
"""Columns beside those of a recipe: hashes of the file's bytes and of the recipe, and why there is no value."""


PASSING = ("audio-missing", "judge-error")
"""Reasons that may pass (a disk that is away, memory of a device): such a file is tried again the next time."""


class Unusable(Exception):
    """A file of which a recipe can make nothing.

    Attributes:
        reason: a short slug that groups failures.
        detail: one sentence.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file to work on.

    Attributes:
        id: of the utterance, for failures.
        path: where it lies.
        sha256: hash of its bytes.
        seconds: its duration, 0 where its header cannot be read.
    """

    id: str
    path: Path
    sha256: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is made of a file.

    Attributes:
        basis: everything the values depend on but the audio, as plain JSON.
        columns: types of the values by name.
        make: the values of a file; picklable. Raises `AudioError` or `Unusable`.
        single_thread: whether numerical libraries are held to one thread, as where every core has a process.
    """

    basis: Mapping[str, Any]
    columns: Mapping[str, pa.DataType]
    make: Callable[[Path], Mapping[str, Any]]
    single_thread: bool = True

    @property
    def key(self) -> str:
        """Hash of the basis."""
        return hashlib.sha256(json.dumps(self.basis, sort_keys=True, default=str).encode()).hexdigest()

    @property
    def schema(self) -> pa.Schema:
        """Columns of its rows."""
        return pa.schema({**KEYS, **self.columns})


def hashed(files: Mapping[str, Path]) -> tuple[list[AudioFile], list[Failure]]:
    """The files with the hashes of their bytes, in the order given; those that cannot be read are failures."""
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
        found.append(AudioFile(id, Path(path), digest, seconds))
    return found, failed


def process(
    files: Sequence[AudioFile],
    kept: pa.Table | None,
    recipe: Recipe,
    folder: Path,
    *,
    jobs: int,
    strict: bool,
    description: str,
) -> pa.Table:
    """The rows of these files under this recipe: those kept before, those in parts of a killed run, and new ones.

    Args:
        files: as `hashed` gives them.
        kept: rows of earlier runs, of any recipe with these columns; or None.
        recipe: what is made of a file.
        folder: for the parts; `clear_parts` removes it when the rows are kept elsewhere.
        jobs: processes, -1 for one per core.
        strict: stop at the first file of which nothing could be made.
        description: of the progress bar.

    Returns:
        Rows sorted by audio, one for each different file; columns as `recipe.schema`.

    Raises:
        HacError: 0 jobs; a folder that cannot be written; or (strict) a file of which nothing could be made.
    """
    if jobs == 0:
        raise HacError("0 jobs were asked for; give 1 or more, or -1 for one per core")
    wanted = {file.sha256: file for file in reversed(files)}
    tables = [] if kept is None else [final_rows(kept.filter(pc.equal(kept["recipe"], recipe.key)), recipe)]
    tables += read_parts(folder, recipe)
    done = {digest for table in tables for digest in table["audio"].to_pylist()}
    missing = [wanted[digest] for digest in sorted(wanted.keys() - done)]
    seconds = sum(round(part.seconds) for part in _parts(list(wanted.values())))
    with progress(f"{description} (s of audio)", total=seconds) as advance:
        parts = list(_parts(missing))
        advance(seconds - sum(round(part.seconds) for part in parts))
        # one part is done here: a process would only load the model a second time
        n_jobs = jobs if len(parts) > 1 else 1
        tasks = ((part, recipe, folder, strict) for part in parts)
        for part_seconds, rows in parallel_map(_work_part, tasks, jobs=n_jobs, idle_worker_timeout=IDLE_S):
            tables.append(rows)
            advance(round(part_seconds))
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
    files: tuple[AudioFile, ...]

    @property
    def seconds(self) -> float:
        return sum(file.seconds for file in self.files)

    @property
    def name(self) -> str:
        return hashlib.sha256("".join(file.sha256 for file in self.files).encode()).hexdigest()[:32]


def _parts(files: Sequence[AudioFile]) -> Iterator[_Part]:
    """Files in groups of at least `PART_S` seconds (the last may be shorter)."""
    group: list[AudioFile] = []
    for file in files:
        group.append(file)
        if sum(file.seconds for file in group) >= PART_S or len(group) == 500:
            yield _Part(tuple(group))
            group = []
    if group:
        yield _Part(tuple(group))


def _work_part(part: _Part, recipe: Recipe, folder: Path, strict: bool) -> tuple[float, pa.Table]:
    """One task of a process: its seconds and its rows, which are also written."""
    rows: list[dict[str, Any]] = []
    passing: list[dict[str, Any]] = []
    failed: list[Failure] = []
    single: AbstractContextManager[Any] = threadpool_limits(1) if recipe.single_thread else nullcontext()
    with single:
        for file in part.files:
            row = _row(file, recipe)
            (passing if row["reason"] in PASSING else rows).append(row)
            if row["reason"] is not None:
                failed.append(Failure(file.id, row["reason"], row["detail"]))
    table = pa.Table.from_pylist(rows, schema=recipe.schema)
    path = folder / f"{recipe.key[:16]}-{part.name}.parquet"
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    # raised here and not where results are gathered: joblib then stops the other processes in order
    FailureLog(strict).extend(failed)
    return part.seconds, pa.concat_tables([table, pa.Table.from_pylist(passing, schema=recipe.schema)])


def _row(file: AudioFile, recipe: Recipe) -> dict[str, Any]:
    row: dict[str, Any] = {"audio": file.sha256, "recipe": recipe.key, "reason": None, "detail": None}
    try:
        return {**row, **recipe.make(file.path)}
    except (AudioError, Unusable) as error:
        return {**row, "reason": error.reason, "detail": error.detail}


def _first_of_each(table: pa.Table) -> pa.Table:
    """Rows sorted by audio, where two runs at once may have made one twice."""
    audio = table["audio"].to_pylist()
    firsts = [i for i, digest in enumerate(audio) if i == 0 or digest != audio[i - 1]]
    return table if len(firsts) == len(audio) else table.take(pa.array(firsts, pa.int64()))
