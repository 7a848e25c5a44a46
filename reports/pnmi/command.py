"""`hac-analyze pnmi`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reports.commands import options as opt
from reports.commands.option_groups import grouped

if TYPE_CHECKING:
    from analysis.pnmi.run import Outcome


@grouped
def pnmi(
    *,
    inputs: opt.Inputs = opt.Inputs(output=Path("pnmi")),
    convention: Annotated[
        str, typer.Option(help="How frames meet phones: duration, hubert, max-overlap or centre.")
    ] = "duration",
    phones: opt.Phones = "auto",
    cumulative: Annotated[
        bool, typer.Option(help="Also sum up streams: what the first one, the first two, ... tell together.")
    ] = True,
    draws: opt.Draws,
    clips: opt.Clips,
    shard: opt.Shard,
    facts: opt.TokenFacts,
    machine: opt.Machine,
) -> None:
    """PNMI and purities of every stream against forced alignments, with null, interval and protocol.

    Examples:

        hac-analyze pnmi --ckpt mfcc-kmeans:km100 --manifest corpus/manifest.jsonl -o results

        hac-analyze pnmi --tokens tokens.parquet --manifest corpus/manifest.jsonl --alignments textgrids/

        hac-analyze pnmi --tokens units.km --ids ids.txt --frame-rate 50 --codebook-size 500 --alignments ali.ctm
    """
    with opt.working(inputs.output, machine):
        from analysis.clips.sources import of_tokens
        from analysis.pnmi.counting import Protocol
        from analysis.pnmi.run import run
        from analysis.pnmi.shards import run_shard
        from probes.joint_counts.frame_labels import check_convention

        part = shard.place()
        protocol = Protocol(check_convention(convention), draws.nulls, draws.seed, phones)
        request = opt.open_request(inputs, facts, machine, protocol, shard=shard.shard)
        if part:
            run_shard(request, *part, opt.counts_file(inputs), shard.own_stores)
            opt.tell_shard(shard, inputs)
            return
        outcome = run(request, machine.jobs, levels=cumulative)
        opt.keep_clips(inputs.output, of_tokens(request.labels, request.tokens), clips)
        finish(outcome, inputs.output, machine.jobs)


def finish(outcome: Outcome, output: Path, jobs: int) -> None:
    """Write a run's files, print its table and say where the files are."""
    from reports.pnmi.files import pnmi_files
    from reports.pnmi.tables import pnmi_table

    opt.finish(outcome.results, pnmi_files(outcome), output, pnmi_table(outcome.results), jobs)
