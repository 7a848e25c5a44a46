"""Which format a token file has, and the two that need few lines: NPZ and HuBERT's `.km` text.

NPZ: one integer array per utterance and stream, named `<utterance id>/<stream>`, where the codebook sizes
are given by stream name; named `<utterance id>` alone where one size is given, for the single stream
`options.stream`. Sizes and rates stand in an array `__meta__` that holds one JSON text, or come from the
reader's options:

    np.savez("t.npz", **{"a/phonetic": [3, 17], "b/phonetic": [5]},
             __meta__='{"codebook_size": {"phonetic": 1024}, "frame_rate": "50"}')

km: one line per utterance, codes with spaces between them, as HuBERT's `simple_kmeans` scripts write them.
The ids stand elsewhere, in the same order: by default in the `.tsv` beside it (root folder in the first
line, then `path TAB samples`; the id is the file's stem), or in another `.tsv`, a manifest, or a text file
with one id per line.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, get_args

import numpy as np

from hac.data.tokens.jsonl import is_discophon, read_discophon, read_jsonl
from hac.data.tokens.parquet import read_parquet, write_parquet
from hac.data.tokens.rows import Rows
from hac.data.tokens.stream_options import Ids, Rate, StreamOptions, TokenFormat, by_stream, check_keys
from hac.data.tokens.token_store import TokenStore
from hac.errors import HacError
from hac.files.parsing import load_json
from hac.files.text import GZIP_MAGIC, open_text

META = "__meta__"
_SUFFIXES: Mapping[str, TokenFormat] = {".parquet": "parquet", ".pq": "parquet", ".npz": "npz", ".km": "km"}


def read_tokens(
    path: Path,
    *,
    streams: Sequence[str] | None = None,
    format: TokenFormat | None = None,
    frame_rate: Rate | Mapping[str, Rate] | None = None,
    codebook_size: int | Mapping[str, int] | None = None,
    ids: Ids | None = None,
    stream: str = "units",
) -> TokenStore:
    """Read a token store of any known format.

    Args:
        path: a file, or a folder of Parquet files.
        streams: names of the streams to read (Parquet reads no others from the disk); None: all.
        format: `parquet`, `jsonl`, `discophon`, `npz` or `km`; None: by name and content.
        frame_rate: Hz, for all streams or by stream name, where the file does not say; agrees where it does.
        codebook_size: likewise.
        ids: for `km`, the utterance ids in order, or the file that lists them.
        stream: name of the only stream in formats that name none (`discophon`, `km`, plain `npz`).

    Raises:
        HacError: the file is missing, damaged or unsound; the sentence names the utterance to blame, if any.
    """
    options = StreamOptions(frame_rate, codebook_size, stream)
    return _read(Path(path), format, streams, options, ids).checked(path)


def write_tokens(store: TokenStore, path: Path) -> None:
    """Write a store as one Parquet file, atomically; same store, same bytes.

    Raises:
        HacError: the store is not sound, or the file cannot be written.
    """
    write_parquet(store.checked(path), Path(path))


def _read(
    path: Path, format: str | None, streams: Sequence[str] | None, options: StreamOptions, ids: Ids | None
) -> TokenStore:
    if not path.exists():
        raise HacError(f"{path}: no such token file")
    if path.is_file() and path.stat().st_size == 0:
        raise HacError(f"{path}: the file is empty, expected tokens; was the disk full when it was written?")
    match format or detect_format(path):
        case "parquet":
            return read_parquet(path, streams, options)
        case "jsonl":
            return read_jsonl(path, streams, options)
        case "discophon":
            return read_discophon(path, streams, options)
        case "npz":
            return read_npz(path, streams, options)
        case "km":
            return read_km(path, streams, options, ids)
    raise HacError(f"token format {format!r} is unknown; there are {', '.join(get_args(TokenFormat))}")


def detect_format(path: Path) -> TokenFormat:
    """The format that a file's name says, else its first bytes.

    Raises:
        HacError: neither says it.
    """
    if path.is_dir():
        return "parquet"
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"PK\x03\x04"):
        return "npz"
    if suffix in (".jsonl", ".json", ".ndjson") or head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
        return "discophon" if is_discophon(path) else "jsonl"
    if head.startswith(GZIP_MAGIC):
        with open_text(path) as text:
            jsonl = text.read(64).lstrip().startswith("{")
        return ("discophon" if is_discophon(path) else "jsonl") if jsonl else "km"
    if head.split() and all(word.isdigit() for word in head.split()):
        return "km"
    raise HacError(f"{path}: no known token format; name one of {', '.join(get_args(TokenFormat))}")


def read_npz(path: Path, streams: Sequence[str] | None, options: StreamOptions) -> TokenStore:
    """Read NumPy's archive in the layout above (unchecked).

    Raises:
        HacError: not an NPZ, a damaged or a pickled one, a misspelt key, no codebook size, an utterance
            that lacks a stream.
    """
    arrays = _npz_arrays(path)
    meta = _npz_meta(path, arrays.pop(META, None))
    declared = meta.get("codebook_size")
    named = {*_names(declared), *_names(options.codebook_size)}
    utterances: dict[str, dict[str, Any]] = {}
    for key, array in arrays.items():
        id, name = _split_key(path, key, named) if named else (key, options.stream)
        utterances.setdefault(id, {})[name] = array
    rows = Rows(path, streams)
    for id, entry in utterances.items():
        rows.add(id, entry)
    rates = by_stream(meta.get("frame_rate"), rows.columns)
    return rows.store(options, by_stream(declared, rows.columns), rates, {})


def read_km(path: Path, streams: Sequence[str] | None, options: StreamOptions, ids: Ids | None) -> TokenStore:
    """Read HuBERT-style text as one stream named `options.stream` (unchecked); an empty line has no frames.

    Raises:
        HacError: no ids, another count of ids than of lines, a word that is no integer, no rate or codebook
            size.
    """
    with open_text(path) as text:
        lines = text.read().splitlines()
    if ids is None:
        ids = path.with_name(path.name.removesuffix(".gz")).with_suffix(".tsv")
        if not ids.exists():
            raise HacError(f"{path}: .km text has no utterance ids and there is no {ids.name} beside it; give ids=")
    names = read_ids(Path(ids)) if isinstance(ids, str | Path) else list(ids)
    if len(names) != len(lines):
        source = ids if isinstance(ids, str | Path) else "the given list"
        raise HacError(f"{path}: {len(lines)} lines of codes, but {source} has {len(names)} ids; they must pair up")
    rows = Rows(path, streams)
    for number, (id, line) in enumerate(zip(names, lines, strict=True), start=1):
        try:
            codes = np.array(line.split(), dtype=np.int64)
        except (ValueError, OverflowError) as error:
            raise HacError(f"{path}, line {number} ({id}): expected integer codes ({error})") from error
        rows.add(id, {options.stream: codes})
    return rows.store(options, {}, {}, {})


def read_ids(path: Path) -> list[str]:
    """Utterance ids in order, from a HuBERT `.tsv`, a manifest (JSONL, Parquet) or plain text, one a line.

    Raises:
        HacError: the file is missing or damaged, or two files of a `.tsv` have the same stem and path.
    """
    if not path.exists():
        raise HacError(f"{path}: no such file of utterance ids")
    if path.suffix.lower() in (".jsonl", ".parquet"):
        from hac.data.manifest.formats import read_manifest

        return [utterance.id for utterance in read_manifest(path).utterances]
    with open_text(path) as text:
        lines = text.read().splitlines()
    if path.suffix.lower() != ".tsv":
        return [line.strip() for line in lines if line.strip()]
    files = [PurePosixPath(line.split("\t")[0]) for line in lines[1:]]
    if (nameless := next((n for n, file in enumerate(files, start=2) if not file.name), None)) is not None:
        raise HacError(f"{path}, line {nameless}: names no file; expected PATH TAB SAMPLES")
    stems = Counter(file.stem for file in files)
    # VCTK-like trees repeat stems between folders: then the path tells them apart
    return [file.stem if stems[file.stem] == 1 else str(file.with_suffix("")) for file in files]


def _npz_arrays(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as members:  # NumPy would try a plain array and a pickle too
            expanded = sum(member.file_size for member in members.infolist())
        if expanded > (memory := os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")):
            raise HacError(
                f"{path}: its arrays expand to {expanded / 1e9:,.1f} GB, this machine's memory has"
                f" {memory / 1e9:,.1f} GB; give Parquet, a folder of files if need be"
            )
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:  # RuntimeError: encrypted
        raise HacError(f"{path}: not an NPZ file, or a truncated one; make it again") from error
    except MemoryError as error:
        raise HacError(f"{path}: an array is said to be larger than the memory; make it again") from error
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise HacError(f"{path}: holds pickled objects, which are refused; save integer arrays") from error
        raise HacError(f"{path}: a damaged NPZ file ({error}); make it again") from error


def _npz_meta(path: Path, array: Any) -> dict[str, Any]:
    if array is None:
        return {}
    where = f"{path}, array {META}"
    try:
        meta = load_json(str(array))
    except ValueError as error:
        raise HacError(f"{where}: expected one JSON text such as {{'codebook_size': 1024, ...}}") from error
    check_keys(meta, {"codebook_size", "frame_rate"}, where)
    return dict(meta)


def _names(sizes: Any) -> set[str]:
    return set(sizes) if isinstance(sizes, Mapping) else set()


def _split_key(path: Path, key: str, names: set[str]) -> tuple[str, str]:
    """`id/stream` to its two parts; ids may hold slashes, stream names don't."""
    id, _, name = key.rpartition("/")
    if not id or name not in names:
        raise HacError(f"{path}: array {key!r} is not named <id>/<stream> with a stream of {', '.join(sorted(names))}")
    return id, name
