"""`hac tokenizer`: fit k-means units, list the kinds, check that a tokenizer keeps its word."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hac.files.output_lock import locked

if TYPE_CHECKING:
    from hac.tokenizers.conformance import Check, Conformance
    from hac.tokenizers.kmeans import Features

app = typer.Typer(help="Fit k-means units, list the kinds of tokenizers, check a tokenizer.", no_args_is_help=True)


class FitKind(StrEnum):
    """What can be fitted."""

    MFCC_KMEANS = "mfcc-kmeans"
    KMEANS = "kmeans"


@app.command()
def fit(
    kind: Annotated[FitKind, typer.Argument(help="mfcc-kmeans needs no weights; kmeans clusters an encoder's layer.")],
    manifest: Annotated[Path, typer.Option("--manifest", help="Recordings to fit on: JSONL or Parquet.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the fitted tokenizer.")],
    k: Annotated[int, typer.Option("-k", min=1, help="Number of clusters.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the frame sample and of k-means.")] = 0,
    encoder: Annotated[
        str | None, typer.Option(help="kmeans: speech encoder (HuBERT, WavLM, Whisper, ...), folder or hub id.")
    ] = None,
    layer: Annotated[
        int | None, typer.Option(min=0, help="kmeans: layer; 0 is what enters the first transformer layer.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="kmeans: revision of a hub id.")] = None,
    device: Annotated[str, typer.Option(help="kmeans: torch device of the encoder.")] = "cpu",
    max_frames: Annotated[
        int | None, typer.Option(min=1, help="Frames sampled from the corpus; default: as many as fit in 1 GiB.")
    ] = None,
    starts: Annotated[int, typer.Option(min=1, help="k-means++ starts; the best is gone on with.")] = 20,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first unusable recording.")] = False,
) -> None:
    """Fit k-means units on a manifest and save them as a folder that `kind:FOLDER` names.

    hac tokenizer fit mfcc-kmeans --manifest corpus/manifest.jsonl -k 100 -o units/mfcc100

    hac tokenizer fit kmeans --encoder facebook/hubert-base-ls960 --layer 9 -k 500 --manifest M -o units/hubert500
    """
    with locked([out]):
        from hac.console import progress
        from hac.data.manifest.formats import read_manifest
        from hac.errors import FailureLog
        from hac.tokenizers import kmeans

        corpus = read_manifest(manifest)
        features = _features(kind, encoder, layer, device, revision)
        failures = FailureLog(strict=strict)
        with progress("features", len(corpus.utterances)) as advance:
            fitted = kmeans.fit(kind.value, corpus, features, k, seed, max_frames, starts, failures, advance)
        kmeans.save(fitted, out)
        for reason, count in failures.by_reason().items():
            typer.echo(f"left out: {count} recordings, {reason}", err=True)
        frames, sampled = fitted.record["n_frames"], fitted.record["n_frames_fitted"]
        typer.echo(f"{kind.value}:{out}  k = {k}, fitted on {sampled} of {frames} frames")


def _features(kind: FitKind, encoder: str | None, layer: int | None, device: str, revision: str | None) -> Features:
    from hac.errors import HacError

    if kind is FitKind.MFCC_KMEANS:
        if encoder is not None or layer is not None:
            raise HacError("mfcc-kmeans has no encoder and no layer; leave out --encoder and --layer, or fit kmeans")
        from hac.features.mfcc import MfccFeatures

        return MfccFeatures()
    if encoder is None or layer is None:
        raise HacError("kmeans needs --encoder (a folder or hub id of a speech encoder) and --layer")
    from hac.features.speech_encoder import load_encoder

    return load_encoder(encoder, layer, device, revision)


@app.command("list")
def list_() -> None:
    """List the kinds of tokenizers: the built-in ones and those of installed packages.

    hac tokenizer list
    """
    from rich.console import Console
    from rich.table import Table

    from hac.plugins import plugins
    from hac.tokenizers.registry import BUILTIN, GROUP

    table = Table(title="Tokenizers, named kind:where[?option=value]")
    for column in ("kind", "where", "streams", "tokens for n samples", "options"):
        table.add_column(column, overflow="fold")
    for kind in BUILTIN.values():
        table.add_row(kind.name, kind.where, kind.streams, kind.tokens, ", ".join(kind.options))
    for name, entry in sorted(plugins(GROUP).items()):
        if name not in BUILTIN:
            table.add_row(name, f"plugin {entry.value}", "", "", "")
    Console().print(table)


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="kind:where, a folder or a hub id.")],
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="Check on its first recordings; default: built-in audio.")
    ] = None,
    device: Annotated[str, typer.Option(help="Torch device.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print every finding as JSON.")] = False,
) -> None:
    """Check that a tokenizer keeps its word; exit 1 if a law is broken.

    Deterministic; batched = single; declared rate = observed rate; lengths; silence; codes within the codebook.
    Counted, not judged: the tokens that change with padding and with chunks.

    hac tokenizer check mfcc-kmeans:units/mfcc100
    """
    import json

    from hac.console import progress
    from hac.data.manifest.formats import read_manifest
    from hac.tokenizers.check_audio import default_audio, from_manifest
    from hac.tokenizers.conformance import CHECKS, check_tokenizer
    from hac.tokenizers.registry import load_tokenizer

    tokenizer = load_tokenizer(name, device)
    if manifest is None:
        audio, source = default_audio(tokenizer.sample_rate)
    else:
        audio, source = from_manifest(read_manifest(manifest), tokenizer.sample_rate), str(manifest)
    with progress("checks", len(CHECKS)) as advance:
        result = check_tokenizer(tokenizer, audio, advance)
    if as_json:
        typer.echo(json.dumps({**result.as_dict(), "audio": source}, indent=2, ensure_ascii=False))
    else:
        _print(result, source)
    if not result.conforms:
        raise typer.Exit(1)


def _print(result: Conformance, source: str) -> None:
    """One row a law, its streams summed up; the row of a broken law shows the first stream that breaks it."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{result.tokenizer} on {source}", title_justify="left")
    for column in ("check", "result", "changed or wrong", "detail"):
        table.add_column(column, overflow="fold")
    for name in dict.fromkeys(check.name for check in result.checks):
        table.add_row(*_row([check for check in result.checks if check.name == name]))
    console = Console()
    console.print(table)
    console.print("conforms" if result.conforms else "does not conform: a law is broken")


def _row(checks: Sequence[Check]) -> tuple[str, str, str, str]:
    from rich.markup import escape

    shown = next((check for check in checks if check.status == "broken"), checks[0])
    changed, total = sum(check.changed for check in checks), sum(check.total for check in checks)
    stream = f"{shown.stream}: " if len(checks) > 1 else ""
    colour = {"kept": "green", "broken": "bold red", "seen": "yellow"}[shown.status]
    share = f"{changed} of {total}"
    return shown.name, f"[{colour}]{shown.status}[/]", share, escape(stream + shown.detail)
