"""`hac-analyze boundaries`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hac.commands.cluster_option import clustered
from hac.commands.locked_output import exclusive
from reports.commands import options as opt

if TYPE_CHECKING:
    from analysis.boundaries.counting import BoundaryProtocol
    from analysis.boundaries.run import Outcome


@exclusive("output")
@clustered
def boundaries(
    ckpt: opt.Ckpt = None,
    tokens: opt.Tokens = None,
    name: opt.Name = None,
    manifest: opt.ManifestFile = None,
    alignments: opt.AlignmentFile = None,
    output: opt.Output = Path("boundaries"),
    streams: opt.Streams = None,
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
    phones: Annotated[
        str, typer.Option(help="Phone policy: auto, arpabet, ipa, timit39, none or a YAML file.")
    ] = "auto",
    nulls: opt.Nulls = 20,
    bootstrap: opt.Bootstrap = 1000,
    seed: opt.Seed = 0,
    shard: opt.ShardOf = None,
    own_stores: opt.OwnStores = False,
    frame_rate: opt.FrameRate = None,
    codebook_size: opt.CodebookSize = None,
    ids: opt.Ids = None,
    device: opt.Device = "cpu",
    jobs: opt.Jobs = -1,
    strict: opt.IsStrict = False,
) -> None:
    """Token change points against phone and word boundaries: precision, recall, F1, over-segmentation, R-value.

    Examples:

        hac-analyze boundaries --tokens tokens.parquet --manifest corpus/manifest.jsonl -o results

        hac-analyze boundaries --ckpt mimi:kyutai/mimi --manifest corpus/manifest.jsonl --tiers words --rule greedy

        hac-analyze boundaries --tokens units.km --ids ids.txt --frame-rate 50 --codebook-size 500 --alignments ali.ctm
    """
    from analysis.boundaries.run import run
    from analysis.boundaries.shards import run_shard
    from analysis.inputs.request import prepare
    from analysis.shards.count_file import NAME
    from hac.errors import FailureLog

    part = opt.parse_shard(shard)
    opt.check_own_stores(own_stores, shard)
    protocol = _protocol(rule, tolerances, edges, tiers, nulls, bootstrap, seed, phones)
    failures = FailureLog(strict=strict)
    store = opt.load_tokens(ckpt, tokens, manifest, output, device, jobs, failures, frame_rate, codebook_size, ids)
    rest = opt.common(tokens, streams, name, failures, ckpt=ckpt, strict=strict, shard=shard)
    request = prepare(store, manifest, alignments, protocol, **rest)
    if part:
        run_shard(request, *part, output / NAME, jobs, own_stores)
        opt.tell_shard(shard, output / NAME)
        return
    finish(run(request, jobs), output, jobs)


def finish(outcome: Outcome, output: Path, jobs: int) -> None:
    """Write a run's files, print its tables and say where the files are."""
    from reports.boundaries.files import write_boundaries
    from reports.boundaries.tables import boundary_tables

    written = write_boundaries(outcome, output, jobs)
    opt.show(boundary_tables(outcome.results))
    opt.tell_files(written, output)


def _protocol(
    rules: list[str] | None,
    tolerances: str,
    edges: str,
    tiers: str | None,
    nulls: int,
    bootstrap: int,
    seed: int,
    phones: str,
) -> BoundaryProtocol:
    from analysis.boundaries.counting import BoundaryProtocol
    from probes.boundaries.boundary_counts import RULES, check_edges, check_rules

    return BoundaryProtocol(
        rules=check_rules(rules or RULES),
        tolerances_ms=_milliseconds(tolerances),
        edges=check_edges(edges),
        tiers=tuple(dict.fromkeys(opt.names_of(tiers))),
        n_nulls=nulls,
        n_bootstrap=bootstrap,
        seed=seed,
        phone_policy=phones,
    )


def _milliseconds(text: str) -> tuple[int, ...]:
    from hac.errors import HacError

    parts = [part.strip() for part in text.split(",")]
    if bad := [part for part in parts if not (part.isascii() and part.isdecimal())]:
        raise HacError(f"--tolerances {text!r}: {bad[0]!r} is not a whole number of ms; expected such as 10,20,30")
    return tuple(sorted({int(part) for part in parts}))
