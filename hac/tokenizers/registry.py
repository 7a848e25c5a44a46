"""Tokenizers by name: `kind:where`, a folder, or a hub id.

A name may carry options after a question mark: `encodec:facebook/encodec_24khz?n_quantizers=8`. Other
packages add kinds through the entry point group `hac.tokenizers`: the entry's name is the kind, its value a
function `load(where, device, **options) -> Tokenizer`, like those named here; option values are text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Protocol, cast

from hac.errors import HacError
from hac.hub import model_folder, read_json
from hac.plugins import known_names, load_plugin, plugins, split_options, unknown_name
from hac.tokenizers.base import Tokenizer


class Loader(Protocol):
    """Loads the tokenizer that lies at `where`, a folder or a hub id, onto a torch device."""

    def __call__(self, where: str, device: str, **options: str) -> Tokenizer:
        """Load it, with options as text."""
        ...


GROUP = "hac.tokenizers"
_KIND = re.compile(r"([A-Za-z][A-Za-z0-9_-]+):(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of tokenizer.

    Attributes:
        name: what stands before the colon.
        loader: `module:function`.
        where: what stands behind the colon.
        tokens: how many tokens `n` samples give.
        options: what may stand behind the question mark.
    """

    name: str
    loader: str
    where: str
    streams: str
    tokens: str
    options: tuple[str, ...] = ()


_CODECS = "hac.tokenizers.codecs"
_KMEANS = "hac.tokenizers.kmeans"
_MODEL = "folder or hub id"
_FITTED = "folder that `hac tokenizer fit` wrote"
_CEIL = "ceil(n / hop)"
_SSL = "floor((n - 400) / 320) + 1; Whisper: ceil(n / 320)"
_BAND = ("n_quantizers", "bandwidth", "revision")

BUILTIN: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "hac",
            "hac.tokenizers.hac_tokenizer:load",
            _MODEL,
            "acoustic.i, phonetic, lexical",
            _CEIL,
            ("n_quantizers", "batched", "revision"),
        ),
        Kind("dac", f"{_CODECS}:load_dac", _MODEL, "acoustic.i", _CEIL, ("n_quantizers", "revision")),
        Kind("encodec", f"{_CODECS}:load_encodec", _MODEL, "acoustic.i", _CEIL, _BAND),
        Kind("mimi", f"{_CODECS}:load_mimi", _MODEL, "semantic, acoustic.i", _CEIL, ("n_quantizers", "revision")),
        Kind("xcodec", f"{_CODECS}:load_xcodec", _MODEL, "acoustic.i", _CEIL, _BAND),
        Kind("kmeans", f"{_KMEANS}:load_kmeans", _FITTED, "units", _SSL, ("encoder", "revision")),
        Kind("mfcc-kmeans", f"{_KMEANS}:load_mfcc_kmeans", _FITTED, "units", "floor((n + 80) / 160)", ("revision",)),
    )
}


def load_tokenizer(name: str, device: str = "cpu", **options: object) -> Tokenizer:
    """Load a tokenizer.

    Args:
        name: `kind:where`, optionally with `?option=value&...`; or a folder or hub id whose files say the
            kind.
        options: the same options as behind the question mark; these win.

    Raises:
        HacError: the kind or an option is unknown, or the model cannot be loaded.

    Example:
        >>> tokenizer = load_tokenizer("mfcc-kmeans:units100")  # doctest: +SKIP
        >>> tokenizer.encode([samples])[0]["units"]  # doctest: +SKIP
    """
    bare, given = split_options(name)
    given |= {key: str(value) for key, value in options.items() if value is not None}
    kind, where = _split_kind(bare, given.get("revision"))
    loader = _loader(kind)
    if kind in BUILTIN:
        _check_options(kind, given)
    tokenizer = loader(where, device, **given)
    tokenizer.name = name
    return tokenizer


def known_kinds() -> list[str]:
    """Kinds that can be named: the built-in ones, then those of installed packages, by name."""
    return known_names(BUILTIN, GROUP)


def _split_kind(name: str, revision: str | None) -> tuple[str, str]:
    match = _KIND.fullmatch(name)
    if match and not Path(name).exists():
        kind, where = match.groups()
        if kind in known_kinds() and not where:
            raise HacError(f"{name}: nothing behind the colon; expected {kind}:FOLDER or a hub id")
        return kind, where
    if name in known_kinds() and not Path(name).exists():
        raise HacError(f"{name}: is a kind, expected {name}:WHERE, where WHERE is a folder or a hub id")
    return _guess_kind(name, revision), name


def _guess_kind(where: str, revision: str | None) -> str:
    """The kind that a folder's own files name."""
    folder, _ = model_folder(where, revision)
    for file, key in (("tokenizer.json", "kind"), ("config.json", "model_type")):
        if (folder / file).is_file():
            kind = read_json(folder / file).get(key)
            if kind in known_kinds():
                return str(kind)
            if key == "model_type":
                raise HacError(
                    f"{where}: its config.json says model_type {kind!r}, which is no tokenizer known here"
                    f" ({', '.join(known_kinds())}); k-means units can be fitted on a speech encoder"
                    " with hac tokenizer fit kmeans"
                )
    raise HacError(f"{where}: holds neither a config.json nor a tokenizer.json of hac tokenizer fit")


def _loader(kind: str) -> Loader:
    entry = EntryPoint(kind, BUILTIN[kind].loader, GROUP) if kind in BUILTIN else plugins(GROUP).get(kind)
    if entry is None:
        raise unknown_name(kind, known_kinds(), "tokenizer kind")
    return cast(Loader, load_plugin(entry, "tokenizer kind"))


def _check_options(kind: str, options: Mapping[str, str]) -> None:
    known = BUILTIN[kind].options
    for option in options:
        if option not in known:
            raise HacError(f"option {option!r} is unknown to {kind}; known are {', '.join(known)}")
