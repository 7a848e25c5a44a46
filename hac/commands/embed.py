"""`hac embed`: the vectors behind a corpus's tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hac.commands.cluster_option import ClusterOption, on_cluster
from hac.files.output_lock import locked


def embed(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT...", help="A manifest (.jsonl or .parquet), audio files, or a folder of them."),
    ],
    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", help="KIND:WHERE as for `hac encode`, or a speech encoder: encoder:WHERE?layer=9."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")],
    streams: Annotated[
        list[str] | None, typer.Option("--streams", "-s", help="Keep only this stream; repeat or separate by commas.")
    ] = None,
    quantized: Annotated[
        bool, typer.Option("--quantized", help="What the codes stand for, instead of what was quantized.")
    ] = False,
    device: Annotated[str, typer.Option(help="Where the model computes: cpu, cuda or cuda:N.")] = "cpu",
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes (cpu); -1: one per core.")] = -1,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first audio file that fails.")] = False,
    cluster: ClusterOption = None,
) -> None:
    """Write the real-valued vectors of every stream, as many as there are tokens, to probe them beside the codes.

    HAC gives what each quantizer was offered, k-means tokenizers their features, the codecs of transformers the
    codebook vectors of their tokens. What is finished is never done again.

    Examples:

        hac embed corpus/manifest.jsonl -m run/checkpoints/step-00000480 -s phonetic -o vectors

        hac embed corpus/manifest.jsonl -m "encoder:facebook/hubert-base-ls960?layer=9" -o hubert-9
    """
    with locked([out]), on_cluster(cluster, out):
        from hac.coding.embed import embed_corpus
        from hac.commands.failures import report_failures
        from hac.corpora.from_audio import open_corpus
        from hac.data.embedding_store import read_embeddings
        from hac.errors import FailureLog

        failures = FailureLog(strict)
        names = [name for entry in streams or [] for name in entry.split(",")] or None
        corpus = open_corpus(inputs, failures)
        embed_corpus(corpus, model, out, names, quantized, device=device, jobs=jobs, failures=failures)
        store = read_embeddings(out)
        typer.echo(f"{out}: {len(store.ids)} utterances")
        for name, spec in store.streams.items():
            typer.echo(f"  {name}: {store.lengths[name].sum()} frames at {spec.frame_rate} Hz, {spec.dim} values each")
        report_failures(failures, out / "failures.jsonl")
