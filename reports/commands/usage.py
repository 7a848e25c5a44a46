"""`hac-analyze usage`."""

from __future__ import annotations

from pathlib import Path

from hac.commands.cluster_option import clustered
from hac.commands.locked_output import exclusive
from reports.commands import options as opt


@exclusive("output")
@clustered
def usage(
    ckpt: opt.Ckpt = None,
    tokens: opt.Tokens = None,
    name: opt.Name = None,
    manifest: opt.ManifestFile = None,
    output: opt.Output = Path("usage"),
    streams: opt.Streams = None,
    nulls: opt.Nulls = 20,
    bootstrap: opt.Bootstrap = 1000,
    seed: opt.Seed = 0,
    frame_rate: opt.FrameRate = None,
    codebook_size: opt.CodebookSize = None,
    ids: opt.Ids = None,
    device: opt.Device = "cpu",
    jobs: opt.Jobs = -1,
    strict: opt.IsStrict = False,
) -> None:
    """How streams use their codebooks: used codes, perplexity, runs, entropies, compressed size, bits per second.

    Needs no alignments. A manifest is only needed with --ckpt; it tells speakers and languages.

    Examples:

        hac-analyze usage --tokens tokens.parquet -o results

        hac-analyze usage --tokens tokens.parquet --manifest corpus/manifest.jsonl --streams phonetic,lexical

        hac-analyze usage --ckpt mimi:kyutai/mimi --manifest corpus/manifest.jsonl
    """
    from analysis.usage.counts import UsageProtocol
    from analysis.usage.run import request_of, run
    from hac.errors import FailureLog
    from reports.render.result_files import write_run
    from reports.usage.files import usage_files
    from reports.usage.tables import usage_tables

    protocol = UsageProtocol(n_nulls=nulls, n_dear=min(nulls, 5), n_bootstrap=bootstrap, seed=seed)
    failures = FailureLog(strict=strict)
    store = opt.load_tokens(ckpt, tokens, manifest, output, device, jobs, failures, frame_rate, codebook_size, ids)
    rest = opt.common(tokens, streams, name, failures, ckpt=ckpt, strict=strict)
    outcome = run(request_of(store, manifest, protocol, **rest), jobs)
    written = write_run(outcome.results, usage_files(outcome), output)
    opt.show(usage_tables(outcome.results))
    opt.tell_files(written, output)
