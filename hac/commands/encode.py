"""`hac encode`: a corpus to a token store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hac.errors import FailureLog


def encode(
    manifest: Annotated[Path, typer.Argument(help="Manifest of the corpus (.jsonl or .parquet).")],
    tokenizer: Annotated[
        str, typer.Option("--tokenizer", "-t", help="KIND:WHERE, a folder or a hub id; see `hac tokenizer list`.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Token store to write (.parquet); its shards go to .shards/ beside it.")
    ],
    streams: Annotated[
        list[str] | None, typer.Option("--streams", "-s", help="Keep only this stream; repeat or separate by commas.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where the tokenizer computes: cpu, cuda or cuda:N.")] = "cpu",
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", help="Processes (cpu), threads that read (cuda); -1: one per core.")
    ] = -1,
    batch_s: Annotated[float, typer.Option(help="Seconds of audio in a batch.", min=0.0)] = 120.0,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first audio file that fails.")] = False,
) -> None:
    """Encode every utterance of a manifest into a token store.

    What is finished is never done again: after Ctrl-C or a crash, the same command goes on. Audio that cannot be
    encoded is counted and listed, and left out.

    Examples:

        hac encode corpus/manifest.jsonl --tokenizer mfcc-kmeans:models/km100 -o tokens.parquet

        hac encode corpus/manifest.jsonl -t mimi:kyutai/mimi -s semantic --device cuda -j 8 -o mimi.parquet
    """
    from hac.data.manifest import read_manifest
    from hac.data.tokens import read_tokens
    from hac.encode import encode_corpus
    from hac.errors import FailureLog

    failures = FailureLog(strict)
    names = [name for entry in streams or [] for name in entry.split(",")] or None
    path = encode_corpus(
        read_manifest(manifest, failures=failures),
        tokenizer,
        out,
        device=device,
        jobs=jobs,
        streams=names,
        batch_s=batch_s,
        failures=failures,
    )
    store = read_tokens(path)
    typer.echo(f"{path}: {len(store)} utterances")
    for name, stream in store.streams.items():
        rate = f"{stream.frame_rate} Hz"
        typer.echo(f"  {name}: {len(stream.codes)} frames at {rate}, {stream.codebook_size} codes")
    _report(failures, path.with_suffix(".failures.jsonl"))


def _report(failures: FailureLog, path: Path) -> None:
    """List the failures in a file beside the store, their counts and the first ones on stderr."""
    import json
    from dataclasses import asdict

    from hac.files import write_text

    if not failures:
        path.unlink(missing_ok=True)  # of an earlier run
        return
    write_text(path, "".join(f"{json.dumps(asdict(failure), ensure_ascii=False)}\n" for failure in failures))
    counts = ", ".join(f"{count} {reason}" for reason, count in failures.by_reason().items())
    typer.echo(f"left out {len(failures)} utterances ({counts}); all are listed in {path}, the first:", err=True)
    for failure in failures.items[:5]:
        typer.echo(f"  {failure.id}: {failure.detail}", err=True)
