"""`hac-analyze boundaries`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reports.commands import options as opt
from reports.commands.option_groups import grouped

if TYPE_CHECKING:
    from analysis.boundaries.run import Outcome


@grouped
def boundaries(
    *,
    inputs: opt.Inputs = opt.Inputs(output=Path("boundaries")),
    tiers: Annotated[
        str | None, typer.Option(help="phones, words or phones,words. [default: those that the alignments have]")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help="How boundaries match: greedy, nearest, maximum or midpoint; may be given again. [default: all]"
        ),
    ] = None,
    tolerances: Annotated[str, typer.Option(help="Tolerances in whole ms, by comma.")] = "10,20,30,40,50",
    edges: Annotated[
        str, typer.Option(help="out: leave out an utterance's first and last boundary; in: count them.")
    ] = "out",
    phones: opt.Phones = "auto",
    draws: opt.Draws,
    shard: opt.Shard,
    facts: opt.TokenFacts,
    machine: opt.Machine,
) -> None:
    """Token change points against phone and word boundaries: precision, recall, F1, over-segmentation, R-value.

    Examples:

        hac-analyze boundaries --tokens tokens.parquet --manifest corpus/manifest.jsonl -o results

        hac-analyze boundaries --ckpt mimi:kyutai/mimi --manifest corpus/manifest.jsonl --tiers words --rule greedy

        hac-analyze boundaries --tokens units.km --ids ids.txt --frame-rate 50 --codebook-size 500 --alignments ali.ctm
    """
    with opt.working(inputs.output, machine):
        from analysis.boundaries.counting import BoundaryProtocol
        from analysis.boundaries.run import run
        from analysis.boundaries.shards import run_shard
        from probes.boundaries.boundary_counts import RULES, check_edges, check_rules

        part = shard.place()
        protocol = BoundaryProtocol(
            rules=check_rules(rule or RULES),
            tolerances_ms=_milliseconds(tolerances),
            edges=check_edges(edges),
            tiers=tuple(dict.fromkeys(opt.names_of(tiers))),
            n_nulls=draws.nulls,
            seed=draws.seed,
            phone_policy=phones,
        )
        request = opt.open_request(inputs, facts, machine, protocol, shard=shard.shard)
        if part:
            run_shard(request, *part, opt.counts_file(inputs), machine.jobs, shard.own_stores)
            opt.tell_shard(shard, inputs)
            return
        finish(run(request, machine.jobs), inputs.output, machine.jobs)


def finish(outcome: Outcome, output: Path, jobs: int) -> None:
    """Write a run's files, print its tables and say where the files are."""
    from reports.boundaries.files import boundary_files
    from reports.boundaries.tables import boundary_tables

    opt.finish(outcome.results, boundary_files(outcome), output, boundary_tables(outcome.results), jobs)


def _milliseconds(text: str) -> tuple[int, ...]:
    from hac.errors import HacError

    parts = [part.strip() for part in text.split(",")]
    if bad := [part for part in parts if not (part.isascii() and part.isdecimal())]:
        raise HacError(f"--tolerances {text!r}: {bad[0]!r} is not a whole number of ms; expected such as 10,20,30")
    return tuple(sorted({int(part) for part in parts}))
