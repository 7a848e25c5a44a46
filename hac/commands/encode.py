"""`hac encode`: a corpus, or a few recordings, to a token store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hac.commands.cluster_option import ClusterOption, on_cluster
from hac.files.output_lock import locked


def encode(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="A manifest (.jsonl or .parquet), audio files (.wav, .flac, .ogg, .opus, .mp3), or a folder of them.",
        ),
    ],
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
    cluster: ClusterOption = None,
) -> None:
    """Encode speech into a token store: a corpus by its manifest, audio files, or a folder of audio.

    What is finished is never done again: after Ctrl-C or a crash, the same command goes on. Audio that cannot be
    encoded is counted and listed, and left out. Long recordings are read and encoded piece by piece.

    Utterances are named by the manifest; without one, by the names of the files (by their paths where names repeat).

    Examples:

        hac encode corpus/manifest.jsonl --tokenizer mfcc-kmeans:models/km100 -o tokens.parquet

        hac encode speech.wav lecture.mp3 -t hac:runs/hac-small -o tokens.parquet

        hac encode recordings/ -t mimi:kyutai/mimi -s semantic --device cuda -j 8 -o mimi.parquet
    """
    place = {"files" if out.suffix == ".parquet" else "folders": [out]}
    with locked(**place), on_cluster(cluster, out):
        from hac.coding.encode import SHARD_S, encode_corpus
        from hac.commands.failures import report_failures
        from hac.corpora.from_audio import open_corpus
        from hac.data.timeline import US_PER_S
        from hac.data.tokens.formats import read_tokens
        from hac.errors import FailureLog

        failures = FailureLog(strict)
        names = [name for entry in streams or [] for name in entry.split(",")] or None
        corpus = open_corpus(inputs, failures)
        # what fits in one shard is encoded here: a process would only load the model a second time
        one_shard = device == "cpu" and corpus.duration_us < SHARD_S * US_PER_S
        path = encode_corpus(
            corpus,
            tokenizer,
            out,
            device=device,
            jobs=1 if one_shard and jobs else jobs,
            streams=names,
            batch_s=batch_s,
            failures=failures,
        )
        store = read_tokens(path)
        typer.echo(f"{path}: {len(store)} utterances")
        for name, stream in store.streams.items():
            rate = f"{stream.frame_rate} Hz"
            typer.echo(f"  {name}: {len(stream.codes)} frames at {rate}, {stream.codebook_size} codes")
        report_failures(failures, path.with_suffix(".failures.jsonl"))
