"""`hac decode`: a token store to audio files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hac.commands.cluster_option import ClusterOption, on_cluster
from hac.files.output_lock import locked


class Format(StrEnum):
    """The audio formats by name."""

    wav = "wav"
    flac = "flac"


def decode(
    tokens: Annotated[Path, typer.Argument(help="Token store: Parquet of `hac encode`, JSONL, NPZ, ...")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the audio files and their manifest.jsonl.")],
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--ckpt",
            "-c",
            help="Model that made the tokens: a folder, a hub id or KIND:WHERE (hac, dac, encodec, mimi, xcodec). "
            "By default the one that the tokens name.",
        ),
    ] = None,
    streams: Annotated[
        list[str] | None,
        typer.Option(
            "--streams",
            "-s",
            help="Levels to decode: acoustic, phonetic, lexical; repeat or separate by commas. The others are "
            "silent. By default all.",
        ),
    ] = None,
    n_quantizers: Annotated[
        int | None, typer.Option(min=1, help="Use only the first so many acoustic streams. By default all there are.")
    ] = None,
    format: Annotated[Format, typer.Option(help="Format of the files, 16 bits.")] = Format.wav,
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="Manifest that was encoded: cuts each file to its duration. Without it, files are whole frames: up "
            "to one frame longer than the recording."
        ),
    ] = None,
    ids: Annotated[list[str] | None, typer.Option("--ids", help="Decode only this utterance; repeat for more.")] = None,
    device: Annotated[str, typer.Option(help="Where the decoder computes: cpu, cuda or cuda:N.")] = "cpu",
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes (cpu); -1: one per core.")] = -1,
    force: Annotated[
        bool, typer.Option("--force", help="Decode although the tokens name other weights than the model has.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first utterance that fails.")] = False,
    cluster: ClusterOption = None,
) -> None:
    """Decode tokens to audio, one file an utterance, named by its id.

    What is finished is never done again: after Ctrl-C or a crash, the same command goes on. Long utterances are
    decoded in overlapping windows (HAC, DAC, X-Codec), which gives what decoding them whole would give.

    Examples:

        hac decode tokens.parquet -o decoded

        hac decode tokens.parquet --ckpt runs/hac-small -o phonetic-only --streams phonetic --format flac

        hac decode tokens.parquet -o decoded --n-quantizers 3 --manifest corpus/manifest.jsonl --ids utterance-17
    """
    with locked([out]), on_cluster(cluster, out):
        from hac.coding.decode import decode_corpus
        from hac.commands.failures import report_failures
        from hac.data.manifest.formats import read_manifest
        from hac.errors import FailureLog

        failures = FailureLog(strict)
        made = decode_corpus(
            tokens,
            out,
            checkpoint=checkpoint,
            levels=[name for entry in streams or [] for name in entry.split(",")] or None,
            n_quantizers=n_quantizers,
            format=format.value,
            ids=ids or None,
            manifest=None if manifest is None else read_manifest(manifest, failures=failures),
            device=device,
            jobs=jobs,
            force=force,
            failures=failures,
        )
        n_kept = len(made.manifest) - made.n_new
        kept = f", {n_kept} were there already" if n_kept else ""
        hours = made.manifest.hours
        length = f"{hours:.2f} h" if hours >= 1 else f"{hours * 3600:.1f} s"
        typer.echo(f"{made.path}: {len(made.manifest)} utterances, {length} of audio{kept}")
        typer.echo(f"  decoded: {', '.join(made.streams)}, through {made.decoder}")
        report_failures(failures, made.path.with_suffix(".failures.jsonl"))
