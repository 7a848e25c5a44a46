"""`hac-analyze discovery`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reports.commands import options as opt
from reports.commands.option_groups import grouped

if TYPE_CHECKING:
    from analysis.discovery.run import Outcome, Protocol


@grouped
def discovery(
    *,
    segments: Annotated[
        Path | None,
        typer.Option(
            help="A segmentation: a class file (`Class N`, then `id onset offset` in seconds, an empty line after each "
            "class), or CSV or Parquet with id, onset, offset, cluster."
        ),
    ] = None,
    inputs: opt.Inputs = opt.Inputs(output=Path("discovery")),
    silence: Annotated[
        str, typer.Option(help="Segments over nothing but silence: keep (as the field's scorer does) or drop.")
    ] = "keep",
    phones: opt.Phones = "auto",
    max_pairs: Annotated[
        int, typer.Option(min=0, help="Most pairs of different transcriptions that NED compares in each draw.")
    ] = 2_000_000,
    draws: opt.Draws = opt.Draws(nulls=5),
    facts: opt.TokenFacts,
    machine: opt.Machine,
) -> None:
    """Word discovery: token, type and boundary F1, coverage and NED of a segmentation, or of the runs of a stream.

    Scored by the field's own package: `pip install 'hac-codec[discovery]'`. In a token stream each run of equal codes
    is a segment, and the code is its class; runs over silence count, unless `--silence drop`.

    Examples:

        hac-analyze discovery --segments found.class --manifest corpus/manifest.jsonl -o results

        hac-analyze discovery --segments found.csv --alignments textgrids/ --silence drop

        hac-analyze discovery --tokens tokens.parquet --streams lexical --manifest corpus/manifest.jsonl
    """
    with opt.working(inputs.output, machine):
        from analysis.discovery.run import Protocol, check_silence, run
        from hac.errors import HacError
        from probes.discovery.term_discovery import package
        from reports.discovery.tables import discovery_table

        protocol = Protocol(draws.nulls, draws.seed, phones, max_pairs, check_silence(silence))
        # nobody should wait for tokens that cannot be scored then
        package()
        if segments is not None:
            if inputs.ckpt is not None or inputs.tokens is not None or inputs.streams is not None:
                raise HacError("give either --segments or tokens (--tokens, --ckpt, --streams), not both")
            outcome = _score_segments(segments, inputs, machine, protocol)
        else:
            if inputs.ckpt is None and inputs.tokens is None:
                raise HacError("give --segments (a segmentation), --tokens (a token file) or --ckpt (a tokenizer)")
            outcome = run(opt.open_request(inputs, facts, machine, protocol), machine.jobs, say=_say)
        opt.finish(outcome.results, {}, inputs.output, discovery_table(outcome.results))


def _score_segments(path: Path, inputs: opt.Inputs, machine: opt.Machine, protocol: Protocol) -> Outcome:
    """Read the labels and a segmentation, and score it."""
    from analysis.discovery.run import given, run
    from analysis.inputs.corpus import find_alignments, read_labels
    from analysis.inputs.request import Request
    from hac.errors import FailureLog

    failures = FailureLog(strict=machine.strict)
    found = find_alignments(inputs.alignments, inputs.manifest)
    files = {"segments": path, "alignments": found}
    if inputs.manifest is not None:
        files["manifest"] = inputs.manifest
    labels = read_labels(inputs.manifest, found, failures)
    segmentations, store = given(path, labels, failures)
    options = opt.recorded(None, None, segments=str(path), strict=machine.strict)
    request = Request(store, labels, protocol, (), failures, files, options, inputs.name or "")
    return run(request, machine.jobs, segmentations, say=_say)


def _say(text: str) -> None:
    typer.echo(text, err=True)
