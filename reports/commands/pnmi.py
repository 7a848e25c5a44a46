"""`hac-analyze pnmi` and `merge`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hac.commands.cluster_option import clustered
from hac.commands.locked_output import exclusive
from reports.commands import options as opt

if TYPE_CHECKING:
    from analysis.pnmi.run import Outcome


@exclusive("output")
@clustered
def pnmi(
    ckpt: opt.Ckpt = None,
    tokens: opt.Tokens = None,
    name: opt.Name = None,
    manifest: opt.ManifestFile = None,
    alignments: opt.AlignmentFile = None,
    output: opt.Output = Path("pnmi"),
    streams: opt.Streams = None,
    convention: Annotated[
        str, typer.Option(help="How frames meet phones: duration, hubert, max-overlap or centre.")
    ] = "duration",
    phones: Annotated[
        str, typer.Option(help="Phone policy: auto, arpabet, ipa, timit39, none or a YAML file.")
    ] = "auto",
    nulls: opt.Nulls = 20,
    bootstrap: opt.Bootstrap = 1000,
    seed: opt.Seed = 0,
    clips: opt.Clips = opt.CLIPS,
    clips_mb: opt.ClipsMb = opt.CLIPS_MB,
    shard: opt.ShardOf = None,
    own_stores: opt.OwnStores = False,
    frame_rate: opt.FrameRate = None,
    codebook_size: opt.CodebookSize = None,
    ids: opt.Ids = None,
    device: opt.Device = "cpu",
    jobs: opt.Jobs = -1,
    strict: opt.IsStrict = False,
) -> None:
    """PNMI and purities of every stream against forced alignments, with null, interval and protocol.

    Examples:

        hac-analyze pnmi --ckpt mfcc-kmeans:km100 --manifest corpus/manifest.jsonl -o results

        hac-analyze pnmi --tokens tokens.parquet --manifest corpus/manifest.jsonl --alignments textgrids/

        hac-analyze pnmi --tokens units.km --ids ids.txt --frame-rate 50 --codebook-size 500 --alignments ali.ctm
    """
    from analysis.inputs.request import prepare
    from analysis.pnmi.counting import Protocol
    from analysis.pnmi.shards import run_shard
    from analysis.shards.count_file import NAME
    from hac.errors import FailureLog
    from probes.joint_counts.frame_labels import check_convention

    part = opt.parse_shard(shard)
    opt.check_own_stores(own_stores, shard)
    protocol = Protocol(check_convention(convention), nulls, bootstrap, seed, phones)
    failures = FailureLog(strict=strict)
    store = opt.load_tokens(ckpt, tokens, manifest, output, device, jobs, failures, frame_rate, codebook_size, ids)
    rest = opt.common(tokens, streams, name, failures, ckpt=ckpt, strict=strict, shard=shard)
    request = prepare(store, manifest, alignments, protocol, **rest)
    if part:
        run_shard(request, *part, output / NAME, own_stores)
        opt.tell_shard(shard, output / NAME)
        return
    from analysis.clips.sources import of_tokens
    from analysis.pnmi.run import run

    outcome = run(request, jobs)
    opt.keep_clips(output, of_tokens(request), clips, clips_mb)
    finish(outcome, output, jobs)


def finish(outcome: Outcome, output: Path, jobs: int) -> None:
    """Write a run's files, print its table and say where the files are."""
    from reports.pnmi.files import write_pnmi
    from reports.pnmi.tables import pnmi_table

    written = write_pnmi(outcome, output, jobs)
    opt.show(pnmi_table(outcome.results))
    opt.tell_files(written, output)
