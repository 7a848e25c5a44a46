"""Options that the commands share, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hac.errors import FailureLog, HacError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from analysis.clips.choose import ClipSource
    from hac.data.tokens.token_store import TokenStore

Output = Annotated[Path, typer.Option("-o", "--output", help="Folder for results.json, tables and figures.")]
Jobs = Annotated[int, typer.Option("-j", "--jobs", help="Processes; -1: one per core.")]
Ckpt = Annotated[
    str | None,
    typer.Option(
        help="Tokenizer: a folder, a hub id or kind:where, such as `mfcc-kmeans:km100` or `mimi:kyutai/mimi`."
    ),
]
Tokens = Annotated[
    Path | None, typer.Option(help="Tokens instead of a tokenizer: Parquet, JSONL, NPZ, .km or discophon JSONL.")
]
Name = Annotated[str | None, typer.Option(help="What to call the system. [default: the tokenizer's name]")]
ManifestFile = Annotated[Path | None, typer.Option("--manifest", help="Manifest of the corpus (JSONL or Parquet).")]
AlignmentFile = Annotated[
    Path | None,
    typer.Option(
        "--alignments",
        help="Alignments: a store, a folder of TextGrids, CTM, TIMIT or MFA's CSV. [default: beside the manifest]",
    ),
]
Streams = Annotated[str | None, typer.Option(help="Streams to score, by comma; a+b scores two jointly. [default: all]")]
Nulls = Annotated[int, typer.Option(min=2, help="Null draws (circular shifts within utterances).")]
Bootstrap = Annotated[int, typer.Option(min=100, help="Bootstrap draws of the intervals.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of nulls and draws.")]
ShardOf = Annotated[
    str | None,
    typer.Option("--shard", help="Count only part i of n (`2/10`); hac-analyze merge adds the parts up."),
]
OwnStores = Annotated[
    bool,
    typer.Option(
        "--own-stores",
        help="With --shard: the tokens, manifest and alignments given hold this part alone; see docs/scaling.md.",
    ),
]
FrameRate = Annotated[
    str | None, typer.Option(help="Hz of the tokens, where their file does not say: 50, 12.5 or 44100/512.")
]
CodebookSize = Annotated[int | None, typer.Option(help="Codebook size, where the tokens' file does not say.")]
Ids = Annotated[Path | None, typer.Option(help="Utterance ids in order, for .km files.")]
Device = Annotated[str, typer.Option(help="Device of the tokenizer: cpu or cuda.")]
Clips = Annotated[
    int,
    typer.Option(
        "--clips", min=0, help="Utterances whose sound is kept in listen/, for people and for the report; 0: none."
    ),
]
ClipsMb = Annotated[float, typer.Option("--clips-mb", min=0.01, help="Megabytes that listen/ may take.")]
CLIPS, CLIPS_MB = 4, 8.0
"""Defaults of the two."""
IsStrict = Annotated[bool, typer.Option("--strict", help="Stop at the first item that cannot be used.")]


def load_tokens(
    ckpt: str | None,
    tokens: Path | None,
    manifest: Path | None,
    output: Path,
    device: str,
    jobs: int,
    failures: FailureLog,
    frame_rate: str | None,
    codebook_size: int | None,
    ids: Path | None,
) -> TokenStore:
    """The tokens given, or those that the tokenizer makes of the manifest's audio."""
    from hac.data.tokens.formats import read_tokens

    if (ckpt is None) == (tokens is None):
        raise HacError("give either --ckpt (a tokenizer) or --tokens (a token file), not both and not neither")
    if tokens is not None:
        return read_tokens(tokens, frame_rate=frame_rate, codebook_size=codebook_size, ids=ids)
    if manifest is None:
        raise HacError("--ckpt needs --manifest, which says where the audio is")
    from analysis.parallel import cores
    from hac.coding.encode import encode_corpus
    from hac.data.manifest.formats import read_manifest

    path = encode_corpus(
        read_manifest(manifest),
        str(ckpt),
        output / "tokens.parquet",
        device=device,
        jobs=jobs if jobs > 0 else cores(),
        failures=failures,
    )
    return read_tokens(path)


def common(
    tokens: Path | None, streams: str | None, name: str | None, failures: FailureLog, **options: Any
) -> dict[str, Any]:
    """The arguments of `analysis.inputs.request.prepare` that every command passes on.

    Args:
        tokens: the token file given, if any.
        streams: names by comma, or None for all.
        name: what to call the system.
        failures: what fell out so far.
        options: as given on the command line, for the provenance.
    """
    return {
        "streams": names_of(streams),
        "failures": failures,
        "inputs": {"tokens": tokens} if tokens is not None else {},
        "options": {"tokens": str(tokens) if tokens is not None else None, "streams": streams, **options},
        "system": name or "",
    }


def names_of(text: str | None) -> tuple[str, ...]:
    """The names of an option such as `--streams a,b`; none where it is not given."""
    return tuple(part.strip() for part in text.split(",")) if text else ()


def parse_shard(text: str | None) -> tuple[int, int] | None:
    """Place (from 0) and number of shards of `2/10`.

    Raises:
        HacError: it is no such part.
    """
    if text is None:
        return None
    place, _, n = text.partition("/")
    if not (place.isdecimal() and n.isdecimal() and 1 <= int(place) <= int(n)):
        raise HacError(f"--shard {text!r} is not a part such as 2/10 (the second of ten)")
    return int(place) - 1, int(n)


def check_own_stores(own_stores: bool, shard: str | None) -> None:
    """Refuse `--own-stores` where there is no part.

    Raises:
        HacError: there is no `--shard`.
    """
    if own_stores and shard is None:
        raise HacError("--own-stores needs --shard, which says what part of how many the stores hold, such as 7/1000")


def keep_clips(output: Path, heard: ClipSource, clips: int, megabytes: float) -> None:
    """Keep some sounds beside the results, and say what could not be kept; see `analysis.clips.choose`."""
    from analysis.clips.choose import ClipBudget
    from analysis.clips.choose import keep_clips as keep
    from hac.console import printable

    for note in keep(output, heard, ClipBudget(clips, round(megabytes * 1e6))):
        typer.echo(f"warning: {printable(note, 400)}", err=True)


def show(table: RenderableType) -> None:
    """Print a table; in a file it is not cut to the width of a screen that is not there."""
    from rich.console import Console

    out = Console(highlight=False)
    (out if out.is_terminal else Console(width=120, highlight=False)).print(table)


def tell_files(written: Sequence[Path], output: Path) -> None:
    """Say where the files of a run are; the last is the results."""
    typer.echo(f"results: {written[-1]} ({len(written)} files in {output})")


def tell_shard(shard: str | None, path: Path) -> None:
    """Say where the counts of a shard are, and what to do with them."""
    typer.echo(f"counts of shard {shard}: {path}; add all shards up with: hac-analyze merge DIR...")
