"""Other people's token files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from hac.data.token_options import StreamOptions
from hac.data.token_parquet import read_parquet
from hac.data.tokens import TokenStore
from hac.errors import HacError


def read(
    path: Path,
    format: str | None,
    streams: Iterable[str] | None,
    options: StreamOptions,
    ids: Path | Sequence[str] | None,
) -> TokenStore:
    """Read a store of the named format, or of the one that name and content suggest (unchecked)."""
    if not path.exists():
        raise HacError(f"{path}: no such token file")
    return read_parquet(path, streams, options)
