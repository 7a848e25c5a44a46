"""`hac-analyze`: what tokens carry. Command bodies import what they need, so that `--help` stays quick.

The one place that imports upward: a command's body calls the reports that draw its results.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hac import console

if TYPE_CHECKING:
    from rich.console import RenderableType

    from analysis.pnmi import Outcome, Request
    from hac.data.tokens import TokenStore
    from hac.errors import FailureLog

app = typer.Typer(
    name="hac-analyze",
    help="Show what speech tokens carry: every number beside its null and its interval.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

Output = Annotated[Path, typer.Option("-o", "--output", help="Folder for results.json, tables and figures.")]
Jobs = Annotated[int, typer.Option("-j", "--jobs", help="Processes; -1: one per core.")]


@app.callback()
def _hac_analyze() -> None:
    """Show what speech tokens carry: every number beside its null and its interval."""


@app.command()
def pnmi(
    ckpt: Annotated[
        str | None,
        typer.Option(
            help="Tokenizer: a folder, a hub id or kind:where, such as `mfcc-kmeans:km100` or `mimi:kyutai/mimi`."
        ),
    ] = None,
    tokens: Annotated[
        Path | None, typer.Option(help="Tokens instead of a tokenizer: Parquet, JSONL, NPZ, .km or discophon JSONL.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call the system. [default: the tokenizer's name]")] = None,
    manifest: Annotated[Path | None, typer.Option(help="Manifest of the corpus (JSONL or Parquet).")] = None,
    alignments: Annotated[
        Path | None,
        typer.Option(
            help="Alignments: a store, a folder of TextGrids, CTM, TIMIT or MFA's CSV. [default: beside the manifest]"
        ),
    ] = None,
    output: Output = Path("pnmi"),
    streams: Annotated[
        str | None, typer.Option(help="Streams to score, by comma; a+b scores two jointly. [default: all]")
    ] = None,
    convention: Annotated[
        str, typer.Option(help="How frames meet phones: duration, hubert, max-overlap or centre.")
    ] = "duration",
    phones: Annotated[
        str, typer.Option(help="Phone policy: auto, arpabet, ipa, timit39, none or a YAML file.")
    ] = "auto",
    nulls: Annotated[int, typer.Option(min=2, help="Null draws (circular shifts within utterances).")] = 20,
    bootstrap: Annotated[int, typer.Option(min=100, help="Bootstrap draws of the intervals.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of nulls and draws.")] = 0,
    shard: Annotated[
        str | None, typer.Option(help="Count only part i of n (`2/10`); hac-analyze merge adds the parts up.")
    ] = None,
    frame_rate: Annotated[
        str | None, typer.Option(help="Hz of the tokens, where their file does not say: 50, 12.5 or 44100/512.")
    ] = None,
    codebook_size: Annotated[
        int | None, typer.Option(help="Codebook size, where the tokens' file does not say.")
    ] = None,
    ids: Annotated[Path | None, typer.Option(help="Utterance ids in order, for .km files.")] = None,
    device: Annotated[str, typer.Option(help="Device of the tokenizer: cpu or cuda.")] = "cpu",
    jobs: Jobs = -1,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first item that cannot be used.")] = False,
) -> None:
    """PNMI and purities of every stream against forced alignments, with null, interval and protocol.

    Examples:

        hac-analyze pnmi --ckpt mfcc-kmeans:km100 --manifest corpus/manifest.jsonl -o results

        hac-analyze pnmi --tokens tokens.parquet --manifest corpus/manifest.jsonl --alignments textgrids/

        hac-analyze pnmi --tokens units.km --ids ids.txt --frame-rate 50 --codebook-size 500 --alignments ali.ctm
    """
    from analysis.counting import Protocol
    from analysis.pnmi import prepare, run
    from analysis.pnmi_shards import run_shard
    from analysis.shards import NAME
    from hac.errors import FailureLog
    from probes.align import check_convention

    part = _shard(shard)
    protocol = Protocol(check_convention(convention), nulls, bootstrap, seed, phones)
    failures = FailureLog(strict=strict)
    store = _tokens(ckpt, tokens, manifest, output, device, jobs, failures, frame_rate, codebook_size, ids)
    options = {"ckpt": ckpt, "tokens": _text(tokens), "streams": streams, "strict": strict, "shard": shard}
    request: Request = prepare(
        store,
        manifest,
        alignments,
        protocol,
        streams=tuple(name.strip() for name in streams.split(",")) if streams else (),
        failures=failures,
        inputs={"tokens": tokens} if tokens is not None else {},
        options=options,
        system=name or "",
    )
    if part:
        run_shard(request, *part, output / NAME)
        typer.echo(f"counts of shard {shard}: {output / NAME}; add all shards up with: hac-analyze merge DIR...")
        return
    _finish(run(request, jobs), output, jobs)


@app.command()
def merge(
    shards: Annotated[list[Path], typer.Argument(help="Folders (or counts.parquet files) of all shards of one job.")],
    output: Output = Path("pnmi"),
    jobs: Jobs = -1,
) -> None:
    """Add up the shards of one job: the same numbers, to the bit, as one run over everything.

    Example:

        hac-analyze merge shard-*/ -o results
    """
    from analysis.pnmi_shards import merge as merge_shards

    _finish(merge_shards(shards, jobs), output, jobs)


@app.command()
def demo(
    output: Output = Path("demo"),
    jobs: Jobs = -1,
) -> None:
    """The main job on real speech, from packages alone: corpus, alignment, three tokenizations, PNMI for each.

    Example:

        hac-analyze demo -o demo
    """
    from analysis.counting import Protocol
    from analysis.demo import make_corpus, make_tokens
    from analysis.engine import cores
    from analysis.pnmi import prepare, run
    from hac.data.tokens import read_tokens
    from reports.tables import systems_table

    jobs = jobs if jobs > 0 else cores()
    manifest = make_corpus(output / "corpus", jobs, typer.echo)
    outcomes = []
    for step in make_tokens(manifest, output / "tokenizers", jobs, typer.echo):
        request = prepare(
            read_tokens(step.tokens), manifest, None, Protocol(), inputs={"tokens": step.tokens}, system=step.name
        )
        outcomes.append(run(request, jobs))
        _finish(outcomes[-1], output / step.name, jobs)
    _print(systems_table([outcome.results for outcome in outcomes]))
    typer.echo(f"results: a folder per tokenizer in {output} (results.json, metrics.csv, figures/)")


def _finish(outcome: Outcome, output: Path, jobs: int) -> None:
    """Write a run's files, print its table and say where the files are."""
    from reports.run_files import write_pnmi
    from reports.tables import pnmi_table

    written = write_pnmi(outcome, output, jobs)
    _print(pnmi_table(outcome.results))
    typer.echo(f"results: {written[-1]} ({len(written)} files in {output})")


