"""`hac-analyze stability`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hac.commands.cluster_option import clustered
from hac.commands.locked_output import exclusive
from reports.commands import options as opt


@exclusive("output")
@clustered
def stability(
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
    nulls: opt.Nulls = 10,
    bootstrap: opt.Bootstrap = 1000,
    seed: opt.Seed = 0,
    device: opt.Device = "cpu",
    jobs: opt.Jobs = -1,
    strict: opt.IsStrict = False,
) -> None:
    """Do the same words get the same tokens? Edit distances after re-encoding, shifts, noise, gain, speed and codecs.

    Examples:

        hac-analyze stability --ckpt mfcc-kmeans:km100 --manifest corpus/manifest.jsonl -o results

        hac-analyze stability --ckpt hac:checkpoint --manifest corpus/manifest.jsonl --perturb reencode,shift

        hac-analyze stability --ckpt km100 --manifest corpus/manifest.jsonl --codec mimi:kyutai/mimi
    """
    from analysis.inputs.request import Request
    from analysis.inputs.token_corpus import without_alignments
    from analysis.parallel import cores
    from analysis.stability.perturbed_tokens import Plan, chosen, make_tokens
    from analysis.stability.run import StabilityProtocol, run
    from hac.data.manifest.formats import read_manifest
    from hac.errors import FailureLog, HacError
    from reports.stability.files import write_stability
    from reports.stability.tables import stability_tables

    if ckpt is None or manifest is None:
        raise HacError("stability needs --ckpt (a tokenizer) and --manifest (where the audio is)")
    picked = [part.strip() for part in perturb.split(",")] if perturb else []
    signal, reencode = chosen(picked)
    failures = FailureLog(strict=strict)
    corpus = read_manifest(manifest, failures=failures)
    plan = Plan(ckpt, signal, reencode, tuple(codec or ()), seed=seed)
    made = output / "tokens"
    n_jobs = jobs if jobs > 0 else cores()
    clean, variants = make_tokens(corpus, plan, made, device=device, jobs=n_jobs, failures=failures)
    rest = opt.common(None, streams, name, failures, ckpt=ckpt, perturb=perturb, codec=codec, strict=strict)
    rest["inputs"] = {"manifest": manifest}
    request = Request(clean, without_alignments(corpus), StabilityProtocol(nulls, bootstrap, seed), **rest)
    outcome = run(request, variants, jobs)
    written = write_stability(outcome, output)
    opt.show(stability_tables(outcome.results))
    opt.tell_files(written, output)
