"""`hac-analyze discovery`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hac.commands.cluster_option import clustered
from hac.commands.locked_output import exclusive
from reports.commands import options as opt

if TYPE_CHECKING:
    from analysis.discovery.run import Outcome, Protocol
    from hac.errors import FailureLog


@exclusive("output")
@clustered
def discovery(
    segments: Annotated[
        Path | None,
        typer.Option(
            help="A segmentation: a class file (`Class N`, then `id onset offset` in seconds, an empty line after each "
            "class), or CSV or Parquet with id, onset, offset, cluster."
        ),
    ] = None,
    ckpt: opt.Ckpt = None,
    tokens: opt.Tokens = None,
    name: opt.Name = None,
    manifest: opt.ManifestFile = None,
    alignments: opt.AlignmentFile = None,
    output: opt.Output = Path("discovery"),
    streams: opt.Streams = None,
    silence: Annotated[
        str, typer.Option(help="Segments over nothing but silence: keep (as the field's scorer does) or drop.")
    ] = "keep",
    phones: Annotated[
        str, typer.Option(help="Phone policy: auto, arpabet, ipa, timit39, none or a YAML file.")
    ] = "auto",
    max_pairs: Annotated[
        int, typer.Option(min=0, help="Most pairs of different transcriptions that NED compares in each draw.")
    ] = 2_000_000,
    nulls: opt.Nulls = 5,
    bootstrap: opt.Bootstrap = 1000,
    seed: opt.Seed = 0,
    frame_rate: opt.FrameRate = None,
    codebook_size: opt.CodebookSize = None,
    ids: opt.Ids = None,
    device: opt.Device = "cpu",
    jobs: opt.Jobs = -1,
    strict: opt.IsStrict = False,
) -> None:
    """Word discovery: token, type and boundary F1, coverage and NED of a segmentation, or of the runs of a stream.

    Scored by the field's own package: `pip install 'hac-codec[discovery]'`. In a token stream each run of equal codes
    is a segment, and the code is its class; runs over silence count, unless `--silence drop`.

    Examples:

        hac-analyze discovery --segments found.class --manifest corpus/manifest.jsonl -o results

        hac-analyze discovery --segments found.csv --alignments textgrids/ --silence drop

        hac-analyze discovery --tokens tokens.parquet --streams lexical --manifest corpus/manifest.jsonl
    """
    from analysis.discovery.run import Protocol, check_silence
    from hac.errors import FailureLog, HacError
    from probes.discovery.term_discovery import package

    protocol = Protocol(nulls, bootstrap, seed, phones, max_pairs, check_silence(silence))
    # nobody should wait for tokens that cannot be scored then
    package()
    failures = FailureLog(strict=strict)
    if segments is not None:
        if ckpt is not None or tokens is not None or streams is not None:
            raise HacError("give either --segments or tokens (--tokens, --ckpt, --streams), not both")
        outcome = _score_segments(segments, manifest, alignments, protocol, failures, jobs, name=name, strict=strict)
    else:
        from analysis.discovery.run import run
        from analysis.inputs.request import prepare

        if ckpt is None and tokens is None:
            raise HacError("give --segments (a segmentation), --tokens (a token file) or --ckpt (a tokenizer)")
        store = opt.load_tokens(ckpt, tokens, manifest, output, device, jobs, failures, frame_rate, codebook_size, ids)
        rest = opt.common(tokens, streams, name, failures, ckpt=ckpt, strict=strict)
        outcome = run(prepare(store, manifest, alignments, protocol, **rest), jobs, say=_say)
    finish(outcome, output)


def _score_segments(
    path: Path,
    manifest: Path | None,
    alignments: Path | None,
    protocol: Protocol,
    failures: FailureLog,
    jobs: int,
    **options: Any,
) -> Outcome:
    """Read the labels and a segmentation, and score it."""
    from analysis.discovery.run import given, run
    from analysis.inputs.corpus import find_alignments, read_labels
    from analysis.inputs.request import Request

    found = find_alignments(alignments, manifest)
    inputs = {"segments": path, "alignments": found} | ({"manifest": manifest} if manifest is not None else {})
    labels = read_labels(manifest, found, failures)
    segmentations, store = given(path, labels, failures)
    rest = opt.common(None, None, options.pop("name"), failures, segments=str(path), **options)
    request = Request(store, labels, protocol, **{**rest, "inputs": inputs})
    return run(request, jobs, segmentations, say=_say)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def finish(outcome: Outcome, output: Path) -> None:
    """Write a run's files, print its table and say where the files are."""
    from reports.discovery.tables import discovery_table
    from reports.render.result_files import write_numbers

    written = write_numbers(outcome.results, output)
    opt.show(discovery_table(outcome.results))
    opt.tell_files(written, output)