def _print(table: RenderableType) -> None:
    from rich.console import Console

    out = Console(highlight=False)
    # a table in a file is not cut to the width of a screen that is not there
    (out if out.is_terminal else Console(width=120, highlight=False)).print(table)


def _tokens(
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
    from hac.data.tokens import read_tokens
    from hac.errors import HacError

    if (ckpt is None) == (tokens is None):
        raise HacError("give either --ckpt (a tokenizer) or --tokens (a token file), not both and not neither")
    if tokens is not None:
        return read_tokens(tokens, frame_rate=frame_rate, codebook_size=codebook_size, ids=ids)
    if manifest is None:
        raise HacError("--ckpt needs --manifest, which says where the audio is")
    from analysis.engine import cores
    from hac.data.manifest import read_manifest
    from hac.encode import encode_corpus

    path = encode_corpus(
        read_manifest(manifest),
        str(ckpt),
        output / "tokens.parquet",
        device=device,
        jobs=jobs if jobs > 0 else cores(),
        failures=failures,
    )
    return read_tokens(path)


def _shard(text: str | None) -> tuple[int, int] | None:
    from hac.errors import HacError

    if text is None:
        return None
    place, _, n = text.partition("/")
    if not (place.isdecimal() and n.isdecimal() and 1 <= int(place) <= int(n)):
        raise HacError(f"--shard {text!r} is not a part such as 2/10 (the second of ten)")
    return int(place) - 1, int(n)


def _text(path: Path | None) -> str | None:
    return str(path) if path is not None else None


def main() -> None:
    """Entry point of the `hac-analyze` command."""
    console.run(app)
