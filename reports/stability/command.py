"""`hac-analyze stability`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reports.commands import options as opt
from reports.commands.option_groups import grouped


@grouped
def stability(
    *,
    ckpt: opt.Ckpt = None,
    manifest: opt.ManifestFile = None,
    name: opt.Name = None,
    output: opt.Output = Path("stability"),
    streams: opt.Streams = None,
    perturb: Annotated[
        str | None,
        typer.Option(
            help="Perturbations by comma: reencode, shift, noise, gain, speed, codec, or names such as "
            "noise-white-20dB. [default: all]"
        ),
    ] = None,
    codec: Annotated[
        list[str] | None,
        typer.Option(
            help="Another tokenizer that decodes (kind:where): its pass is a perturbation; may be given again."
        ),
    ] = None,
    draws: opt.Draws = opt.Draws(nulls=10),
    machine: opt.Machine,
) -> None:
    """Do the same words get the same tokens? Edit distances after re-encoding, shifts, noise, gain, speed and codecs.

    Examples:

        hac-analyze stability --ckpt mfcc-kmeans:km100 --manifest corpus/manifest.jsonl -o results

        hac-analyze stability --ckpt hac:checkpoint --manifest corpus/manifest.jsonl --perturb reencode,shift

        hac-analyze stability --ckpt km100 --manifest corpus/manifest.jsonl --codec mimi:kyutai/mimi
    """
    with opt.working(output, machine):
        from analysis.inputs.corpus import without_alignments
        from analysis.inputs.request import Request
        from analysis.stability.perturbed_tokens import Plan, chosen, make_tokens
        from analysis.stability.run import StabilityProtocol, run
        from hac.data.manifest.formats import read_manifest
        from hac.errors import FailureLog, HacError
        from reports.stability.files import stability_files
        from reports.stability.tables import stability_tables

        if ckpt is None or manifest is None:
            raise HacError("stability needs --ckpt (a tokenizer) and --manifest (where the audio is)")
        signal, reencode = chosen(list(opt.names_of(perturb)))
        failures = FailureLog(strict=machine.strict)
        corpus = read_manifest(manifest, failures=failures)
        plan = Plan(ckpt, signal, reencode, tuple(codec or ()), seed=draws.seed)
        clean, variants = make_tokens(
            corpus, plan, output / "tokens", device=machine.device, jobs=machine.processes, failures=failures
        )
        protocol = StabilityProtocol(draws.nulls, draws.seed)
        options = opt.recorded(None, streams, ckpt=ckpt, perturb=perturb, codec=codec, strict=machine.strict)
        labels, files = without_alignments(corpus), {"manifest": manifest}
        names = opt.names_of(streams)
        outcome = run(
            Request(clean, labels, protocol, names, failures, files, options, name or ""), variants, machine.jobs
        )
        opt.finish(outcome.results, stability_files(outcome), output, stability_tables(outcome.results))
